"""The staff's stock list: search, filters, sort orders and pages by a fixed number of selects."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.catalog import inventory
from storefront.catalog.inventory.admin import SortOrder, StockFilter, StockPage, StockQuery, StockStatus
from storefront.catalog.models import Product, Variant
from storefront.catalog.values import Hold, ProductCard
from storefront.db.session import transaction
from tests.factories.catalog import make_product
from tests.factories.stock import adjust, change_of, row_of, sell
from tests.page_client import counted_selects


def skus(page: StockPage) -> list[str]:
    return [row.sku for row in page.rows]


def find(words: str, **rest: object) -> list[str]:
    return skus(inventory.admin.list_stock(StockQuery(words=words, **rest)))  # type: ignore[arg-type]


def retire(product: ProductCard) -> None:
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == product.id).values(active=False))
        session.execute(sa.update(Variant).where(Variant.product_id == product.id).values(is_sellable=False))


def test_a_row_has_all_figures(app: Flask) -> None:
    mug = make_product(name="Clay Mug", stock=12)
    sell(mug.sku, 3)
    inventory.reserve("a-buyer", [Hold(mug.sku, 2)])
    row = row_of(mug.sku)
    assert (row.title, row.on_hand, row.reserved, row.available, row.reorder_level) == ("Clay Mug", 9, 2, 7, 5)
    assert (row.sold_30, row.days_left, row.stock_status) == (3, 70, StockStatus.STOCKED)


def test_a_title_contains_the_option(app: Flask) -> None:
    shirt = make_product(name="Shirt", options=(("S", 1), ("M", 2)))
    assert row_of(f"{shirt.sku}-M").title == "Shirt, M"


def test_every_sku_is_on_exactly_one_page_in_every_order(app: Flask) -> None:
    total = inventory.admin.list_stock(StockQuery()).counts[StockFilter.ALL]
    assert total > 50
    for order in SortOrder:
        seen: list[str] = []
        page = inventory.admin.list_stock(StockQuery(order=order))
        seen += skus(page)
        while page.paged.next:
            page = inventory.admin.list_stock(StockQuery(order=order, cursor=page.paged.next))
            seen += skus(page)
        assert len(seen) == len(set(seen)) == total, order


def test_previous_pages_are_the_same(app: Flask) -> None:
    first = inventory.admin.list_stock(StockQuery(order=SortOrder.NAME))
    second = inventory.admin.list_stock(StockQuery(order=SortOrder.NAME, cursor=first.paged.next))
    back = inventory.admin.list_stock(StockQuery(order=SortOrder.NAME, cursor=second.paged.previous))
    assert (skus(back), back.paged.previous) == (skus(first), "")
    assert back.paged.next == first.paged.next


@pytest.mark.parametrize("cursor", ["x", "W10", "WzEsIDIsIDNd", "W3RydWUsIDEuNV0", "é", "W2ZhbHNlLCAiYSIsICJiIl0"])
def test_an_invalid_cursor_is_the_first_page(app: Flask, cursor: str) -> None:
    for order in SortOrder:
        page = inventory.admin.list_stock(StockQuery(order=order, cursor=cursor))
        assert skus(page) == skus(inventory.admin.list_stock(StockQuery(order=order)))


def test_filters_show_and_count_matching_variants(app: Flask) -> None:
    low, out = make_product(stock=5), make_product(stock=0)
    held, gone = make_product(stock=50), make_product(stock=0)
    inventory.reserve("a-buyer", [Hold(held.sku, 1)])
    retire(gone)
    before = inventory.admin.list_stock(StockQuery()).counts
    for filter_, product in (
        (StockFilter.LOW, low),
        (StockFilter.OUT, out),
        (StockFilter.RESERVED, held),
        (StockFilter.INACTIVE, gone),
    ):
        page = inventory.admin.list_stock(StockQuery(filter=filter_, words=product.sku))
        assert skus(page) == [product.sku], filter_
        every = inventory.admin.list_stock(StockQuery(filter=filter_))
        assert len(every.rows) == min(before[filter_], 50)
    assert find(gone.sku, filter=StockFilter.OUT) == []


def test_a_level_raised_above_the_stock_makes_a_row_low(app: Flask) -> None:
    mug = make_product(stock=30)
    adjust(change_of(mug.sku, level=40))
    assert row_of(mug.sku).stock_status is StockStatus.LOW


def test_reserving_the_last_units_makes_a_row_out_of_stock(app: Flask) -> None:
    mug = make_product(stock=2)
    inventory.reserve("a-buyer", [Hold(mug.sku, 2)])
    assert row_of(mug.sku).stock_status is StockStatus.OUT


def test_sort_orders_sort_as_named(app: Flask) -> None:
    slow, fast = make_product(stock=100), make_product(stock=100)
    sell(slow.sku, 1)
    sell(fast.sku, 60)
    both = [SortOrder.AVAILABLE, SortOrder.DAYS_LEFT, SortOrder.SOLD]
    for order in both:
        shown = [sku for sku in find("TEST-", order=order) if sku in {slow.sku, fast.sku}]
        assert shown == [fast.sku, slow.sku], order


# --------------------------------------------------------------------------------------------- search


def test_a_whole_sku_in_any_case_is_the_first_result(app: Flask) -> None:
    short = make_product()
    with transaction("catalog") as session:
        session.execute(sa.update(Variant).where(Variant.sku == short.sku).values(sku="ZED-1", barcode="4006381333931"))
    longer = make_product(name="Zed 1 extra")
    with transaction("catalog") as session:
        session.execute(sa.update(Variant).where(Variant.sku == longer.sku).values(sku="ZED-10"))
    assert find("zed-1") == ["ZED-1", "ZED-10"]
    assert find("4006381333931") == ["ZED-1"]


def test_words_of_a_name_are_found_after_codes(app: Flask) -> None:
    assert [row.title for row in inventory.admin.list_stock(StockQuery(words="pillar beeswax")).rows] == [
        "Beeswax Pillar Candle"
    ]


@pytest.mark.parametrize("words", ["%", "_", "'", '"', "\\", "*", "OR", "a" * 100, "😀", "\uffff"])
def test_any_characters_can_be_searched(app: Flask, words: str) -> None:
    find(words)


def test_a_page_takes_a_fixed_number_of_selects(app: Flask) -> None:
    make_product(name="Tumbler")
    for filter_ in StockFilter:
        for words in ("", "tumbler"):
            with counted_selects() as counter:
                inventory.admin.list_stock(StockQuery(words=words, filter=filter_))
            assert counter["selects"] == 2 + bool(words), (filter_, words)  # one for synonyms, without a cache


# -------------------------------------------------------------------------------------------- restock


def test_the_restock_list_is_sorted_by_days_left(app: Flask) -> None:
    slow, fast, out = make_product(stock=14), make_product(stock=14), make_product(stock=3)
    sell(slow.sku, 10)
    sell(fast.sku, 12)
    sell(out.sku, 3)
    shown = [sku for sku in skus(inventory.admin.restock_list()) if sku in {slow.sku, fast.sku, out.sku}]
    assert shown == [out.sku, fast.sku, slow.sku]


def test_the_restock_list_has_the_units_to_order(app: Flask) -> None:
    mug = make_product(stock=14)
    sell(mug.sku, 10)
    assert row_of(mug.sku).to_order == 5 + 10 - 4


def test_an_export_has_every_variant_once(app: Flask) -> None:
    exported = [row.sku for row in inventory.admin.export_stock()]
    assert len(exported) == len(set(exported)) == inventory.admin.list_stock(StockQuery()).counts[StockFilter.ALL]
