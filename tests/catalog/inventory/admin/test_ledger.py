"""The stock ledger for staff, and its immutability in the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError

from storefront.catalog import inventory
from storefront.catalog.inventory.admin import LedgerCriteria, Reason
from storefront.catalog.models import StockMovement
from storefront.core.clock import utc_now
from storefront.db.session import transaction
from tests.factories.catalog import make_product
from tests.factories.stock import CLERK, adjust, change_of, ledger_of, row_of, sell
from tests.fakes import Clock
from tests.page_client import counted_selects


def ids(**criteria: object) -> list[int]:
    page = inventory.admin.list_movements(LedgerCriteria(**criteria))  # type: ignore[arg-type]
    return [movement.id for movement in page.movements]


def test_the_movements_of_a_sku_add_up_to_its_count(app: Flask) -> None:
    mug = make_product(stock=10)
    sell(mug.sku, 3)
    adjust(change_of(mug.sku, delta=5), reason=Reason.RECEIVED)
    page = inventory.admin.list_movements(LedgerCriteria(sku=mug.sku.lower()))
    assert [(row.delta, row.balance, row.reason) for row in page.movements] == [
        (5, 12, "received"),
        (-3, 7, "sale"),
        (10, 10, "initial"),
    ]
    assert page.row == row_of(mug.sku)
    assert page.movements[0].balance == row_of(mug.sku).on_hand


def test_an_unknown_sku_has_no_movements(app: Flask) -> None:
    page = inventory.admin.list_movements(LedgerCriteria(sku="NO-SUCH"))
    assert (page.movements, page.row) == ((), None)


def test_movements_are_filtered_by_actor_reason_reference_and_day(app: Flask, now: Clock) -> None:
    mug, bowl = make_product(stock=10), make_product(stock=10)
    now.advance(days=2)
    began = utc_now()
    reference = adjust(change_of(mug.sku, delta=1), reason=Reason.FOUND, actor="a@example.com")
    now.advance(days=1)
    adjust(change_of(bowl.sku, delta=-1), reason=Reason.LOST, actor="b@example.com")
    (found,), (lost,) = ledger_of(mug.sku), ledger_of(bowl.sku)
    assert ids(actor="a@example.com") == [found.id]
    assert ids(reason="lost") == [lost.id]
    assert ids(reference=reference) == [found.id]
    assert ids(since=began, until=began + timedelta(days=1)) == [found.id]
    assert ids(since=began) == [lost.id, found.id]
    assert ids(actor="a@example.com", reason="lost") == []


@pytest.mark.parametrize("by_sku", [True, False])
def test_a_long_ledger_has_pages_with_each_row_once(app: Flask, by_sku: bool) -> None:
    mug = make_product(stock=10)
    for number in range(120):
        adjust(change_of(mug.sku, delta=1), actor="busy@example.com", reference=f"desk/busy-{number}")
    restricted = {"sku": mug.sku} if by_sku else {"actor": "busy@example.com"}
    pages = [inventory.admin.list_movements(LedgerCriteria(**restricted))]
    while pages[-1].paged.next:
        pages.append(inventory.admin.list_movements(LedgerCriteria(**restricted, cursor=pages[-1].paged.next)))
    balances = [row.balance for page in pages for row in page.movements]
    assert balances == list(range(130, 9 if by_sku else 10, -1))
    back = inventory.admin.list_movements(LedgerCriteria(**restricted, cursor=pages[1].paged.previous))
    assert back.movements == pages[0].movements
    every = inventory.admin.export_movements(LedgerCriteria(**restricted))
    assert [row.balance for row in every] == balances


def test_a_page_takes_a_fixed_number_of_selects(app: Flask) -> None:
    mug = make_product(stock=10)
    for criteria in (LedgerCriteria(), LedgerCriteria(sku=mug.sku), LedgerCriteria(actor="demo", reason="initial")):
        with counted_selects() as counter:
            inventory.admin.list_movements(criteria)
        assert counter["selects"] <= 2


def test_recent_scans_are_of_one_actor(app: Flask) -> None:
    mug = make_product(stock=10)
    for number, actor in enumerate([CLERK, "other@example.com"]):
        adjust(
            change_of(mug.sku, delta=1),
            reason=Reason.RECEIVED,
            reference=f"{inventory.admin.SCAN}{number}",
            actor=actor,
        )
    adjust(change_of(mug.sku, delta=1), reason=Reason.RECEIVED)
    assert [scan.reference for scan in inventory.admin.recent_scans(CLERK)] == ["scan/0"]


@pytest.mark.parametrize("values", [{"note": "nothing happened"}, {"undoes_id": 1}])
def test_movements_are_immutable(app: Flask, values: dict[str, object]) -> None:
    with pytest.raises(DBAPIError, match="stock movements are never changed"), transaction("catalog") as session:
        session.execute(sa.update(StockMovement).values(**values))


def test_the_database_refuses_a_second_undo(app: Flask) -> None:
    mug = make_product(stock=10)
    adjust(change_of(mug.sku, delta=5))
    (added,) = ledger_of(mug.sku)
    inventory.admin.undo(added.id, actor=CLERK)
    second = {"variant_id": row_of(mug.sku).id, "delta": -5, "balance": 5, "reason": "undo", "actor": CLERK}
    with pytest.raises(DBAPIError), transaction("catalog") as session:
        session.execute(
            sa.insert(StockMovement).values(reference="another", created_at=utc_now(), undoes_id=added.id, **second)
        )
