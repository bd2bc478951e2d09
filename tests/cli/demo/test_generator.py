"""Generated products."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from flask import Flask

from storefront.catalog import listing
from storefront.catalog import products as catalog_products
from storefront.catalog.values import BrowseCriteria, Sku
from storefront.cli.demo import generator
from storefront.cli.demo.catalogue import read, slug_of
from tests.conftest import ENGINES
from tests.isolated_shop import own_shop


def test_generation_is_reproducible() -> None:
    assert list(generator.products(500)) == list(generator.products(500))


def test_a_larger_shop_begins_with_the_smaller_one() -> None:
    assert list(generator.products(50)) == list(islice(generator.products(5000), 50))


def test_no_two_products_share_a_code_or_a_name() -> None:
    products = list(generator.products(5000))
    skus = [variant.sku for product in products for variant in product.variants]
    assert len(set(skus)) == len(skus)
    assert len({product.name for product in products}) == len(products)


def test_generated_products_vary_in_department_price_and_stock() -> None:
    products = list(generator.products(1000))
    departments = {category for product in products for category in product.categories}
    assert departments == {slug_of(category["name"]) for category in read()["categories"]}
    assert len({product.brand for product in products}) > 100
    sold_out = sum(not any(variant.stock for variant in product.variants) for product in products)
    assert 50 < sold_out < 150
    assert sum(len(product.variants) > 1 for product in products) == 100
    assert all(variant.price.minor > 0 for product in products for variant in product.variants)


def test_generated_products_can_be_found_and_bought(app: Flask) -> None:
    before = listing.browse(BrowseCriteria()).total
    assert list(generator.load(30)) == [30]
    assert listing.browse(BrowseCriteria()).total == before + 30
    assert catalog_products.get_offer(Sku("GEN-0000001")).is_sellable


@pytest.mark.parametrize("engine", ENGINES)
def test_the_command_adds_generated_products(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        runner = app.test_cli_runner()
        assert runner.invoke(args=["demo", "load", "--products", "1200"]).exit_code == 0
        with app.app_context():
            assert listing.browse(BrowseCriteria()).total == 68 + 1200
            assert listing.browse(BrowseCriteria(words="GEN-0001200")).cards[0].sku == "GEN-0001200"
        assert runner.invoke(args=["demo", "load"]).exit_code == 1
        skipped = runner.invoke(args=["demo", "load", "--if-empty", "--products", "5"])
        assert (skipped.exit_code, "nothing loaded" in skipped.output) == (0, True)
