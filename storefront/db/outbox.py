"""Messages written in the transaction of the change they announce, delivered later, at least once."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import JSON, String, Update, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from config import SCHEMAS
from storefront.core.clock import utc_now
from storefront.db.column_types import UtcDateTime
from storefront.db.session import after_commit, read_session, retry_on_deadlock, rows_changed, transaction
from storefront.messaging.job_queue import enqueue

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # longer than the slowest handler: a mail server that times out
FIRST_RETRY = timedelta(seconds=15)
# Mail leaves within five minutes of a mail server's return: this, a sweep's minute, and a lease its sender left behind.
MAX_RETRY_DELAY = timedelta(minutes=2)
MAX_ATTEMPTS = 800  # about a day of retries, then a person must look

Handler = Callable[[str, Mapping[str, Any]], None]


class OutboxMessage:
    """The columns of an outbox; a domain that publishes mixes it into a table of its own, which `outboxes` then finds.

    :cvar __bind_key__: the schema
    :cvar key: names the fact ("order-placed/ORD-1"); a second message of the same key is refused by the database
    :cvar failed_at: set when delivery was given up and a person must look
    """

    __tablename__ = "outbox"
    __bind_key__: ClassVar[str]

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    topic: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    lease_owner: Mapped[str | None] = mapped_column(String(36))
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def outboxes() -> dict[str, type[OutboxMessage]]:
    """The outbox of every schema that has one.

    :return: tables by schema. Payments come before orders, and these before the catalogue and the accounts: what one
        message makes its handler publish is then delivered in the same pass.
    """
    tables = {table.__bind_key__: table for table in OutboxMessage.__subclasses__()}
    return {schema: tables[schema] for schema in reversed(SCHEMAS) if schema in tables}


def publish(session: Session, table: type[OutboxMessage], topic: str, key: str, payload: Mapping[str, Any]) -> None:
    """Write a message within the caller's transaction, and wake the worker when that is committed."""
    now = utc_now()
    row = {"topic": topic, "key": key, "payload": dict(payload), "created_at": now, "due_at": now}
    session.execute(insert(table).values(attempts=0, last_error="", **row))
    wake_worker(session)


def wake_worker(session: Session) -> None:
    """Ask the worker to deliver as soon as the caller's transaction is committed.

    Where the queue cannot be reached, its sweep delivers within a minute.
    """
    after_commit(session, _wake)


def _wake() -> None:
    enqueue("wake_worker")


def deliver(schema: str, table: type[OutboxMessage], handlers: Mapping[str, Handler]) -> int:
    """Hand every message that is due to its handler; what fails comes back later.

    A handler is called with the message's key and payload, outside any transaction, and must bear being called twice:
    the process may die between the delivery and its note.

    :return: how many were delivered
    """
    owner, due_until = str(uuid.uuid4()), utc_now()  # what fails and comes back is for the next call
    delivered = 0
    while message := _claim(schema, table, owner, due_until):
        delivered += _deliver_one(schema, table, handlers, message)
    return delivered


@retry_on_deadlock
def _claim(schema: str, table: type[OutboxMessage], owner: str, due_until: datetime) -> OutboxMessage | None:
    """Take the message that waits longest by moving its due time past the lease; nobody else sees it until then.

    One at a time: the lease must outlast one handler, not as many as happen to be due.
    """
    waiting = (table.delivered_at.is_(None), table.failed_at.is_(None), table.due_at <= due_until)
    longest = select(table.id).where(*waiting).order_by(table.due_at, table.id).limit(1)
    while (identity := read_session().scalar(longest)) is not None:
        with transaction(schema) as session:
            taken = session.execute(
                update(table)
                .where(table.id == identity, *waiting)
                .values(lease_owner=owner, due_at=utc_now() + LEASE, attempts=table.attempts + 1)
            )
            if rows_changed(taken):
                return session.get(table, identity)
    return None


def _deliver_one(
    schema: str, table: type[OutboxMessage], handlers: Mapping[str, Handler], message: OutboxMessage
) -> bool:
    topic, key, payload, attempts = message.topic, message.key, message.payload, message.attempts
    mine = (table.id == message.id, table.lease_owner == message.lease_owner)  # as it is now, before the handler
    try:
        handlers[topic](key, payload)
    except Exception as error:
        # Whatever went wrong, the message must not be lost nor hold up the others: it is noted and comes back.
        logger.exception("outbox %s: %s failed, attempt %d", schema, key, attempts)
        now = utc_now()
        pause = min(FIRST_RETRY * 2 ** min(attempts - 1, 8), MAX_RETRY_DELAY)
        note = {"last_error": f"{type(error).__name__}: {error}"[:255], "due_at": now + pause}
        if attempts >= MAX_ATTEMPTS:
            note["failed_at"] = now
        delivered = False
    else:
        note = {"delivered_at": utc_now(), "last_error": ""}
        delivered = True
    _note(schema, update(table).where(*mine).values(**note))
    return delivered


@retry_on_deadlock
def _note(schema: str, note: Update) -> None:
    with transaction(schema) as session:
        session.execute(note)
