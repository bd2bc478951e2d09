"""Outbox messages that could not be delivered: listed for the staff and `flask doctor`, and requeued on request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update

from storefront.core.clock import utc_now
from storefront.db import audit_log, outbox
from storefront.db.audit_log import AuditEntryMixin
from storefront.db.outbox import OutboxMessage
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

OVERDUE = timedelta(minutes=10)  # age from which an undelivered message counts as failed


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """An undelivered message without its payload, which may hold secrets.

    :ivar key: names the fact, or is a random number where the fact is confidential
    :ivar due_at: when it is tried next, unless it was given up
    :ivar is_parked: delivery was given up
    :ivar is_overdue: it is older than `OVERDUE`
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
    """The undelivered messages in the outbox of one schema.

    :ivar audit_table: the audit log that records who requeued a message; None in a schema without one, where the
        caller records it elsewhere
    """

    schema: str
    table: type[OutboxMessage]
    audit_table: type[AuditEntryMixin] | None

    def entries(self, most: int | None = None) -> list[FailedMessage]:
        """List them: first those given up, then the oldest.

        :param most: at most this many
        """
        table, before = self.table, utc_now() - OVERDUE
        chosen = select(table).where(self._is_failing()).order_by(table.failed_at.is_(None), table.id).limit(most)
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
        """Count them."""
        return read_session().scalar(select(func.count(self.table.id)).where(self._is_failing())) or 0

    def _is_failing(self) -> ColumnElement[bool]:
        """Not delivered, and given up, refused by its handler, or overdue."""
        table, before = self.table, utc_now() - OVERDUE
        is_failing = or_(table.failed_at.is_not(None), table.last_error != "", table.created_at < before)
        return table.delivered_at.is_(None) & is_failing

    def violations(self) -> list[str]:
        """Describe those given up or overdue, for `flask doctor`; a recent failure is retried by itself."""
        return [
            f"{message.key}: {_state_of(message)}: {message.last_error}"
            for message in self.entries()
            if message.is_parked or message.is_overdue
        ]

    @retry_on_deadlock
    def requeue(self, message: int, *, actor: str) -> bool:
        """Deliver a message again that was given up; if it fails once more, it is given up again.

        Other messages are left alone: they are retried by themselves, or are being delivered right now.

        :return: whether this call requeued it; a second click does not
        """
        table = self.table
        parked = (table.id == message, table.failed_at.is_not(None), table.delivered_at.is_(None))
        requeued = update(table).where(*parked).values(failed_at=None, due_at=utc_now())
        with transaction(self.schema) as session:
            if not rows_changed(session.execute(requeued)):
                return False
            outbox.wake_worker(session)
            if self.audit_table is not None:
                row = session.get_one(table, message)
                detail = f"after {row.attempts} attempts: {row.last_error}"
                audit_log.record(
                    session, self.audit_table, actor=actor, what="message tried again", subject=row.key, detail=detail
                )
            return True


def dead_letters_by_schema() -> dict[str, DeadLetters]:
    """The undelivered messages of every outbox of the shop, by schema."""
    audit_tables = {table.__bind_key__: table for table in AuditEntryMixin.__subclasses__()}
    return {schema: DeadLetters(schema, table, audit_tables.get(schema)) for schema, table in outbox.outboxes().items()}


def _state_of(message: FailedMessage) -> str:
    return "parked" if message.is_parked else f"not delivered after {message.attempts} attempts"
