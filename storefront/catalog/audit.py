"""What the doctor asks of the catalogue: does every number explain itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from storefront.catalog.models import (
    ALL_CATEGORIES,
    BrowseEntry,
    Product,
    ReservationState,
    StockMovement,
    StockReservation,
    Variant,
)
from storefront.database import queries


@dataclass(frozen=True, slots=True)
class Holding:
    """What a checkout has of the stock. :ivar units: by SKU"""

    state: ReservationState
    units: dict[str, int]
    expires_at: datetime


def stock_faults() -> Iterator[str]:
    """Every count that its rows do not explain, in words; the databases do the sums."""
    moved = _sums(select(func.sum(StockMovement.delta)), StockMovement.variant_id == Variant.id)
    held = _sums(
        select(func.sum(StockReservation.quantity)),
        and_(StockReservation.variant_id == Variant.id, StockReservation.state == ReservationState.HELD),
    )
    drifted = select(Variant.sku, Variant.on_hand, moved, Variant.reserved, held).where(
        or_(Variant.on_hand != moved, Variant.reserved != held)
    )
    for sku, on_hand, by_ledger, reserved, by_holds in queries().execute(drifted):
        yield f"{sku}: {on_hand} on hand, the ledger says {by_ledger}; {reserved} reserved, holds say {by_holds}"
    available = _sums(select(func.sum(Variant.on_hand - Variant.reserved)), Variant.product_id == Product.id)
    for sku, stock, total in queries().execute(
        select(Product.sku, Product.stock, available).where(Product.stock != available)
    ):
        yield f"{sku}: product says {stock} available, its variants {total}"
    listed = (
        select(Product.sku, Product.stock)
        .join(BrowseEntry, BrowseEntry.product_id == Product.id)
        .where(BrowseEntry.category_id == ALL_CATEGORIES, BrowseEntry.in_stock != (Product.stock > 0))
    )
    for sku, stock in queries().execute(listed):
        yield f"{sku}: {stock} available, but listed otherwise"


def _sums(total: Select[int | None], where: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(total.where(where).scalar_subquery(), 0)


def holdings() -> dict[str, list[Holding]]:
    """What each checkout has of the stock, by checkout and then by state; what was released is left out."""
    rows = queries().execute(
        select(StockReservation, Variant.sku)
        .join(Variant, Variant.id == StockReservation.variant_id)
        .where(StockReservation.state != ReservationState.RELEASED)
    )
    found: dict[str, dict[str, Holding]] = defaultdict(dict)
    for row, sku in rows:
        holding = found[row.checkout_id].setdefault(row.state, Holding(ReservationState(row.state), {}, row.expires_at))
        holding.units[sku] = row.quantity
    return {checkout: list(by_state.values()) for checkout, by_state in found.items()}
