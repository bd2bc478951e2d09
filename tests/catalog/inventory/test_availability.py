"""Goods that come back are announced: once for each return, in the transaction that brings them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.catalog import service as catalog
from storefront.catalog.events import BACK_IN_STOCK
from storefront.catalog.models import Message
from storefront.catalog.service import Hold, OutOfStock, ProductCard, Sku
from storefront.db.session import read_session
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.factories.stock import receive
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop


def announced() -> list[str]:
    """SKUs said to be back, oldest first."""
    read_session().rollback()
    said = sa.select(Message.payload).where(Message.topic == BACK_IN_STOCK).order_by(Message.id)
    return [payload["sku"] for payload in read_session().scalars(said)]


def all_held(units: int = 2) -> ProductCard:
    mug = make_product(stock=units)
    catalog.reserve("a-checkout", [Hold(mug.sku, units)])
    return mug


def after_a_delivery(now: Clock) -> ProductCard:
    mug = make_product(stock=0)
    receive(mug.sku, 3)
    return mug


def after_a_checkout_let_go(now: Clock) -> ProductCard:
    mug = all_held()
    catalog.release("a-checkout")
    return mug


def after_a_cancelled_order(now: Clock) -> ProductCard:
    mug = all_held()
    catalog.commit_reservation("a-checkout")
    assert announced() == []
    catalog.restock("a-checkout", reason="cancellation", actor="shop")
    return mug


def after_a_hold_ran_out(now: Clock) -> ProductCard:
    mug = all_held()
    now.advance(minutes=20)
    catalog.release_expired()
    return mug


def after_a_checkout_that_wants_fewer(now: Clock) -> ProductCard:
    mug = all_held(2)
    catalog.reserve("a-checkout", [Hold(mug.sku, 1)])
    return mug


def after_another_took_some_of_what_a_hold_left(now: Clock) -> ProductCard:
    mug = all_held(2)
    now.advance(minutes=20)
    catalog.reserve("another", [Hold(mug.sku, 1)])
    return mug


@pytest.mark.parametrize(
    "returned",
    [
        after_a_delivery,
        after_a_checkout_let_go,
        after_a_cancelled_order,
        after_a_hold_ran_out,
        after_a_checkout_that_wants_fewer,
        after_another_took_some_of_what_a_hold_left,
    ],
)
def test_goods_that_come_back_are_announced_once(
    app: Flask, now: Clock, returned: Callable[[Clock], ProductCard]
) -> None:
    mug = returned(now)
    catalog.release("a-checkout")
    catalog.restock("a-checkout", reason="cancellation", actor="shop")
    catalog.release_expired()
    assert announced() == [mug.sku]


def test_more_of_what_there_was_is_no_news(app: Flask) -> None:
    mug = make_product(stock=1)
    receive(mug.sku, 3)
    catalog.reserve("a-checkout", [Hold(mug.sku, 1)])
    catalog.release("a-checkout")
    assert announced() == []


def test_what_one_lets_go_and_another_takes_at_once_is_no_news(app: Flask, now: Clock) -> None:
    mug = all_held(2)
    now.advance(minutes=20)
    catalog.reserve("another", [Hold(mug.sku, 2)])
    assert announced() == []


def test_what_goes_and_comes_twice_is_announced_twice(app: Flask) -> None:
    mug = make_product(stock=0)
    receive(mug.sku, 1)
    receive(mug.sku, -1)
    receive(mug.sku, 1)
    assert announced() == [mug.sku, mug.sku]


def test_of_several_variants_the_one_is_announced_that_is_back(app: Flask) -> None:
    mug = make_product(options=(("Blue", 0), ("Green", 4)))
    receive(Sku(f"{mug.sku}-Blue"), 1)
    receive(Sku(f"{mug.sku}-Green"), 1)
    assert announced() == [f"{mug.sku}-Blue"]


def test_nothing_is_announced_of_a_change_that_was_refused(app: Flask) -> None:
    mug, pot = all_held(1), make_product(stock=0)
    receive(pot.sku, 1)
    with pytest.raises(OutOfStock):
        catalog.reserve("a-checkout", [Hold(mug.sku, 1), Hold(pot.sku, 9)])
    assert announced() == [pot.sku]


@pytest.mark.parametrize("engine", ENGINES)
def test_two_who_let_go_at_once_announce_one_return(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=4)
            for number in range(4):
                catalog.reserve(f"checkout-{number}", [Hold(mug.sku, 1)])
        outcomes = at_once(app, [lambda n=n: catalog.release(f"checkout-{n % 4}") for n in range(8)])
        with app.app_context():
            assert outcomes == [None] * 8
            assert announced() == [mug.sku]
