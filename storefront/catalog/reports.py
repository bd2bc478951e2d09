"""Reports on the catalogue: the value of the stock, and the audit entries of its products and stock.

Other packages use it as `catalog.reports`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import ColumnElement, func, select, type_coerce, union_all

from storefront.catalog.inventory.admin.values import LEVEL, UNDO, Reason
from storefront.catalog.models import AuditEntry, StockMovement, Variant
from storefront.core.cache import cached_query
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db import audit_log
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.db.column_types import MinorUnits
from storefront.db.session import read_session

STAFF_REASONS = (*(reason.value for reason in Reason), UNDO, LEVEL, "api")  # reasons of movements that staff make


@dataclass(frozen=True, slots=True)
class StockWorth:
    """The stock on hand and its value.

    :ivar worth: at current selling prices; purchase prices are not known to the shop
    """

    units: int
    worth: Money
    as_of: datetime


@cached_query
def stock_worth() -> StockWorth:
    """Sum up all units on hand and their value at selling prices, by one select."""
    worth = type_coerce(func.sum(Variant.on_hand * Variant.price), MinorUnits)
    units, total = read_session().execute(select(func.sum(Variant.on_hand), worth)).one()
    return StockWorth(int(units or 0), Money(total or 0, current_app.config["CURRENCY"]), utc_now())


def audit_entries(criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """List the audit log of the catalogue without its stock, newest first.

    :param count: maximum number of entries
    """
    return audit_log.entries(AuditEntry, criteria, count)


def staff_movements(criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """List the stock movements that staff made as audit entries, newest first; sales and returns are left out.

    :param count: maximum number of entries
    """
    latest = (StockMovement.created_at.desc(), StockMovement.id.desc())
    chosen = select(StockMovement.id).where(*_conditions(criteria)).order_by(*latest).limit(count)
    # One branch a reason, so that each uses the index on it: a scan by date would read a year of sales to find a few.
    by_reason = [select(chosen.where(StockMovement.reason == reason).subquery().c.id) for reason in STAFF_REASONS]
    every = union_all(*by_reason).subquery()
    movements = (
        select(StockMovement, Variant.sku)
        .join(every, every.c.id == StockMovement.id)
        .join(Variant, Variant.id == StockMovement.variant_id)
        .order_by(*latest)
        .limit(count)
    )
    for row, sku in read_session().execute(movements):
        change = f"{row.delta:+,} to {row.balance:,}" if row.reason != LEVEL else "low-stock level"
        detail = f"{change}: {row.note}" if row.note else change
        yield AuditEntryView(row.id, row.created_at, row.actor, f"stock {row.reason}", sku, detail)


def _conditions(criteria: AuditQuery) -> Iterator[ColumnElement[bool]]:
    if criteria.actor:
        yield StockMovement.actor == criteria.actor
    if criteria.subject:
        variants = select(Variant.id).where(Variant.sku == criteria.subject)
        yield StockMovement.variant_id.in_(variants)
    if criteria.since:
        yield StockMovement.created_at >= criteria.since
    if criteria.until:
        yield StockMovement.created_at < criteria.until
    if criteria.before:
        yield audit_log.is_before(StockMovement.created_at, StockMovement.id, criteria.before)
