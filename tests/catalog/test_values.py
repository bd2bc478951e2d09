"""What passes through the catalogue's door."""

from __future__ import annotations

import pytest

from storefront.catalog.products.create import slugify
from storefront.catalog.service import BrowseCriteria, Listing, ProductId, PurchaseBox, Sku, StockState, VariantView
from tests.factories.catalog import rupees


@pytest.mark.parametrize(
    ("available", "state"),
    [(-1, "out"), (0, "out"), (1, "low"), (5, "low"), (6, "in-stock"), (500, "in-stock")],
)
def test_five_or_fewer_are_few(available: int, state: str) -> None:
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
        ((5, 0), "MUG-1", "MUG-1"),  # asked for by name, it is shown although it is gone
        ((0, 5), None, "MUG-1"),
        ((0, 5), "POT", "MUG-1"),
        ((0, 0), None, "MUG-0"),
    ],
)
def test_the_variant_offered_is_the_one_asked_for_or_the_first_to_be_had(
    stock: tuple[int, ...], asked: str | None, offered: str
) -> None:
    assert box(*stock).variant(asked).sku == offered


@pytest.mark.parametrize(
    ("page", "total", "first", "last"), [(1, 0, 0, 0), (1, 5, 1, 5), (1, 100, 1, 24), (2, 48, 25, 48), (3, 49, 49, 49)]
)
def test_a_page_of_a_listing_knows_its_place(page: int, total: int, first: int, last: int) -> None:
    listing = Listing(BrowseCriteria(page=page), None, (), total, 1, ())
    assert (listing.first, listing.last) == (first, last)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Clay Mug", "clay-mug"),
        ("Chef's Knife, 20 cm", "chef-s-knife-20-cm"),
        ("  --Two--Tone--  ", "two-tone"),
        ("नमक", "product"),
        ("", "product"),
        ("Größe für Café", "grosse-fur-cafe"),
        ("x" * 79 + " and more", "x" * 79),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_name_in_an_address_is_letters_digits_and_hyphens(name: str, slug: str) -> None:
    assert slugify(name) == slug
