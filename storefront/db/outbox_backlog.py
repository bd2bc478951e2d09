"""How many messages an outbox holds, and how long they have waited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from storefront.db.outbox import OutboxMessage
from storefront.db.session import read_session


@dataclass(frozen=True, slots=True)
class TopicBacklog:
    """The undelivered messages of one topic.

    :ivar waiting: messages that are still tried
    :ivar parked: messages that were given up
    :ivar oldest_at: when the oldest that is still tried was published; None where there is none
    """

    topic: str
    waiting: int
    parked: int
    oldest_at: datetime | None


def backlog_of(table: type[OutboxMessage]) -> list[TopicBacklog]:
    """The undelivered messages of an outbox, by topic; topics without any are left out.

    It reads these only, by the index of `delivered_at`.
    """
    published_at = case((table.failed_at.is_(None), table.created_at))  # NULL for one that was given up
    asked = select(table.topic, func.count(published_at), func.count(table.failed_at), func.min(published_at))
    asked = asked.where(table.delivered_at.is_(None)).group_by(table.topic)
    return [TopicBacklog(*row) for row in read_session().execute(asked)]
