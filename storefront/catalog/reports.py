"""The catalogue in sums, and what the staff did to it.

Other packages reach it through the catalogue's door, as `catalog.overview`.
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

BY_HAND = (*(reason.value for reason in Reason), UNDO, LEVEL, "api")  # reasons of movements that people make


@dataclass(frozen=True, slots=True)
class StockWorth:
    """What lies on the shelves.

    :ivar worth: at today's selling prices: what it cost is not known here
    """

    units: int
    worth: Money
    as_of: datetime


@cached_query
def stock_worth() -> StockWorth:
    """Every unit on hand at the price it sells for, by one select."""
    worth = type_coerce(func.sum(Variant.on_hand * Variant.price), MinorUnits)
    units, total = read_session().execute(select(func.sum(Variant.on_hand), worth)).one()
    return StockWorth(int(units or 0), Money(total or 0, current_app.config["CURRENCY"]), utc_now())


def audit_entries(criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """What the staff did to the catalogue, its stock aside, latest first.

    :param count: of them, at most
    """
    return audit_log.entries(AuditEntry, criteria, count)


def staff_movements(criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """The movements of the stock that people made, as acts, latest first; sales and what follows from them are none.

    Each reason is looked for by itself, which an index finds: among the sales of a year they would be rare.

    :param count: of them, at most
    """
    latest = (StockMovement.created_at.desc(), StockMovement.id.desc())
    chosen = select(StockMovement.id).where(*_asked(criteria)).order_by(*latest).limit(count)
    by_reason = [select(chosen.where(StockMovement.reason == reason).subquery().c.id) for reason in BY_HAND]
    every = union_all(*by_reason).subquery()
    found = (
        select(StockMovement, Variant.sku)
        .join(every, every.c.id == StockMovement.id)
        .join(Variant, Variant.id == StockMovement.variant_id)
        .order_by(*latest)
        .limit(count)
    )
    for row, sku in read_session().execute(found):
        detail = f"{row.delta:+,} to {row.balance:,}" if row.reason != LEVEL else "low-stock level"
        said = f"{detail}: {row.note}" if row.note else detail
        yield AuditEntryView(row.id, row.created_at, row.actor, f"stock {row.reason}", sku, said)


def _asked(criteria: AuditQuery) -> Iterator[ColumnElement[bool]]:
    if criteria.actor:
        yield StockMovement.actor == criteria.actor
    if criteria.subject:
        named = select(Variant.id).where(Variant.sku == criteria.subject)
        yield StockMovement.variant_id.in_(named)
    if criteria.since:
        yield StockMovement.created_at >= criteria.since
    if criteria.until:
        yield StockMovement.created_at < criteria.until
    if criteria.before:
        yield audit_log.is_before(StockMovement.created_at, StockMovement.id, criteria.before)
