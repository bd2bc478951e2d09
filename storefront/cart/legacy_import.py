"""Import of the old shop's cart lines into the carts of the same accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from storefront.cart.models import Cart, ImportedRow, Line
from storefront.cart.values import MAX_UNITS
from storefront.catalog.values import Offer, Sku
from storefront.db import import_log
from storefront.db.import_log import BatchResult
from storefront.db.session import retry_on_deadlock, transaction

_LINE = "cart line"


@dataclass(frozen=True, slots=True)
class OldLine:
    """A cart line of the old shop.

    :ivar id: of its row there
    :ivar sku: on sale here, which the caller has checked
    :ivar began_at: when the line was created
    """

    id: int
    user_id: int
    sku: Sku
    quantity: int
    began_at: datetime


@retry_on_deadlock
def import_lines(batch: Sequence[OldLine], offers: Mapping[Sku, Offer]) -> BatchResult:
    """Insert lines into the carts of accounts; a line that exists here is newer, and is not changed. Safe to repeat.

    :param offers: of every SKU in the batch
    """
    result = BatchResult()
    with transaction("cart") as session:
        known = import_log.already_imported(ImportedRow, _LINE, [old.id for old in batch])
        carts = _carts(session, batch)
        existing = {
            (row.cart_id, row.variant)
            for row in session.execute(select(Line.cart_id, Line.variant).where(Line.cart_id.in_(carts.values())))
        }
        rows = []
        for old in batch:
            place = (carts[old.user_id], str(old.sku))
            if old.id in known:
                result.known.append(old.id)
            elif place in existing:
                result.refused[old.id] = "the cart has a line of this SKU already"
            else:
                existing.add(place)
                result.added.append(old.id)
                rows.append(_row(old, carts[old.user_id], offers[old.sku]))
                if old.quantity > MAX_UNITS:
                    result.notes.append((old.id, f"a line has at most {MAX_UNITS} units"))
        if rows:
            session.execute(insert(Line), rows)
        import_log.mark_imported(session, ImportedRow, _LINE, result.added)
    return result


def _carts(session: Session, batch: Sequence[OldLine]) -> dict[int, int]:
    """The cart of each account, created if there is none."""
    users = {old.user_id: old.began_at for old in batch}
    query = select(Cart.user_id, Cart.id).where(Cart.user_id.in_(users))
    missing = set(users) - {row.user_id for row in session.execute(query)}
    if missing:
        session.execute(insert(Cart), [{"user_id": user, "updated_at": users[user]} for user in sorted(missing)])
    return {row.user_id: row.id for row in session.execute(query)}


def _row(old: OldLine, cart_id: int, offer: Offer) -> dict[str, object]:
    return {
        "cart_id": cart_id,
        "product_id": offer.product_id,
        "variant": old.sku,
        "quantity": min(old.quantity, MAX_UNITS),
        "price_seen": offer.price.minor,
        "currency": offer.price.currency,
        "began_at": old.began_at,
    }
