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
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

SALES_PERIOD = timedelta(days=30)
MAX_NAMED = 100  # SKUs in one message; the restock list has them all
BATCH = 500


def check(session: Session, variant_ids: Collection[int]) -> None:
    """After movements: note what ran low or recovered, and post one word about all that ran low.

    A variant is told of once; again only after it was above its level in between.
    """
    publish(session, flag(session, variant_ids))


def flag(session: Session, variant_ids: Collection[int]) -> list[str]:
    """Note what ran low or recovered.

    :return: SKUs of what ran low, to be told of
    """
    is_low = Variant.available <= Variant.reorder_level
    turned = select(Variant.id, Variant.sku, Variant.low_stock_notified).where(
        Variant.id.in_(variant_ids), Variant.is_sellable, Variant.low_stock_notified != is_low
    )
    rows = session.execute(turned.order_by(Variant.id)).all()
    if rows:
        acknowledge(session, [row.id for row in rows])
    return [row.sku for row in rows if not row.low_stock_notified]


def acknowledge(session: Session, variant_ids: Collection[int]) -> None:
    """Take what is low now as known: after a change of levels, which whoever made it has seen."""
    session.execute(
        update(Variant)
        .where(Variant.id.in_(variant_ids))
        .values(low_stock_notified=case((Variant.available <= Variant.reorder_level, True), else_=False))
    )


def publish(session: Session, skus: Sequence[str]) -> None:
    """Post one message about everything that ran low in this transaction; none about nothing."""
    if skus:
        word = {"skus": list(skus[:MAX_NAMED]), "count": len(skus)}
        outbox.publish(session, Message, STOCK_LOW, f"{STOCK_LOW}/{uuid.uuid4()}", word)


# ------------------------------------------------------------------------------------------ once a day


def close_day(day: date) -> None:
    """Let go of sales older than 30 days and post the day's digest; asked for again, it does nothing.

    :param day: in the shop's time zone
    """
    key = f"{STOCK_DIGEST}/{day.isoformat()}"
    if read_session().scalar(select(Message.id).where(Message.key == key)) is not None:
        return
    recompute_sold_30()
    try:
        with transaction("catalog") as session:
            outbox.publish(session, Message, STOCK_DIGEST, key, {"day": day.isoformat()})
    except IntegrityError:  # a twin posted it
        return


def recompute_sold_30() -> int:
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
    rows = [(row.id, row.sold_30, int(row.units)) for row in read_session().execute(drifted)]
    return sum(_put_right(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH))


@retry_on_deadlock
def _put_right(rows: Sequence[tuple[int, int, int]]) -> int:
    changed = 0
    with transaction("catalog") as session:
        for variant, seen, units in rows:
            as_seen = update(Variant).where(Variant.id == variant, Variant.sold_30 == seen)
            changed += rows_changed(session.execute(as_seen.values(sold_30=units)))
    return changed
