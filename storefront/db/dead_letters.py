"""Messages of an outbox that got stuck: what the staff and the doctor see of them, and how they are tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update

from storefront.core.clock import utc_now
from storefront.db import audit_log, outbox
from storefront.db.audit_log import AuditEntryMixin
from storefront.db.outbox import OutboxMessage
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

OVERDUE = timedelta(minutes=10)  # a message that is not delivered by then is waiting for somebody


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """A message that its handler has not taken. What it says stays in its table: there may be secrets in it.

    :ivar key: names the fact; where that would tell something it is a random number
    :ivar due_at: when it is tried next, unless it was given up
    :ivar is_parked: it was given up
    :ivar is_overdue: it waits for longer than a message may
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
class DeadLetters:
    """What got stuck in the outbox of a schema.

    :ivar trail: where it is noted who had a message tried again; None in a schema that keeps no trail, whose caller
        notes it elsewhere
    """

    schema: str
    table: type[OutboxMessage]
    trail: type[AuditEntryMixin] | None

    def entries(self, most: int | None = None) -> list[FailedMessage]:
        """Each of them, given up first, then longest waiting.

        :param most: no more than these
        """
        table, before = self.table, utc_now() - OVERDUE
        chosen = select(table).where(self._is_stuck()).order_by(table.failed_at.is_(None), table.id).limit(most)
        return [
            FailedMessage(
                id=row.id,
                topic=row.topic,
                key=row.key,
                attempts=row.attempts,
                last_error=row.last_error,
                created_at=row.created_at,
                due_at=row.due_at,
                is_parked=row.failed_at is not None,
                is_overdue=row.created_at < before,
            )
            for row in read_session().scalars(chosen)
        ]

    def count(self) -> int:
        """How many there are."""
        return read_session().scalar(select(func.count(self.table.id)).where(self._is_stuck())) or 0

    def _is_stuck(self) -> ColumnElement[bool]:
        """Not delivered, and given up, refused by its handler, or overdue."""
        table, before = self.table, utc_now() - OVERDUE
        for_good = or_(table.failed_at.is_not(None), table.last_error != "", table.created_at < before)
        return table.delivered_at.is_(None) & for_good

    def violations(self) -> list[str]:
        """The same for the doctor, in words; what failed a moment ago comes back by itself."""
        return [
            f"{message.key}: {_state_of(message)}: {message.last_error}"
            for message in self.entries()
            if message.is_parked or message.is_overdue
        ]

    @retry_on_deadlock
    def requeue(self, message: int, *, actor: str) -> bool:
        """Have a message that was given up delivered now; if it fails again, it is given up again.

        One that was not given up is left alone: it comes back by itself, or is under way at this very moment.

        :return: whether this call did it; a second click does not
        """
        table = self.table
        parked = (table.id == message, table.failed_at.is_not(None), table.delivered_at.is_(None))
        revival = update(table).where(*parked).values(failed_at=None, due_at=utc_now())
        with transaction(self.schema) as session:
            if not rows_changed(session.execute(revival)):
                return False
            outbox.wake_worker(session)
            if self.trail is not None:
                row = session.get_one(table, message)
                detail = f"after {row.attempts} attempts: {row.last_error}"
                audit_log.record(
                    session, self.trail, actor=actor, what="message tried again", subject=row.key, detail=detail
                )
            return True


def stuck_messages() -> dict[str, DeadLetters]:
    """What got stuck in each outbox of the shop, by its schema."""
    trails = {trail.__bind_key__: trail for trail in AuditEntryMixin.__subclasses__()}
    return {schema: DeadLetters(schema, table, trails.get(schema)) for schema, table in outbox.outboxes().items()}


def _state_of(message: FailedMessage) -> str:
    return "parked" if message.is_parked else f"not delivered after {message.attempts} attempts"
