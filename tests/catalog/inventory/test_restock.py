"""Returns of sold units to stock, in parts or all that is left; each unit at most once."""

from __future__ import annotations

import uuid

import pytest

from storefront.catalog import inventory
from storefront.catalog import service as catalog
from storefront.catalog.values import Hold, ReferenceReused, ReturnExceedsSold, Sku
from tests.factories.catalog import make_product
from tests.factories.stock import row_of

pytestmark = pytest.mark.usefixtures("app")


def sold(sku: Sku, units: int, *others: Sku) -> str:
    """Create a checkout that bought units of each SKU."""
    checkout = str(uuid.uuid4())
    inventory.reserve(checkout, [Hold(each, units) for each in (sku, *others)])
    inventory.commit_reservation(checkout)
    return checkout


def test_units_are_returned_once_for_each_reference() -> None:
    mug = make_product(stock=10)
    checkout = sold(mug.sku, 3)
    for _ in range(2):
        inventory.restock_part(checkout, f"{checkout}/1", {mug.sku: 1}, reason="return", actor="meera@example.com")
    assert (row_of(mug.sku).on_hand, row_of(mug.sku).sold_30) == (8, 3)
    inventory.restock_part(checkout, f"{checkout}/2", {mug.sku: 1}, reason="cancellation", actor="shop")
    assert (row_of(mug.sku).on_hand, row_of(mug.sku).sold_30) == (9, 2)
    assert list(catalog.stock_violations()) == []


def test_a_reference_used_for_other_units_is_refused() -> None:
    mug = make_product(stock=10)
    checkout = sold(mug.sku, 3)
    inventory.restock_part(checkout, f"{checkout}/1", {mug.sku: 1}, reason="return", actor="shop")
    with pytest.raises(ReferenceReused):
        inventory.restock_part(checkout, f"{checkout}/1", {mug.sku: 2}, reason="return", actor="shop")
    assert row_of(mug.sku).on_hand == 8


def test_no_more_units_are_returned_than_were_sold() -> None:
    mug, jar = make_product(stock=10), make_product(stock=10)
    checkout = sold(mug.sku, 3, jar.sku)
    inventory.restock_part(checkout, f"{checkout}/1", {mug.sku: 2}, reason="return", actor="shop")
    for units in (2, -1):
        with pytest.raises(ReturnExceedsSold):
            inventory.restock_part(
                checkout, f"{checkout}/2", {jar.sku: 1, mug.sku: units}, reason="return", actor="shop"
            )
    assert (row_of(mug.sku).on_hand, row_of(jar.sku).on_hand) == (9, 7)  # all or none


def test_a_full_return_after_a_partial_one_returns_the_rest() -> None:
    mug = make_product(stock=10)
    checkout = sold(mug.sku, 3)
    inventory.restock_part(checkout, f"{checkout}/1", {mug.sku: 1}, reason="return", actor="shop")
    for _ in range(2):
        inventory.restock(checkout, reason="cancellation", actor="shop")
    assert row_of(mug.sku).on_hand == 10
    assert list(catalog.stock_violations()) == []
