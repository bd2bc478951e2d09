"""What staff do to the stock, and what tests look up about it."""

from __future__ import annotations

import itertools

import sqlalchemy as sa

from storefront.catalog import service as catalog
from storefront.catalog.inventory.admin import Adjustment, Movement, Reason, StockRow
from storefront.catalog.models import StockMovement, Variant
from storefront.catalog.service import Hold, Sku, inventory_admin
from storefront.db.session import read_session

CLERK = "clerk@example.com"

_numbers = itertools.count(1)


def row_of(sku: str) -> StockRow:
    """A variant as the desk shows it now."""
    read_session().rollback()
    row = inventory_admin.find_by_code(sku)
    assert row is not None, sku
    return row


def change_of(
    sku: str,
    *,
    delta: int | None = None,
    count: int | None = None,
    level: int | None = None,
    seen: int | None = None,
) -> Adjustment:
    """What a clerk enters who sees the row as it stands now, or with another figure on hand."""
    row = row_of(sku)
    return Adjustment(
        row.id, row.on_hand if seen is None else seen, row.reorder_level, delta=delta, count=count, level=level
    )


def adjust(*changes: Adjustment, reason: Reason = Reason.CORRECTION, reference: str = "", actor: str = CLERK) -> str:
    """Submit changes.

    :return: their reference
    """
    reference = reference or f"desk/{next(_numbers)}"
    inventory_admin.adjust(changes, reference=reference, reason=reason, actor=actor)
    return reference


def receive(sku: str, units: int) -> None:
    """Goods come in; with a negative figure they go.

    :raise stock_desk.StockConflict: fewer are available than should go
    """
    adjust(change_of(sku, delta=units), reason=Reason.RECEIVED)


def sell(sku: str, units: int = 1, *, checkout: str = "") -> str:
    """Somebody buys.

    :return: the checkout
    """
    checkout = checkout or f"checkout-{next(_numbers)}"
    catalog.reserve(checkout, [Hold(Sku(sku), units)])
    catalog.commit_reservation(checkout)
    return checkout


def ledger_of(sku: str) -> list[Movement]:
    """The rows of a variant since it came in, oldest first."""
    read_session().rollback()
    page = inventory_admin.list_movements(inventory_admin.LedgerCriteria(sku=sku))
    return [movement for movement in reversed(page.movements) if movement.reason != "initial"]


def movement_count() -> int:
    read_session().rollback()
    return read_session().scalar(sa.select(sa.func.count()).select_from(StockMovement)) or 0


def low_stock_notified(sku: str) -> bool:
    read_session().rollback()
    return bool(read_session().scalar(sa.select(Variant.low_stock_notified).where(Variant.sku == sku)))
