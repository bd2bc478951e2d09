"""Transactional outbox: messages are written in the transaction of a change and delivered later, at least once."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import JSON, String, Update, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from config import SCHEMAS
from storefront.core import metrics
from storefront.core.clock import utc_now
from storefront.db.column_types import UtcDateTime
from storefront.db.session import after_commit, read_session, retry_on_deadlock, rows_changed, transaction
from storefront.messaging.job_queue import enqueue

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # longer than the slowest handler, which waits for a mail server that times out
FIRST_RETRY = timedelta(seconds=15)
# E-mails leave within five minutes of a mail server's return: this delay, a minute until the sweep, and one lease.
MAX_RETRY_DELAY = timedelta(minutes=2)
MAX_ATTEMPTS = 800  # about a day of retries; then the message is a dead letter

Handler = Callable[[str, Mapping[str, Any]], None]


class OutboxMessage:
    """Columns of an outbox; each domain that publishes messages mixes it into a table of its own.

    :cvar __bind_key__: the schema
    :cvar key: names the fact ("order-placed/ORD-1"); unique, so that each fact is published once
    :cvar due_at: when delivery is tried next; while a message is being delivered, the end of the lease
    :cvar lease_owner: the delivery run that claimed the message last
    :cvar failed_at: when delivery was given up
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

    :return: tables by schema, in the order payments, orders, catalog, accounts: a message published by a handler is
        then delivered in the same pass
    """
    tables = {table.__bind_key__: table for table in OutboxMessage.__subclasses__()}
    return {schema: tables[schema] for schema in reversed(SCHEMAS) if schema in tables}


def publish(session: Session, table: type[OutboxMessage], topic: str, key: str, payload: Mapping[str, Any]) -> None:
    """Write a message within the caller's transaction, and wake the worker after its commit.

    :param key: idempotency key; a second message with the same key is an IntegrityError
    """
    now = utc_now()
    row = {"topic": topic, "key": key, "payload": dict(payload), "created_at": now, "due_at": now}
    session.execute(insert(table).values(attempts=0, last_error="", **row))
    wake_worker(session)


def wake_worker(session: Session) -> None:
    """Have the worker deliver messages after the commit of the caller's transaction.

    If the queue cannot be reached, the worker's periodic sweep delivers within a minute.
    """
    after_commit(session, _enqueue_delivery)


def _enqueue_delivery() -> None:
    enqueue("wake_worker")


def deliver(
    schema: str,
    table: type[OutboxMessage],
    handlers: Mapping[str, Handler],
    *,
    topics: Collection[str] | None = None,
    between: Callable[[], object] = lambda: None,
) -> int:
    """Call the handler of every message that is due; failed messages are retried later.

    A handler is called with the message's key and payload, outside any transaction, and must be idempotent: the process
    may die after the handler ran and before the message is marked as delivered.

    :param topics: deliver messages of these topics only
    :param between: called after each message, so that what is more urgent need not wait for all of them
    :return: how many were delivered
    """
    owner, due_until = str(uuid.uuid4()), utc_now()  # retries that become due meanwhile are for the next call
    delivered = 0
    while message := _claim(schema, table, owner, due_until, topics):
        delivered += _deliver_one(schema, table, handlers, message)
        between()
    return delivered


@retry_on_deadlock
def _claim(
    schema: str, table: type[OutboxMessage], owner: str, due_until: datetime, topics: Collection[str] | None
) -> OutboxMessage | None:
    """Claim the longest due message by moving its due time to the end of the lease, which hides it from other workers.

    One at a time: the lease must outlast one handler, not all that happen to be due.
    """
    waiting = [table.delivered_at.is_(None), table.failed_at.is_(None), table.due_at <= due_until]
    if topics is not None:
        waiting.append(table.topic.in_(topics))
    next_due = select(table.id).where(*waiting).order_by(table.due_at, table.id).limit(1)
    while (identity := read_session().scalar(next_due)) is not None:
        with transaction(schema) as session:
            claimed = session.execute(
                update(table)
                .where(table.id == identity, *waiting)
                .values(lease_owner=owner, due_at=utc_now() + LEASE, attempts=table.attempts + 1)
            )
            if rows_changed(claimed):
                return session.get(table, identity)
    return None


def _deliver_one(
    schema: str, table: type[OutboxMessage], handlers: Mapping[str, Handler], message: OutboxMessage
) -> bool:
    topic, key, payload, attempts = message.topic, message.key, message.payload, message.attempts
    # Read before the handler runs: if the lease expires meanwhile, another worker's result is not overwritten.
    still_claimed = (table.id == message.id, table.lease_owner == message.lease_owner)
    try:
        handlers[topic](key, payload)
    except Exception as error:
        # Any error: the message must neither be lost nor block the others, so it is retried later.
        logger.exception("outbox %s: %s failed, attempt %d", schema, key, attempts)
        now = utc_now()
        delay = min(FIRST_RETRY * 2 ** min(attempts - 1, 8), MAX_RETRY_DELAY)
        result = {"last_error": f"{type(error).__name__}: {error}"[:255], "due_at": now + delay}
        if attempts >= MAX_ATTEMPTS:
            result["failed_at"] = now
        outcome = "parked" if attempts >= MAX_ATTEMPTS else "failed"
    else:
        result = {"delivered_at": utc_now(), "last_error": ""}
        outcome = "delivered"
    metrics.OUTBOX_DELIVERIES.labels(schema, topic, outcome).inc()
    _save_result(schema, update(table).where(*still_claimed).values(**result))
    return outcome == "delivered"


@retry_on_deadlock
def _save_result(schema: str, result: Update) -> None:
    with transaction(schema) as session:
        session.execute(result)
