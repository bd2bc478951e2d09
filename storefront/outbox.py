"""Messages written in the transaction of the change they announce, delivered later, at least once."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import JSON, String, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from storefront.clock import utc_now
from storefront.database import UtcDateTime, queries, transaction

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)  # longer than the slowest handler: a mail server that times out
FIRST_RETRY = timedelta(seconds=15)
SLOWEST_RETRY = timedelta(minutes=4)  # so that mail leaves within five minutes of a mail server's return
MOST_ATTEMPTS = 400  # about a day of retries, then a person must look
BATCH = 100

Handler = Callable[[str, Mapping[str, Any]], None]


class OutboxMessage:
    """The columns of an outbox; a domain that publishes mixes it into a table of its own.

    :cvar key: names the fact ("order-placed/ORD-1"); a second message of the same key is refused by the database
    :cvar parked_at: set when delivery was given up and a person must look
    """

    __tablename__ = "outbox"

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
    parked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def post(session: Session, table: type[OutboxMessage], topic: str, key: str, payload: Mapping[str, Any]) -> None:
    """Write a message within the caller's transaction."""
    now = utc_now()
    row = {"topic": topic, "key": key, "payload": dict(payload), "created_at": now, "due_at": now}
    session.execute(insert(table).values(attempts=0, last_error="", **row))


def hurry() -> None:
    """Ask the worker to deliver now. Where the queue cannot be reached, its sweep delivers within a minute."""
    try:
        current_app.extensions["hurry"]()
    except Exception:
        logger.exception("the queue cannot be reached; the sweep will deliver")


def deliver(schema: str, table: type[OutboxMessage], handlers: Mapping[str, Handler]) -> int:
    """Hand every message that is due to its handler; what fails comes back later.

    A handler is called with the message's key and payload, outside any transaction, and must bear being called twice:
    the process may die between the delivery and its note.

    :return: how many were delivered
    """
    owner = str(uuid.uuid4())
    claimed = _claim(schema, table, owner)
    return sum(_deliver_one(schema, table, handlers, message) for message in claimed)


def _claim(schema: str, table: type[OutboxMessage], owner: str) -> list[OutboxMessage]:
    """Take messages by moving their due time past the lease; nobody else sees them until then."""
    now = utc_now()
    waiting = (table.delivered_at.is_(None), table.parked_at.is_(None), table.due_at <= now)
    ids = list(queries().scalars(select(table.id).where(*waiting).order_by(table.due_at, table.id).limit(BATCH)))
    if not ids:
        return []
    with transaction(schema) as session:
        session.execute(
            update(table)
            .where(table.id.in_(ids), *waiting)
            .values(lease_owner=owner, due_at=now + LEASE, attempts=table.attempts + 1)
        )
    mine = select(table).where(table.id.in_(ids), table.lease_owner == owner).order_by(table.id)
    return list(queries().scalars(mine.execution_options(populate_existing=True)))


def _deliver_one(
    schema: str, table: type[OutboxMessage], handlers: Mapping[str, Handler], message: OutboxMessage
) -> bool:
    topic, key, payload, attempts = message.topic, message.key, message.payload, message.attempts
    identity, owner = message.id, message.lease_owner
    try:
        handlers[topic](key, payload)
    except Exception as error:
        # Whatever went wrong, the message must not be lost nor hold up the others: it is noted and comes back.
        logger.exception("outbox %s: %s failed, attempt %d", schema, key, attempts)
        now = utc_now()
        pause = min(FIRST_RETRY * 2 ** min(attempts - 1, 8), SLOWEST_RETRY)
        note = {"last_error": f"{type(error).__name__}: {error}"[:255], "due_at": now + pause}
        if attempts >= MOST_ATTEMPTS:
            note["parked_at"] = now
        delivered = False
    else:
        note = {"delivered_at": utc_now(), "last_error": ""}
        delivered = True
    with transaction(schema) as session:
        session.execute(update(table).where(table.id == identity, table.lease_owner == owner).values(**note))
    return delivered
