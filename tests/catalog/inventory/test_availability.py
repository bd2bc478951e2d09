"""Back-in-stock events: one for each change from none to some available units, in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.catalog import inventory
from storefront.catalog.events import BACK_IN_STOCK
from storefront.catalog.models import Message
from storefront.catalog.values import Hold, OutOfStock, ProductCard, Sku
from storefront.db.session import read_session
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.factories.stock import receive
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop


def published_skus() -> list[str]:
    """List the SKUs of back-in-stock events, oldest first."""
    read_session().rollback()
    payloads = sa.select(Message.payload).where(Message.topic == BACK_IN_STOCK).order_by(Message.id)
    return [payload["sku"] for payload in read_session().scalars(payloads)]


def fully_reserved(units: int = 2) -> ProductCard:
    mug = make_product(stock=units)
    inventory.reserve("a-checkout", [Hold(mug.sku, units)])
    return mug


def after_a_delivery(now: Clock) -> ProductCard:
    mug = make_product(stock=0)
    receive(mug.sku, 3)
    return mug


def after_a_released_checkout(now: Clock) -> ProductCard:
    mug = fully_reserved()
    inventory.release("a-checkout")
    return mug


def after_a_cancelled_order(now: Clock) -> ProductCard:
    mug = fully_reserved()
    inventory.commit_reservation("a-checkout")
    assert published_skus() == []
    inventory.restock("a-checkout", reason="cancellation", actor="shop")
    return mug


def after_an_expired_reservation(now: Clock) -> ProductCard:
    mug = fully_reserved()
    now.advance(minutes=20)
    inventory.release_expired()
    return mug


def after_a_reduced_reservation(now: Clock) -> ProductCard:
    mug = fully_reserved(2)
    inventory.reserve("a-checkout", [Hold(mug.sku, 1)])
    return mug


def after_another_checkout_took_some_expired_units(now: Clock) -> ProductCard:
    mug = fully_reserved(2)
    now.advance(minutes=20)
    inventory.reserve("another", [Hold(mug.sku, 1)])
    return mug


@pytest.mark.parametrize(
    "returned",
    [
        after_a_delivery,
        after_a_released_checkout,
        after_a_cancelled_order,
        after_an_expired_reservation,
        after_a_reduced_reservation,
        after_another_checkout_took_some_expired_units,
    ],
)
def test_a_variant_back_in_stock_is_published_once(
    app: Flask, now: Clock, returned: Callable[[Clock], ProductCard]
) -> None:
    mug = returned(now)
    inventory.release("a-checkout")
    inventory.restock("a-checkout", reason="cancellation", actor="shop")
    inventory.release_expired()
    assert published_skus() == [mug.sku]


def test_more_units_of_an_available_variant_are_not_published(app: Flask) -> None:
    mug = make_product(stock=1)
    receive(mug.sku, 3)
    inventory.reserve("a-checkout", [Hold(mug.sku, 1)])
    inventory.release("a-checkout")
    assert published_skus() == []


def test_units_released_and_reserved_in_one_transaction_are_not_published(app: Flask, now: Clock) -> None:
    mug = fully_reserved(2)
    now.advance(minutes=20)
    inventory.reserve("another", [Hold(mug.sku, 2)])
    assert published_skus() == []


def test_a_variant_back_in_stock_twice_is_published_twice(app: Flask) -> None:
    mug = make_product(stock=0)
    receive(mug.sku, 1)
    receive(mug.sku, -1)
    receive(mug.sku, 1)
    assert published_skus() == [mug.sku, mug.sku]


def test_only_the_variant_back_in_stock_is_published(app: Flask) -> None:
    mug = make_product(options=(("Blue", 0), ("Green", 4)))
    receive(Sku(f"{mug.sku}-Blue"), 1)
    receive(Sku(f"{mug.sku}-Green"), 1)
    assert published_skus() == [f"{mug.sku}-Blue"]


def test_a_refused_change_publishes_nothing(app: Flask) -> None:
    mug, pot = fully_reserved(1), make_product(stock=0)
    receive(pot.sku, 1)
    with pytest.raises(OutOfStock):
        inventory.reserve("a-checkout", [Hold(mug.sku, 1), Hold(pot.sku, 9)])
    assert published_skus() == [pot.sku]


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_releases_publish_one_event(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=4)
            for number in range(4):
                inventory.reserve(f"checkout-{number}", [Hold(mug.sku, 1)])
        outcomes = at_once(app, [lambda n=n: inventory.release(f"checkout-{n % 4}") for n in range(8)])
        with app.app_context():
            assert outcomes == [None] * 8
            assert published_skus() == [mug.sku]
