"""Messages of an outbox that got stuck: what the staff and the doctor see of them, and how they are tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update

from storefront.core.clock import utc_now
from storefront.db import audit_log, outbox
from storefront.db.audit_log import StaffAct
from storefront.db.outbox import OutboxMessage
from storefront.db.session import queries, retried, rows_changed, transaction

OVERDUE = timedelta(minutes=10)  # a message that is not delivered by then is waiting for somebody


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that its handler has not taken. What it says stays in its table: there may be secrets in it.

    :ivar key: names the fact; where that would tell something it is a random number
    :ivar due_at: when it is tried next, unless it was given up
    :ivar is_parked: it was given up :ivar is_overdue: it waits for longer than a message may
    """

    id: int
    topic: str
    key: str
    attempts: int
    last_error: str
    created_at: datetime
    due_at: datetime
    is_parked: bool
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class StuckMessages:
    """What got stuck in the outbox of a schema.

    :ivar trail: where it is noted who had a message tried again; None in a schema that keeps no trail, whose caller
        notes it elsewhere
    """

    schema: str
    table: type[OutboxMessage]
    trail: type[StaffAct] | None

    def listed(self, most: int | None = None) -> list[Undelivered]:
        """Each of them, given up first, then longest waiting. :param most: no more than these"""
        table, before = self.table, utc_now() - OVERDUE
        chosen = select(table).where(self._is_stuck()).order_by(table.parked_at.is_(None), table.id).limit(most)
        return [
            Undelivered(
                id=row.id,
                topic=row.topic,
                key=row.key,
                attempts=row.attempts,
                last_error=row.last_error,
                created_at=row.created_at,
                due_at=row.due_at,
                is_parked=row.parked_at is not None,
                is_overdue=row.created_at < before,
            )
            for row in queries().scalars(chosen)
        ]

    def count(self) -> int:
        """How many there are."""
        return queries().scalar(select(func.count(self.table.id)).where(self._is_stuck())) or 0

    def _is_stuck(self) -> ColumnElement[bool]:
        """Not delivered, and given up, refused by its handler, or overdue."""
        table, before = self.table, utc_now() - OVERDUE
        for_good = or_(table.parked_at.is_not(None), table.last_error != "", table.created_at < before)
        return table.delivered_at.is_(None) & for_good

    def faults(self) -> list[str]:
        """The same for the doctor, in words; what failed a moment ago comes back by itself."""
        return [
            f"{message.key}: {_state_of(message)}: {message.last_error}"
            for message in self.listed()
            if message.is_parked or message.is_overdue
        ]

    @retried
    def deliver_again(self, message: int, *, actor: str) -> bool:
        """Have a message that was given up delivered now; if it fails again, it is given up again.

        One that was not given up is left alone: it comes back by itself, or is under way at this very moment.

        :return: whether this call did it; a second click does not
        """
        table = self.table
        parked = (table.id == message, table.parked_at.is_not(None), table.delivered_at.is_(None))
        revival = update(table).where(*parked).values(parked_at=None, due_at=utc_now())
        with transaction(self.schema) as session:
            if not rows_changed(session.execute(revival)):
                return False
            outbox.wake_worker(session)
            if self.trail is not None:
                row = session.get_one(table, message)
                detail = f"after {row.attempts} attempts: {row.last_error}"
                audit_log.note(
                    session, self.trail, actor=actor, what="message tried again", subject=row.key, detail=detail
                )
            return True


def stuck_messages() -> dict[str, StuckMessages]:
    """What got stuck in each outbox of the shop, by its schema."""
    trails = {trail.__bind_key__: trail for trail in StaffAct.__subclasses__()}
    return {schema: StuckMessages(schema, table, trails.get(schema)) for schema, table in outbox.outboxes().items()}


def _state_of(message: Undelivered) -> str:
    return "parked" if message.is_parked else f"not delivered after {message.attempts} attempts"
