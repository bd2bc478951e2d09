"""Effects of a change in available units: product totals, and back-in-stock events."""

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
    """Collect changes of available units, and update product totals and events when the block ends.

    The block must hold the row locks of the variants: no other transaction can change the counts before the event.
    """
    deltas: StockDeltas = defaultdict(int)
    yield deltas
    session.flush()
    # Withdrawn variants do not count in the total of their product.
    not_counted = select(Variant.id).where(Variant.id.in_([variant for _, variant in deltas]), Variant.is_withdrawn)
    withdrawn = set(session.scalars(not_counted)) if deltas else set()
    by_product: dict[int, int] = defaultdict(int)
    for (product_id, variant), units in deltas.items():
        if units and variant not in withdrawn:
            by_product[product_id] += units
    for product_id, units in sorted(by_product.items()):  # 0, too: one variant less and another more may change a price
        shift_stock(session, [product_id], units)
    publish_back_in_stock(session, {variant: units for (_, variant), units in deltas.items() if units > 0})


def refresh_products(session: Session, product_ids: Collection[int]) -> None:
    """Refresh the read model of products, and publish variants that come on sale by it as back in stock.

    Their low-stock flags are set without an alert, because staff put them on sale on purpose. The transaction must
    hold the row locks of the products and their variants.
    """
    appeared = refresh(session, product_ids)
    if appeared:
        acknowledge(session, list(appeared))
        publish_back_in_stock(session, {variant: units for variant, units in appeared.items() if units > 0})


def publish_back_in_stock(session: Session, risen: dict[int, int]) -> None:
    """Publish an event for each variant that had no available units before this transaction and has some now.

    :param risen: units that became available, by variant id
    """
    if not risen:
        return
    counts = select(Variant.id, Variant.product_id, Variant.sku, Variant.on_hand - Variant.reserved)
    for variant, product, sku, available in session.execute(counts.where(Variant.id.in_(risen)).order_by(Variant.id)):
        if available > 0 >= available - risen[variant]:
            payload = {"sku": sku, "product": product}
            outbox.publish(session, Message, BACK_IN_STOCK, f"{BACK_IN_STOCK}/{uuid.uuid4()}", payload)
