"""Stock changes by staff, and queries on stock for tests."""

from __future__ import annotations

import itertools

import sqlalchemy as sa

from storefront.catalog import inventory
from storefront.catalog.inventory.admin import Adjustment, Movement, Reason, StockRow
from storefront.catalog.models import StockMovement, Variant
from storefront.catalog.values import Hold, Sku
from storefront.db.session import read_session

CLERK = "clerk@example.com"

_numbers = itertools.count(1)


def row_of(sku: str) -> StockRow:
    """The current stock row of a variant."""
    read_session().rollback()
    row = inventory.admin.find_by_code(sku)
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
    """Make an adjustment of a variant.

    :param delta: change of the units on hand
    :param count: counted units, instead of `delta`
    :param level: new reorder level
    :param seen: units on hand that the staff saw, the current figure by default
    """
    row = row_of(sku)
    return Adjustment(
        row.id, row.on_hand if seen is None else seen, row.reorder_level, delta=delta, count=count, level=level
    )


def adjust(*changes: Adjustment, reason: Reason = Reason.CORRECTION, reference: str = "", actor: str = CLERK) -> str:
    """Apply adjustments.

    :param reference: idempotency key, a new one by default
    :return: the reference
    """
    reference = reference or f"desk/{next(_numbers)}"
    inventory.admin.adjust(changes, reference=reference, reason=reason, actor=actor)
    return reference


def receive(sku: str, units: int) -> None:
    """Receive units; a negative number removes them.

    :raise inventory_admin.StockConflict: fewer units are available than are to be removed
    """
    adjust(change_of(sku, delta=units), reason=Reason.RECEIVED)


def sell(sku: str, units: int = 1, *, checkout: str = "") -> str:
    """Reserve and commit units as a checkout does.

    :return: id of the checkout
    """
    checkout = checkout or f"checkout-{next(_numbers)}"
    inventory.reserve(checkout, [Hold(Sku(sku), units)])
    inventory.commit_reservation(checkout)
    return checkout


def ledger_of(sku: str) -> list[Movement]:
    """The ledger entries of a variant after the initial one, oldest first."""
    read_session().rollback()
    page = inventory.admin.list_movements(inventory.admin.LedgerCriteria(sku=sku))
    return [movement for movement in reversed(page.movements) if movement.reason != "initial"]


def movement_count() -> int:
    read_session().rollback()
    return read_session().scalar(sa.select(sa.func.count()).select_from(StockMovement)) or 0


def low_stock_notified(sku: str) -> bool:
    read_session().rollback()
    return bool(read_session().scalar(sa.select(Variant.low_stock_notified).where(Variant.sku == sku)))
