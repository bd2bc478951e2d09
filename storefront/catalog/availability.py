"""What follows from the stock of variants: their products' totals, place in the listings, the word that one is back."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from storefront import outbox
from storefront.catalog.events import BACK_IN_STOCK
from storefront.catalog.models import BrowseEntry, Message, Product, Variant

Shifts = defaultdict[tuple[int, int], int]  # units by product id and variant id


@contextmanager
def available_shifts(session: Session) -> Iterator[Shifts]:
    """Collect what became available or ceased to be, and write what follows from it at the end of the transaction.

    The rows of the variants are the transaction's own by then: nobody else can come between the count and the word.
    """
    shifts: Shifts = defaultdict(int)
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
            _shift_product(session, product_id, units)
    announce_returns(session, {variant: units for (_, variant), units in shifts.items() if units > 0})


def _shift_product(session: Session, product_id: int, units: int) -> None:
    session.execute(update(Product).where(Product.id == product_id).values(stock=Product.stock + units))
    has_stock = exists().where(Product.id == product_id, Product.stock > 0)
    session.execute(
        update(BrowseEntry)
        .where(BrowseEntry.product_id == product_id, BrowseEntry.in_stock != has_stock)
        .values(in_stock=has_stock)
    )


def announce_returns(session: Session, risen: dict[int, int]) -> None:
    """Write down that variants are back, of which there were none before this transaction.

    :param risen: units that became available, by variant
    """
    if not risen:
        return
    counts = select(Variant.id, Variant.product_id, Variant.sku, Variant.on_hand - Variant.reserved)
    for variant, product, sku, available in session.execute(counts.where(Variant.id.in_(risen)).order_by(Variant.id)):
        if available > 0 >= available - risen[variant]:
            word = {"sku": sku, "product": product}
            outbox.post(session, Message, BACK_IN_STOCK, f"{BACK_IN_STOCK}/{uuid.uuid4()}", word)
