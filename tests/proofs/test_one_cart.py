"""Two acts on one cart at once: the second happens exactly at a commit of the first. The cart is ordered once.

Two devices, three tabs, the API, the bank and the worker: `tests/checkout/devices.py` has the acts. Run in this order
they are in `tests/checkout/test_one_cart_once.py`. All commits: `bin/test -m long tests/proofs/test_one_cart.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from storefront.cart import service as cart
from storefront.checkout import one_request
from storefront.checkout import service as checkout
from storefront.checkout.values import CartOrdered, Outcome
from storefront.core.errors import DomainError
from storefront.db.session import read_session
from tests.checkout.devices import ORDERING, OTHERS, UNITS, Devices, attempt, make_devices
from tests.fakes import Clock
from tests.proofs.interleaving import MOMENTS, RivalShops, at_commit

PAIRS = [(first, second) for first, second in product(ORDERING, {**ORDERING, **OTHERS})]
FIRST_COMMITS = 2  # of the order; the short form lets the second act come at these
ADDED = {"adding a unit": 1, "signing in with a unit in the cart": 1, "setting three units": 1}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first act stands still while the second happens: waiting for it would be in vain."""
    monkeypatch.setattr(one_request, "RUNNER_TIMEOUT", 0)


def meetings(first: str, second: str, commits: range, moment: str, shops: RivalShops) -> Iterator[tuple[int, Devices]]:
    """Let two acts meet at each commit of the first, each time on a cart of its own.

    :return: the number of the commit and the cart, after both; it ends when the first act has no such commit
    """
    for number in commits:
        devices = make_devices()
        ours, theirs = ORDERING[first](devices), {**ORDERING, **OTHERS}[second](devices)
        read_session().rollback()
        with at_commit(number, lambda act=theirs: shops.rival(act), before=moment == "before") as outcomes:
            outcome = attempt(ours)
        if not outcomes:
            return
        for answer in (outcome, *outcomes):
            assert not isinstance(answer, Exception) or isinstance(answer, DomainError) or is_lock(answer), answer
        read_session().rollback()
        yield number, devices


def is_lock(error: Exception) -> bool:
    """Whether the second act met a lock of the first: it would have waited."""
    return "locked" in str(error) or "Lock wait timeout" in str(error)


def check(devices: Devices, first: str, second: str, shops: RivalShops, now: Clock, where: str) -> None:
    """After everybody has come to an end: one order of the cart, and every unit ordered or still in the cart."""
    shops.settle(now)
    devices.confirm_payments()
    shops.settle(now)
    read_session().rollback()
    orders, left = devices.live_orders(), cart.count_units(devices.token)
    if second in ORDERING:
        assert (list(orders.values()), left) == ([UNITS], 0), where
    else:
        assert len(orders) <= 1, where
        total = sum(orders.values()) + left
        assert total in allowed(first, second), f"{where}: {orders} ordered, {left} left"
    shops.assert_consistent()


def allowed(first: str, second: str) -> set[int]:
    """Units that may be ordered and left in all: what was added is ordered or kept, what was removed may come late.

    An order of products by API takes their lines out of the cart in any quantity (contract 2.3 rule 5).
    """
    if second == "removing the line":
        return {0, UNITS}
    added = UNITS + ADDED.get(second, 0)
    return {UNITS, added} if second == "setting three units" or first == "the products by API" else {added}


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_any_two_acts_on_one_cart_at_once_are_one_order(shops: RivalShops, now: Clock, first: str, second: str) -> None:
    """A1: the second act comes right after the order has begun."""
    for number, devices in meetings(first, second, range(FIRST_COMMITS, FIRST_COMMITS + 1), "after", shops):
        check(devices, first, second, shops, now, f"{first}, {second}, after commit {number}")


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_any_two_acts_on_one_cart_at_any_commit_are_one_order(
    shops: RivalShops, now: Clock, first: str, second: str, moment: str
) -> None:
    """A1: at every commit of the first."""
    for number, devices in meetings(first, second, range(1, 100), moment, shops):
        check(devices, first, second, shops, now, f"{first}, {second}, {moment} commit {number}")


@pytest.mark.parametrize("second", ORDERING)
def test_a_second_order_between_the_reading_of_the_cart_and_the_first_commit_is_the_only_one(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch, second: str
) -> None:
    """A1: the first device has read a cart that the second has ordered and emptied when it writes."""
    devices = make_devices()
    ours, theirs = ORDERING["cash on the pages"](devices), ORDERING[second](devices)
    read, done = cart.quote, []

    def quote(token: str | None, **more: str | None) -> object:
        found = read(token, **more)
        if not done:
            done.append(None)
            done[0] = shops.rival(theirs)
        return found

    monkeypatch.setattr(cart, "quote", quote)
    refusal = attempt(ours)
    assert isinstance(refusal, CartOrdered)
    (first,) = done
    assert isinstance(first, Outcome)
    assert refusal.first.id == first.id
    check(devices, "cash on the pages", second, shops, now, second)


def test_an_order_whose_guest_signs_in_at_any_commit_is_ordered_once(shops: RivalShops, now: Clock) -> None:
    """A1, A7: their goods are in the account's cart for a moment, which another device orders at once."""
    for number in range(1, 30):
        devices = make_devices()
        guest = Devices(f"guest-{number}-{devices.mug.id}", devices.mug)
        cart.add_line(guest.token, devices.mug.sku, 1)
        ours = ORDERING["a card on the pages"](guest)

        def sign_in_and_order(guest: Devices = guest, devices: Devices = devices) -> None:
            checkout.transfer_to_account(None, guest.token, devices.token)
            cart.merge(guest.token, devices.token)
            attempt(ORDERING["the cart by API"](devices))

        read_session().rollback()
        with at_commit(number, lambda act=sign_in_and_order: shops.rival(act), before=False) as outcomes:
            attempt(ours)
        shops.settle(now)
        read_session().rollback()
        ordered = sum(devices.live_orders().values()) + sum(guest.live_orders().values())
        assert ordered + cart.count_units(devices.token) == UNITS + 1, f"commit {number}"
        shops.assert_consistent()
        if not outcomes:
            return
