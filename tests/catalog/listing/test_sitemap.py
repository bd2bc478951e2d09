"""The parts of the sitemap."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.catalog import products as catalog_products
from storefront.catalog.listing import sitemap
from storefront.cli.demo import catalogue
from tests.factories.catalog import make_product
from tests.page_client import counted_selects

DEMO = range(1, len(catalogue.read()["products"]) + 1)  # the ids of the demo shop


@pytest.fixture
def small_parts(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use parts of ten ids, and check two by one select."""
    monkeypatch.setattr(sitemap, "IDS_OF_PART", 10)
    monkeypatch.setattr(sitemap, "PARTS_AT_ONCE", 2)


def ids_in(part: int) -> list[int]:
    return [product_id for product_id, _ in sitemap.products_in(part)]


def hide(*product_ids: int) -> None:
    catalog_products.admin.set_published(product_ids, False, actor="tests")


@pytest.mark.usefixtures("app")
def test_a_part_lists_products_on_sale_by_id() -> None:
    mug = make_product()
    with counted_selects() as counter:
        products = sitemap.products_in(0)
    assert [product_id for product_id, _ in products] == [*DEMO, mug.id]
    assert products[-1] == (mug.id, mug.slug)
    assert counter["selects"] == 1


@pytest.mark.usefixtures("small_parts")
def test_a_part_ends_where_the_next_begins() -> None:
    assert ids_in(0) == [*range(1, 10)]
    assert ids_in(1) == [*range(10, 20)]
    parts = sitemap.parts()
    assert parts == [*range(DEMO[-1] // 10 + 1)]
    assert [product_id for part in parts for product_id in ids_in(part)] == [*DEMO]


@pytest.mark.usefixtures("small_parts")
def test_hidden_products_are_in_no_part() -> None:
    hide(1, 12, 19)
    assert ids_in(0) == [*range(2, 10)]
    assert ids_in(1) == [10, 11, *range(13, 19)]
    hide(*range(10, 20))
    assert ids_in(1) == []
    assert 1 not in sitemap.parts()


@pytest.mark.usefixtures("small_parts")
def test_gaps_of_any_length_are_skipped() -> None:
    """Ids imported from the old shop can begin anywhere."""
    hide(*range(1, 60))
    with counted_selects() as counter:
        assert sitemap.parts() == [6]
    assert counter["selects"] == 2


@pytest.mark.usefixtures("small_parts")
def test_an_empty_shop_has_no_parts() -> None:
    hide(*DEMO)
    assert sitemap.parts() == []


@pytest.mark.usefixtures("app")
def test_a_category_is_listed_once_a_product_in_it_is_on_sale() -> None:
    toys = catalog_products.admin.CategoryDraft(name="Toys", slug="toys", description="", hue=20, position=1)
    catalog_products.admin.create_category(toys, actor="tests")
    assert "toys" not in sitemap.categories()
    train = make_product(category="toys")
    assert sitemap.categories()[:2] == ["toys", "electronics"]
    hide(train.id)
    assert "toys" not in sitemap.categories()
