"""The records behind guests' cookies. What a guest's cookie holds counts only as long as its record is there."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select, update

from storefront.accounts.models import GuestSession
from storefront.accounts.sessions import hash_reference
from storefront.core.clock import utc_now
from storefront.db.prepared import prepared
from storefront.db.session import read_session, retry_on_deadlock, transaction

TOUCH_INTERVAL = timedelta(days=1)  # precision of the time of last use
RETENTION = timedelta(days=60)  # after the last use; a guest's cookie lives for 30 days


@retry_on_deadlock
def open_guest_session() -> str:
    """Begin the record of a guest.

    :return: its reference for the cookie, 256 random bits
    """
    reference = secrets.token_urlsafe(32)
    with transaction("accounts") as session:
        session.add(GuestSession(reference=hash_reference(reference), seen_at=utc_now()))
    return reference


@prepared
def _seen_at(hashed: Any) -> Select[datetime]:
    return select(GuestSession.seen_at).where(GuestSession.reference == hashed)


def is_guest_session(reference: str) -> bool:
    """Whether the record of a guest's cookie is there; it is noted once a day that it was used."""
    now = utc_now()
    seen_at = read_session().scalar(*_seen_at(hash_reference(reference)))
    if seen_at is None or seen_at < now - RETENTION:
        return False
    if seen_at < now - TOUCH_INTERVAL:
        _touch(reference)
    return True


@retry_on_deadlock
def _touch(reference: str) -> None:
    with transaction("accounts") as session:
        session.execute(
            update(GuestSession).where(GuestSession.reference == hash_reference(reference)).values(seen_at=utc_now())
        )


@retry_on_deadlock
def end_guest_session(reference: str) -> None:
    """Revoke a guest's cookie, and with it every copy of it."""
    with transaction("accounts") as session:
        session.execute(delete(GuestSession).where(GuestSession.reference == hash_reference(reference)))


@retry_on_deadlock
def forget_guest_sessions() -> None:
    """Delete records that were not used within `RETENTION`. Run by the worker."""
    with transaction("accounts") as session:
        session.execute(delete(GuestSession).where(GuestSession.seen_at < utc_now() - RETENTION))
