"""The staff's product list: search, filters and pages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from storefront.catalog import products
from storefront.catalog.products.admin import ProductCriteria, ProductFilter, ProductOrder, listing
from storefront.db.session import read_session
from tests.factories.catalog import make_product
from tests.factories.products import (
    KEEPER,
    change,
    coded,
    record_of,
    variants,
)

pytestmark = pytest.mark.usefixtures("_consistent_read_model")


def listed(**criteria: object) -> list[str]:
    read_session().rollback()
    page = products.admin.list_products(ProductCriteria(**criteria))  # type: ignore[arg-type]
    return [row.sku for row in page.rows]


def test_hidden_products_are_found_by_sku_and_barcode(app: Flask) -> None:
    shirt = make_product(options=(("S", 3), ("M", 4)))
    record = change(shirt.id, variants=variants(record_of(shirt.id), S=coded("4006381333931")))
    products.admin.set_published([shirt.id], False, actor=KEEPER)
    s = record.variants[0].sku
    for words in (s, s.lower(), s[:-1], shirt.sku, "4006381333931"):
        assert listed(words=words) == [shirt.sku]


def test_filters_have_counts(app: Flask) -> None:
    before = products.admin.list_products(ProductCriteria()).counts
    hidden, out = make_product(), make_product(stock=0)
    products.admin.set_published([hidden.id], False, actor=KEEPER)
    read_session().rollback()
    counts = products.admin.list_products(ProductCriteria()).counts
    more = {kind.value: counts[kind] - before[kind] for kind in ProductFilter}
    assert more == {"all": 2, "published": 1, "hidden": 1, "no-picture": 2, "sold-out": 1, "price-planned": 0}
    assert listed(filter=ProductFilter.HIDDEN) == [hidden.sku]
    assert out.sku in listed(filter=ProductFilter.SOLD_OUT)


def test_pages_by_price_include_the_highest_prices(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    dear = [make_product(price=90_000_000 + more) for more in range(5)]
    products.admin.set_published([product.id for product in dear], False, actor=KEEPER)
    read_session().rollback()
    seen: list[str] = []
    criteria = ProductCriteria(filter=ProductFilter.HIDDEN, order=ProductOrder.PRICE)
    for _ in range(3):
        page = products.admin.list_products(criteria)
        criteria, seen = replace(criteria, cursor=page.paged.next), [*seen, *(row.sku for row in page.rows)]
    assert (seen, criteria.cursor) == ([product.sku for product in dear], "")


@pytest.mark.parametrize("order", ProductOrder)
def test_pages_have_every_product_once(app: Flask, order: ProductOrder) -> None:
    seen: list[int] = []
    cursor = ""
    while True:
        page = products.admin.list_products(ProductCriteria(order=order, cursor=cursor))
        seen += [row.id for row in page.rows]
        cursor = page.paged.next
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == page.counts[ProductFilter.ALL]
