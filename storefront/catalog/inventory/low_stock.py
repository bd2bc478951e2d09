"""Low-stock levels: who ran low, who recovered, how fast things sell.

The staff are told of what ran low by goods leaving, not by holds: those come back by themselves within minutes.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date, timedelta

from sqlalchemy import case, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.catalog.events import STOCK_DIGEST, STOCK_LOW
from storefront.catalog.inventory.ledger import CANCELLATION, SALE
from storefront.catalog.models import Message, StockMovement, Variant
from storefront.core.clock import utc_now
from storefront.db import outbox
from storefront.db.session import queries, retried, rows_changed, transaction

SALES_PERIOD = timedelta(days=30)
MOST_NAMED = 100  # SKUs in one message; the restock list has them all
BATCH = 500


def watch(session: Session, variant_ids: Collection[int]) -> None:
    """After movements: note what ran low or recovered, and post one word about all that ran low.

    A variant is told of once; again only after it was above its level in between.
    """
    tell(session, mark(session, variant_ids))


def mark(session: Session, variant_ids: Collection[int]) -> list[str]:
    """Note what ran low or recovered. :return: SKUs of what ran low, to be told of"""
    is_low = Variant.available <= Variant.low_level
    turned = select(Variant.id, Variant.sku, Variant.is_low_told).where(
        Variant.id.in_(variant_ids), Variant.is_sold, Variant.is_low_told != is_low
    )
    rows = session.execute(turned.order_by(Variant.id)).all()
    if rows:
        settle(session, [row.id for row in rows])
    return [row.sku for row in rows if not row.is_low_told]


def settle(session: Session, variant_ids: Collection[int]) -> None:
    """Take what is low now as known: after a change of levels, which whoever made it has seen."""
    session.execute(
        update(Variant)
        .where(Variant.id.in_(variant_ids))
        .values(is_low_told=case((Variant.available <= Variant.low_level, True), else_=False))
    )


def tell(session: Session, skus: Sequence[str]) -> None:
    """Post one message about everything that ran low in this transaction; none about nothing."""
    if skus:
        word = {"skus": list(skus[:MOST_NAMED]), "count": len(skus)}
        outbox.post(session, Message, STOCK_LOW, f"{STOCK_LOW}/{uuid.uuid4()}", word)


# ------------------------------------------------------------------------------------------ once a day


def close_day(day: date) -> None:
    """Let go of sales older than 30 days and post the day's digest; asked for again, it does nothing.

    :param day: in the shop's time zone
    """
    key = f"{STOCK_DIGEST}/{day.isoformat()}"
    if queries().scalar(select(Message.id).where(Message.key == key)) is not None:
        return
    roll_sales()
    try:
        with transaction("catalog") as session:
            outbox.post(session, Message, STOCK_DIGEST, key, {"day": day.isoformat()})
    except IntegrityError:  # a twin posted it
        return


def roll_sales() -> int:
    """Set what each variant sold in the last 30 days to what the ledger says. :return: how many were put right

    A figure that a sale changes meanwhile is left alone: it counts that sale, and is put right the next time.
    """
    sold = (
        select(StockMovement.variant_id, func.sum(-StockMovement.delta).label("units"))
        .where(StockMovement.reason.in_([SALE, CANCELLATION]), StockMovement.created_at >= utc_now() - SALES_PERIOD)
        .group_by(StockMovement.variant_id)
        .subquery()
    )
    units = func.coalesce(sold.c.units, 0)
    drifted = (
        select(Variant.id, Variant.sold_30, units.label("units"))
        .outerjoin(sold, sold.c.variant_id == Variant.id)
        .where(Variant.sold_30 != units)
        .order_by(Variant.id)
    )
    rows = [(row.id, row.sold_30, int(row.units)) for row in queries().execute(drifted)]
    return sum(_put_right(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH))


@retried
def _put_right(rows: Sequence[tuple[int, int, int]]) -> int:
    changed = 0
    with transaction("catalog") as session:
        for variant, seen, units in rows:
            as_seen = update(Variant).where(Variant.id == variant, Variant.sold_30 == seen)
            changed += rows_changed(session.execute(as_seen.values(sold_30=units)))
    return changed
