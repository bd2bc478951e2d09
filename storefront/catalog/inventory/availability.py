"""What follows when units become available: the totals of their products, and the announcement that they are back."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from storefront.catalog.events import BACK_IN_STOCK
from storefront.catalog.inventory.low_stock import acknowledge
from storefront.catalog.listing.read_model import refresh, shift_stock
from storefront.catalog.models import Message, Variant
from storefront.db import outbox

StockDeltas = defaultdict[tuple[int, int], int]  # units by product id and variant id


@contextmanager
def track_deltas(session: Session) -> Iterator[StockDeltas]:
    """Collect what became available or ceased to be, and write what follows from it at the end of the transaction.

    The rows of the variants are the transaction's own by then: nobody else can come between the count and the word.
    """
    shifts: StockDeltas = defaultdict(int)
    yield shifts
    session.flush()
    # What was taken off sale by itself counts for nothing in its product.
    apart = select(Variant.id).where(Variant.id.in_([variant for _, variant in shifts]), Variant.is_withdrawn)
    withdrawn = set(session.scalars(apart)) if shifts else set()
    by_product: dict[int, int] = defaultdict(int)
    for (product_id, variant), units in shifts.items():
        by_product[product_id] += units if variant not in withdrawn else 0
    for product_id, units in sorted(by_product.items()):
        if units:
            shift_stock(session, [product_id], units)
    publish_back_in_stock(session, {variant: units for (_, variant), units in shifts.items() if units > 0})


def refresh_products(session: Session, product_ids: Collection[int]) -> None:
    """Derive anew what is shown of products, and treat variants that come on sale by it as units that come back.

    Those of them that are low count as known: whoever put them on sale has seen it. The rows of the products and their
    variants must be locked by the transaction.
    """
    appeared = refresh(session, product_ids)
    if appeared:
        acknowledge(session, list(appeared))
        publish_back_in_stock(session, {variant: units for variant, units in appeared.items() if units > 0})


def publish_back_in_stock(session: Session, risen: dict[int, int]) -> None:
    """Write down that variants are back, of which there were none before this transaction.

    :param risen: units that became available, by variant
    """
    if not risen:
        return
    counts = select(Variant.id, Variant.product_id, Variant.sku, Variant.on_hand - Variant.reserved)
    for variant, product, sku, available in session.execute(counts.where(Variant.id.in_(risen)).order_by(Variant.id)):
        if available > 0 >= available - risen[variant]:
            word = {"sku": sku, "product": product}
            outbox.publish(session, Message, BACK_IN_STOCK, f"{BACK_IN_STOCK}/{uuid.uuid4()}", word)
