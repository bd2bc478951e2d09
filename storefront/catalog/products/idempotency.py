"""Forms that were done, by the key they carry: a double click, or a page gone back to and sent again, is done once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from storefront.catalog.products.models import IdempotencyKey
from storefront.core.clock import utc_now
from storefront.db.session import read_session, rows_changed, transaction

KEPT = timedelta(days=7)  # nobody comes back to a form after that


def lookup(key: str) -> IdempotencyKey | None:
    """What was done under a key; None of a new one, or of none."""
    return read_session().get(IdempotencyKey, key) if key else None


def record(session: Session, key: str, product_id: int | None = None) -> None:
    """Note a submit in the transaction that does it. The table refuses the same key again."""
    if key:
        session.add(IdempotencyKey(key=key, product_id=product_id, created_at=utc_now()))
        session.flush()


def purge_idempotency_keys() -> int:
    """Forget forms that nobody sends again.

    :return: how many
    """
    with transaction("catalog") as session:
        old = delete(IdempotencyKey).where(IdempotencyKey.created_at < utc_now() - KEPT)
        return rows_changed(session.execute(old))
