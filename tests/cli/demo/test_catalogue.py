"""The demo catalogue."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from flask import Flask

from storefront.catalog import listing as catalog_listing
from storefront.catalog.values import BrowseCriteria, Sort
from storefront.cli.demo.catalogue import PICTURES, read, slug_of

CONTENT = read()
PRODUCTS = CONTENT["products"]

# Ids, SKUs, names and prices that clients of the old shop know.
CONTRACT = [
    ("SKU-APL-IP15PM", "Apple iPhone 15 Pro Max", "134999.00"),
    ("SKU-APL-MB16M3", "MacBook Pro 16 M3 Max", "349999.00"),
    ("SKU-SON-WH1000XM5", "Sony WH-1000XM5 Headphones", "29999.00"),
    ("SKU-SAM-65QLED", "Samsung 65 4K QLED", "129999.00"),
    ("SKU-NIK-AIR270", "Nike Air Max 270", "8999.00"),
    ("SKU-BOOK-EVELYN", "The Seven Husbands of Evelyn Hugo", "599.00"),
    ("SKU-KIT-ARTSMX", "KitchenAid Artisan Stand Mixer", "44999.00"),
    ("SKU-YOG-PRO", "Manduka Pro Yoga Mat", "6999.00"),
    ("SKU-BEA-GLWSET", "GlowCare Skincare Set", "3999.00"),
]


def test_the_nine_products_of_the_contract_have_ids_one_to_nine(app: Flask) -> None:
    cards = catalog_listing.cards_of(range(1, 10))
    known = [(card.sku, card.name, f"{card.price.amount:.2f}") for card in cards]
    assert [card.id for card in cards] == list(range(1, 10))
    assert known == CONTRACT


def test_the_whole_catalogue_is_on_sale(app: Flask) -> None:
    listing = catalog_listing.browse(BrowseCriteria(sort=Sort.NEWEST))
    assert listing.total == len(PRODUCTS) >= 60
    assert listing.cards[0].name == PRODUCTS[-1]["name"]


def test_every_department_has_products(app: Flask) -> None:
    for category in CONTENT["categories"]:
        assert slug_of(category["name"]) == category["slug"]
        assert catalog_listing.browse(BrowseCriteria(category=category["slug"])).total >= 9


def test_skus_and_barcodes_are_unique() -> None:
    variants = [variant for product in PRODUCTS for variant in product["variants"]]
    for codes in (
        [product["sku"] for product in PRODUCTS],
        [variant["sku"] for variant in variants],
        [variant["barcode"] for variant in variants if variant.get("barcode")],
    ):
        assert [code for code, count in Counter(codes).items() if count > 1] == []


def _check_digit(barcode: str) -> int:
    """Of an EAN-13: GS1 General Specifications 7.9."""
    weights = (1, 3) * 6
    return -sum(int(digit) * weight for digit, weight in zip(barcode, weights, strict=False)) % 10


def test_barcodes_are_real_ones_of_the_range_for_use_within_a_shop() -> None:
    barcodes = [v["barcode"] for product in PRODUCTS for v in product["variants"] if v.get("barcode")]
    assert barcodes
    for barcode in barcodes:
        assert len(barcode) == 13
        assert barcode.startswith("2")
        assert int(barcode[12]) == _check_digit(barcode), barcode


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product["sku"])
def test_every_product_is_complete(app: Flask, product: dict[str, object]) -> None:
    static = Path(str(app.static_folder))
    pictures: list[dict[str, str]] = product["pictures"]  # type: ignore[assignment]
    assert 1 <= len(pictures) <= 4
    assert all((static / PICTURES / picture["file"]).is_file() and picture["alt"] for picture in pictures)
    assert product["specs"]
    assert product["description"]


def test_stock_and_ratings_vary(app: Flask) -> None:
    stock = [sum(variant["stock"] for variant in product["variants"]) for product in PRODUCTS]
    assert min(stock) == 0
    assert [units for units in stock if 0 < units <= 5]
    assert sum(len(product["variants"]) > 1 for product in PRODUCTS) >= 10
    ratings = Counter(review["rating"] for product in PRODUCTS for review in product["reviews"])
    assert all(ratings[stars] for stars in range(1, 6))


def test_nobody_reviews_a_product_twice() -> None:
    for product in PRODUCTS:
        reviewers = [review["reviewer"] for review in product["reviews"]]
        assert len(reviewers) == len(set(reviewers)), product["sku"]
        assert all(number < len(CONTENT["reviewers"]) for number in reviewers)
