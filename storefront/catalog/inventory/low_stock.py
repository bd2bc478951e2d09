"""Low-stock alerts, and the sales of the last 30 days that the staff's stock list shows.

Alerts follow from movements only, not from reservations: those are sold or released within minutes.
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
MAX_NAMED = 100  # SKUs in one message; the restock list shows all
BATCH = 500  # variants corrected in one transaction


def check(session: Session, variant_ids: Collection[int]) -> None:
    """Update low-stock flags after movements, and publish one event for all variants that ran low.

    A variant is published once, and again only after it has been above its reorder level in between.
    """
    publish(session, flag(session, variant_ids))


def flag(session: Session, variant_ids: Collection[int]) -> list[str]:
    """Update the low-stock flags of variants on sale.

    :return: SKUs of those that ran low, to be published
    """
    is_low = Variant.available <= Variant.reorder_level
    changed = select(Variant.id, Variant.sku, Variant.low_stock_notified).where(
        Variant.id.in_(variant_ids), Variant.is_sellable, Variant.low_stock_notified != is_low
    )
    rows = session.execute(changed.order_by(Variant.id)).all()
    if rows:
        acknowledge(session, [row.id for row in rows])
    return [row.sku for row in rows if not row.low_stock_notified]


def acknowledge(session: Session, variant_ids: Collection[int]) -> None:
    """Set the low-stock flags of variants without an alert, because the staff member who changed them has seen them."""
    session.execute(
        update(Variant)
        .where(Variant.id.in_(variant_ids))
        .values(low_stock_notified=case((Variant.available <= Variant.reorder_level, True), else_=False))
    )


def publish(session: Session, skus: Sequence[str]) -> None:
    """Publish one event for all variants that ran low in this transaction, if any."""
    if skus:
        payload = {"skus": list(skus[:MAX_NAMED]), "count": len(skus)}
        outbox.publish(session, Message, STOCK_LOW, f"{STOCK_LOW}/{uuid.uuid4()}", payload)


# ------------------------------------------------------------------------------------------ once a day


def close_day(day: date) -> None:
    """Recompute the sales of the last 30 days and publish the day's digest, once a day however often it is called.

    :param day: in the shop's time zone
    """
    key = f"{STOCK_DIGEST}/{day.isoformat()}"
    if read_session().scalar(select(Message.id).where(Message.key == key)) is not None:
        return
    recompute_sold_30()
    try:
        with transaction("catalog") as session:
            outbox.publish(session, Message, STOCK_DIGEST, key, {"day": day.isoformat()})
    except IntegrityError:  # a concurrent call published it first
        return


def recompute_sold_30() -> int:
    """Correct `sold_30` of every variant from the ledger.

    A figure that a sale changes at the same time is skipped; the next run corrects it.

    :return: number of variants corrected
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
    return sum(_correct(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH))


@retry_on_deadlock
def _correct(rows: Sequence[tuple[int, int, int]]) -> int:
    changed = 0
    with transaction("catalog") as session:
        for variant, seen, units in rows:
            unchanged = update(Variant).where(Variant.id == variant, Variant.sold_30 == seen)
            changed += rows_changed(session.execute(unchanged.values(sold_30=units)))
    return changed
