"""Signs of life of the worker processes, in the checkout schema, where every machine of the shop can see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import String, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storefront.core.clock import utc_now
from storefront.db.column_types import UtcDateTime
from storefront.db.session import Model, read_session, retry_on_deadlock, rows_changed, transaction

SCHEMA = "checkout"  # its worker resumes checkouts
INTERVAL = timedelta(seconds=15)
MISSING_AFTER = timedelta(seconds=60)  # four signs of life that did not come
_FORGOTTEN_AFTER = timedelta(days=1)
MAX_NAME_LENGTH = 80


class WorkerHeartbeat(Model):
    """The last sign of life of a worker process.

    :cvar worker: its machine and process id
    """

    __tablename__ = "worker_heartbeats"
    __bind_key__ = SCHEMA

    worker: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), primary_key=True)
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class WorkersSeen:
    """The workers by their signs of life.

    :ivar alive: how many gave one within `MISSING_AFTER`
    :ivar last_beat_at: the latest of all; None if there is none
    """

    alive: int
    last_beat_at: datetime | None


@retry_on_deadlock
def beat(worker: str) -> None:
    """Write a sign of life, and forget workers that ended long ago.

    :param worker: at most `MAX_NAME_LENGTH` characters
    """
    now = utc_now()
    with transaction(SCHEMA) as session:
        mine = update(WorkerHeartbeat).where(WorkerHeartbeat.worker == worker).values(beat_at=now)
        if not rows_changed(session.execute(mine)):
            session.execute(insert(WorkerHeartbeat).values(worker=worker, beat_at=now))
            session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.beat_at < now - _FORGOTTEN_AFTER))


@retry_on_deadlock
def sign_off(worker: str) -> None:
    """Remove a worker that ends."""
    with transaction(SCHEMA) as session:
        session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.worker == worker))


def workers_seen() -> WorkersSeen:
    """Read the signs of life."""
    beats = read_session().scalars(select(WorkerHeartbeat.beat_at)).all()
    since = utc_now() - MISSING_AFTER
    return WorkersSeen(sum(beat_at >= since for beat_at in beats), max(beats, default=None))
