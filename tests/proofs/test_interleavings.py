"""Interleavings of the checkout: a rival acts exactly between two lines of ours, without sleeps or timing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType

import pytest

from storefront.cart import service as cart
from storefront.catalog import inventory
from storefront.catalog.inventory import availability, reservations
from storefront.checkout import service as checkout
from storefront.checkout.values import Failure, Outcome
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.worker import tasks
from tests import consistency
from tests.checkout.purchase import STEPS
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.factories.shopping import agreed_now, place
from tests.fakes import Clock
from tests.proofs.interleaving import (
    MOMENTS,
    Action,
    Buyer,
    RivalShops,
    adjust_stock,
    at_commit,
    attempt,
    make_buyer,
    run_after,
    run_before,
)

# ------------------------------------------------------------------------------- between check and write


def test_units_bought_by_a_rival_after_our_cart_was_checked_are_sold_once(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=1)
    we, they = make_buyer(mug), make_buyer(mug)
    run_before(monkeypatch, inventory, "reserve", lambda: shops.rival(they.place))
    outcome = we.place()
    assert (outcome.failure, outcome.detail) == (Failure.SOLD_OUT, mug.name)
    assert (we.live_orders(), they.live_orders(), cart.count_units(we.token)) == (0, 1, 1)
    shops.settle(now)
    shops.assert_consistent()


LINES = [
    (reservations, line) for line in ("_variants", "_lock_variants", "_reservations", "_reserve_units", "_write_hold")
]


@pytest.mark.parametrize(
    ("where", "line"), [*LINES, (availability, "shift_stock")], ids=lambda value: getattr(value, "__name__", value)
)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rival_at_any_line_of_a_reservation_gets_the_last_unit_or_we_do(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch, where: ModuleType, line: str, moment: str
) -> None:
    mug = make_product(stock=1)
    we, they = make_buyer(mug), make_buyer(mug)
    run = run_before if moment == "before" else run_after
    outcomes = run(monkeypatch, where, line, lambda: shops.rival(they.place))
    we.place()
    shops.settle(now)
    assert len(outcomes) == 1
    assert we.live_orders() + they.live_orders() == 1
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    assert cart.count_units(we.token) + cart.count_units(they.token) == 1
    shops.assert_consistent()


def test_units_removed_between_check_and_write_are_not_sold(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=3)
    we = make_buyer(mug, 2)
    run_before(monkeypatch, inventory, "reserve", lambda: shops.rival(lambda: adjust_stock(mug, -2)))
    assert we.place().failure is Failure.SOLD_OUT
    assert consistency.stock_of(mug.sku) == Stock(on_hand=1, reserved=0)
    shops.assert_consistent()


# -------------------------------------------------------------------------- between the quote and the order


def test_items_added_to_the_cart_between_quote_and_order_stay_there(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug, bowl = make_product(stock=5), make_product(name="Bowl", price=900, stock=5)
    we = make_buyer(mug, 2)
    agreed = agreed_now(we.id, we.token)

    def add() -> None:
        cart.add_line(we.token, mug.sku, 1)
        cart.add_line(we.token, bowl.sku, 1)

    run_after(monkeypatch, cart, "quote", lambda: shops.rival(add))
    outcome = checkout.place_order(we.id, we.token, agreed=agreed, return_url=lambda _: "/")
    assert outcome.order_id is not None
    bought = orders.get_order(outcome.order_id)
    assert [(item.sku, item.quantity) for item in bought.items] == [(mug.sku, 2)]
    assert {line.sku: line.quantity for line in cart.quote(we.token).lines} == {mug.sku: 1, bowl.sku: 1}
    shops.settle(now)
    shops.assert_consistent()


def test_the_second_request_of_a_double_click_gets_the_order_although_the_cart_is_empty(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    we = make_buyer(make_product(stock=5))
    agreed = agreed_now(we.id, we.token)

    def press() -> Outcome:
        read_session().rollback()  # a request reads the current state
        return checkout.place_order(we.id, we.token, agreed=agreed, return_url=lambda _: "/")

    outcomes = run_before(monkeypatch, cart, "quote", lambda: shops.rival(press))
    ours = press()
    assert ours.order_id is not None
    assert outcomes == [ours]
    assert we.live_orders() == 1
    shops.settle(now)
    assert len(shops.post.letters) == 1
    shops.assert_consistent()


# ---------------------------------------------------------------------------------- at every commit


RIVALS: dict[str, Callable[[Buyer, Buyer], Action]] = {
    "the same form again": lambda we, they: lambda: place(we.draft, we.token),
    "another buyer": lambda we, they: they.place,
    "the webhook": lambda we, they: lambda: checkout.resume(we.id),
    "the customer's cancellation": lambda we, they: lambda: checkout.abandon(we.id),
    "the worker": lambda we, they: tasks.sweep,
}


@pytest.mark.parametrize(
    ("rival", "moment"),
    [
        ("another buyer", "after"),
        *(
            pytest.param(rival, moment, marks=pytest.mark.long)
            for rival in RIVALS
            for moment in MOMENTS
            if (rival, moment) != ("another buyer", "after")
        ),
    ],
)
def test_a_rival_at_any_commit_of_an_order_leaves_one_order_of_the_last_unit(
    shops: RivalShops, now: Clock, rival: str, moment: str
) -> None:
    number = 0
    is_reached = True
    while is_reached:
        number += 1
        mug = make_product(stock=1)
        we, they = make_buyer(mug), make_buyer(mug)
        action = partial(shops.rival, RIVALS[rival](we, they))
        read_session().rollback()
        with at_commit(number, action, before=moment == "before") as outcomes:
            attempt(we.place)
        is_reached = bool(outcomes)
        shops.settle(now)
        assert we.live_orders() + they.live_orders() == 1, f"commit {number}: {outcomes}"
        assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0), f"commit {number}"
        assert len(shops.post.letters) == number, f"commit {number}"
        shops.assert_consistent()
    assert number > len(STEPS)
