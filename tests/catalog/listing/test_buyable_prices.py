"""C7: cards, filters, sorting and suggestions show the lowest price that can be bought."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.catalog import inventory, listing, products
from storefront.catalog.inventory.availability import track_deltas
from storefront.catalog.inventory.reservations import HOLD_PERIOD
from storefront.catalog.models import Variant
from storefront.catalog.products import NewProduct, NewVariant
from storefront.catalog.values import BrowseCriteria, Hold, ProductCard, Sku, Sort
from storefront.db.session import transaction
from tests.conftest import ENGINES
from tests.factories.catalog import rupees
from tests.factories.products import faults
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop
from tests.page_client import Pages

S, M, L = Sku("TEE-S"), Sku("TEE-M"), Sku("TEE-L")


def make_tee(*stock: int) -> None:
    """Create a T-shirt: S for ₹400 (was 450), M for ₹1,500, L for ₹1,500 (was 1,800)."""
    offers = ((S, 400, 450), (M, 1500, None), (L, 1500, 1800))
    variants = tuple(
        NewVariant(sku, sku[-1], rupees(price), units, compare_at_price=rupees(was) if was else None)
        for (sku, price, was), units in zip(offers, stock, strict=True)
    )
    tee = NewProduct(
        Sku("TEE"), "Quokka Tee", "Loom", "", ("fashion",), variants, date(2026, 11, 1), option_name="Size"
    )
    products.add_products([tee], actor="tests")


def card(**criteria: object) -> ProductCard | None:
    found = listing.browse(BrowseCriteria(brands=("Loom",), **criteria)).cards  # type: ignore[arg-type]
    return next(iter(found), None)


def shown() -> tuple[int, int | None, bool]:
    """Price, compare-at price and "from" of the card, in rupees."""
    found = card()
    assert found is not None
    was = found.compare_at_price
    return int(found.price.amount), int(was.amount) if was else None, found.price_varies


def buy(checkout: str, *skus: Sku, units: int = 1) -> None:
    inventory.reserve(checkout, [Hold(sku, units) for sku in skus])
    inventory.commit_reservation(checkout)


@pytest.mark.parametrize(
    ("stock", "price"),
    [
        ((1, 1, 1), (400, 450, True)),
        ((0, 1, 1), (1500, None, False)),
        ((0, 0, 1), (1500, 1800, False)),
        ((1, 0, 0), (400, 450, False)),
        ((0, 0, 0), (400, 450, True)),
    ],
)
def test_a_new_product_shows_the_lowest_price_that_can_be_bought(
    app: Flask, stock: tuple[int, int, int], price: tuple[int, int | None, bool]
) -> None:
    """C7: of one that is sold out, the lowest of all."""
    make_tee(*stock)
    assert shown() == price
    assert faults() == []


def test_the_price_follows_every_movement_of_stock(app: Flask, now: Clock) -> None:
    """C7: a hold, its end, a sale, a return, a count at the stock desk."""
    make_tee(1, 1, 1)
    inventory.reserve("hold", [Hold(S, 1)])
    assert shown() == (1500, None, False)
    now.at += HOLD_PERIOD + timedelta(seconds=1)
    inventory.release_expired()
    assert shown() == (400, 450, True)
    buy("first", S, M)
    assert shown() == (1500, 1800, False)
    buy("second", L)
    assert shown() == (400, 450, True)
    inventory.restock("first", reason="return", actor="tests")
    assert shown() == (400, 450, True)
    inventory.decrement(card_id(), 1, reason="correction", reference="r", actor="tests")
    assert shown() == (1500, None, False)
    assert faults() == []


def test_units_that_pass_from_one_variant_to_another_change_the_price(app: Flask) -> None:
    """C7: although the product has as many as before."""
    make_tee(1, 0, 0)
    with transaction("catalog") as session, track_deltas(session) as deltas:
        for sku, delta in ((S, -1), (M, 1)):
            variant = session.scalars(select(Variant).where(Variant.sku == sku)).one()
            variant.on_hand += delta
            deltas[variant.product_id, variant.id] += delta
    assert shown() == (1500, None, False)


def card_id() -> int:
    found = card()
    assert found is not None
    return found.id


def test_filters_and_sorting_go_by_the_price_that_is_shown(app: Flask) -> None:
    """C7: the T-shirt for ₹400 that nobody can buy is none below ₹1,000."""
    make_tee(1, 1, 1)
    assert card(price_bands=("under-1000",)) is not None
    buy("all", S)
    assert card(price_bands=("under-1000",)) is None
    assert card(price_bands=("1000-5000",)) is not None
    prices = [each.price.minor for each in listing.browse(BrowseCriteria(sort=Sort.PRICE_LOW)).cards]
    assert prices == sorted(prices)


def test_cards_say_from(pages: Pages) -> None:
    """C7: where a variant that can be bought costs more."""
    make_tee(1, 1, 1)
    price = pages.get("/products?brand=Loom").one(".product-card .price__now").get_text(" ", strip=True)
    assert price == "Now from ₹400"
    buy("all", S)
    assert pages.get("/products?brand=Loom").one(".product-card .price__now").get_text() == "₹1,500"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_last_units_of_two_variants_sold_at_once_leave_the_right_price(engine: str, tmp_path: Path) -> None:
    """C7: neither sees the sale of the other before it has the row of the product."""

    def buy_one(checkout: str, sku: Sku) -> Callable[[], None]:
        return lambda: buy(checkout, sku)

    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            make_tee(4, 4, 1)
        assert suggested(app) == "from ₹400"
        sales = [buy_one(f"{sku}-{number}", sku) for number in range(4) for sku in (S, M)]
        assert at_once(app, sales) == [None] * 8  # type: ignore[comparison-overlap]
        with app.app_context():
            assert shown() == (1500, 1800, False)
            assert faults() == []
        assert suggested(app) == "₹1,500"


def suggested(app: Flask) -> str:
    page = Pages(app).get("/search/suggestions?q=quokka", htmx=True)
    return page.one(".suggestion__price").get_text()
