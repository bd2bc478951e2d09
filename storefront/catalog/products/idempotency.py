"""Idempotency keys of forms: a double click, or a form sent again after going back, is carried out once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from storefront.catalog.products.models import IdempotencyKey
from storefront.core.clock import utc_now
from storefront.db.session import read_session, rows_changed, transaction

RETENTION = timedelta(days=7)  # longer than anybody keeps a form open


def lookup(key: str) -> IdempotencyKey | None:
    """Find the submission with this key; None for a new or empty key."""
    return read_session().get(IdempotencyKey, key) if key else None


def record(session: Session, key: str, product_id: int | None = None) -> None:
    """Record a submission in the transaction that carries it out; nothing for an empty key.

    :raise IntegrityError: a concurrent transaction recorded the same key
    """
    if key:
        session.add(IdempotencyKey(key=key, product_id=product_id, created_at=utc_now()))
        session.flush()


def purge_idempotency_keys() -> int:
    """Delete keys older than `RETENTION`.

    :return: number of keys deleted
    """
    with transaction("catalog") as session:
        old = delete(IdempotencyKey).where(IdempotencyKey.created_at < utc_now() - RETENTION)
        return rows_changed(session.execute(old))
