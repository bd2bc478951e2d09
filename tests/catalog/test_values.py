"""Values of the catalogue."""

from __future__ import annotations

import pytest

from storefront.catalog.products.create import slugify
from storefront.catalog.values import BrowseCriteria, Listing, ProductId, PurchaseBox, Sku, StockState, VariantView
from tests.factories.catalog import rupees


@pytest.mark.parametrize(
    ("available", "state"),
    [(-1, "out"), (0, "out"), (1, "low"), (5, "low"), (6, "in-stock"), (500, "in-stock")],
)
def test_five_or_fewer_units_are_low_stock(available: int, state: str) -> None:
    assert StockState.of(available) == state


def box(*stock: int) -> PurchaseBox:
    variants = tuple(
        VariantView(Sku(f"MUG-{number}"), str(number), rupees(500), units) for number, units in enumerate(stock)
    )
    return PurchaseBox(ProductId(1), "mug", "Mug", "Size", variants, brand="Kiln", hue=20, picture=None)


@pytest.mark.parametrize(
    ("stock", "asked", "offered"),
    [
        ((5, 5), "MUG-1", "MUG-1"),
        ((5, 0), "MUG-1", "MUG-1"),  # requested by SKU, it is shown although it is sold out
        ((0, 5), None, "MUG-1"),
        ((0, 5), "POT", "MUG-1"),
        ((0, 0), None, "MUG-0"),
    ],
)
def test_the_preselected_variant_is_the_requested_or_first_available_one(
    stock: tuple[int, ...], asked: str | None, offered: str
) -> None:
    assert box(*stock).variant(asked).sku == offered


@pytest.mark.parametrize(
    ("page", "total", "first", "last"), [(1, 0, 0, 0), (1, 5, 1, 5), (1, 100, 1, 24), (2, 48, 25, 48), (3, 49, 49, 49)]
)
def test_a_page_has_its_first_and_last_position(page: int, total: int, first: int, last: int) -> None:
    listing = Listing(BrowseCriteria(page=page), None, (), total, 1, ())
    assert (listing.first, listing.last) == (first, last)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Clay Mug", "clay-mug"),
        ("Chef's Knife, 20 cm", "chef-s-knife-20-cm"),
        ("  --Two--Tone--  ", "two-tone"),
        ("नमक", "nmk"),
        ("", "product"),
        ("Größe für Café", "grosse-fur-cafe"),
        ("x" * 79 + " and more", "x" * 79),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_slug_has_letters_digits_and_hyphens(name: str, slug: str) -> None:
    assert slugify(name) == slug
