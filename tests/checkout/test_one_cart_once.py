"""A cart is ordered once, whichever device, tab or program orders it: a second is told so, and shown the first."""

from __future__ import annotations

from itertools import product

import pytest

from storefront.cart import service as cart
from storefront.checkout import service as checkout
from storefront.checkout.values import CartOrdered, CheckoutState, Failure, Outcome
from tests import consistency
from tests.checkout.devices import (
    ORDERING,
    UNITS,
    Devices,
    approve,
    attempt,
    make_devices,
    order_by_api,
    order_on_pages,
)
from tests.checkout.purchase import at_step
from tests.factories.shopping import agreed_now, make_cart, make_draft, return_url

pytestmark = pytest.mark.usefixtures("request_of_worker")


@pytest.fixture
def devices(app: object) -> Devices:
    return make_devices()


def shown_first(second: object) -> Outcome:
    """The order that somebody who came second is shown."""
    shown = second.first if isinstance(second, CartOrdered) else second
    assert isinstance(shown, Outcome), second
    return shown


@pytest.mark.parametrize(("first", "second"), list(product(ORDERING, ORDERING)))
def test_of_two_devices_that_order_one_cart_the_second_is_shown_the_first_order(
    devices: Devices, first: str, second: str
) -> None:
    """A1: both have the cart before them; the second acts while the first order is under way, or done."""
    here, there = ORDERING[first](devices), ORDERING[second](devices)
    ours = attempt(here)
    assert isinstance(ours, Outcome)
    assert shown_first(attempt(there)).id == ours.id
    devices.confirm_payments()
    assert shown_first(attempt(there)).id == ours.id
    assert devices.live_orders() == {ours.id: UNITS}
    assert cart.count_units(devices.token) == 0
    consistency.assert_balanced()


@pytest.mark.parametrize(("first", "second"), list(product(ORDERING, ["cash on the pages", "the cart by API"])))
def test_a_new_cart_of_equal_goods_is_a_new_order_at_once(devices: Devices, first: str, second: str) -> None:
    """A1: ordering again goes on working, without any wait."""
    attempt(ORDERING[first](devices))
    devices.confirm_payments()
    cart.add_line(devices.token, devices.mug.sku, UNITS)
    again = attempt(ORDERING[second](devices))
    assert isinstance(again, Outcome)
    assert len(devices.live_orders()) == 2
    consistency.assert_balanced()


def test_what_was_added_while_an_order_waits_is_ordered_after_it(devices: Devices) -> None:
    """A1: until then the cart is spoken for."""
    waits = attempt(order_on_pages("sandbox-confirm")(devices))
    assert isinstance(waits, Outcome)
    cart.add_line(devices.token, devices.mug.sku, 1)
    assert shown_first(attempt(order_on_pages("cod")(devices))) == waits
    devices.confirm_payments()
    assert cart.count_units(devices.token) == 1
    assert isinstance(attempt(order_on_pages("cod")(devices)), Outcome)
    assert sorted(devices.live_orders().values()) == [1, 2]


@pytest.mark.parametrize("payment", ["cod", "sandbox-success"])
def test_a_cart_is_free_again_when_its_order_failed(devices: Devices, payment: str) -> None:
    """A1: a declined card, and a payment that is given up."""
    assert attempt(order_on_pages("sandbox-decline")(devices)).failure is Failure.DECLINED  # type: ignore[attr-defined]
    waits = attempt(order_on_pages("sandbox-confirm")(devices))
    assert isinstance(waits, Outcome)
    checkout.abandon(waits.id)
    placed = attempt(order_on_pages(payment)(devices))
    assert isinstance(placed, Outcome)
    assert devices.live_orders() == {placed.id: UNITS}
    consistency.assert_balanced()


def test_a_cart_that_was_read_before_another_order_cleared_it_is_not_ordered_again(
    devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1: the other order comes between the reading of the cart and the first step, with another content of it.

    It was placed by a guest who signed in: their goods were in the cart that was read.
    """
    guest = make_cart((devices.mug, 1))
    theirs = make_draft(guest, payment="sandbox-confirm")
    agreed = agreed_now(theirs.id, guest)
    waits = checkout.place_order(theirs.id, guest, agreed=agreed, return_url=return_url)
    checkout.transfer_to_account(theirs.id, guest, devices.token)
    cart.merge(guest, devices.token)
    act = order_on_pages("cod")(devices)
    assert shown_first(attempt(act)).id == waits.id
    approve(waits.id)
    read = cart.quote(devices.token)
    checkout.resume(waits.id)
    with monkeypatch.context() as stale:
        stale.setattr(cart, "quote", lambda token: read)
        assert shown_first(attempt(act)).id == waits.id
    assert devices.live_orders() == {waits.id: 1}
    assert cart.count_units(devices.token) == UNITS
    left = attempt(order_on_pages("cod")(devices))
    assert isinstance(left, Outcome)
    assert devices.live_orders() == {waits.id: 1, left.id: UNITS}
    consistency.assert_balanced()


def test_a_guest_who_signs_in_during_the_first_step_still_gets_the_order(
    devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1, A7: their lines are in the account's cart then, with a content of its own."""
    guest = make_cart((devices.mug, 1))
    draft = make_draft(guest)

    def sign_in() -> None:
        checkout.transfer_to_account(draft.id, guest, devices.token)
        cart.merge(guest, devices.token)

    at_step(monkeypatch, "reserve", sign_in)
    agreed = agreed_now(draft.id, guest)
    assert checkout.place_order(draft.id, guest, agreed=agreed, return_url=return_url).order_id is not None
    assert devices.live_orders() == {draft.id: 1}
    assert cart.count_units(devices.token) == UNITS


def test_products_that_are_in_no_cart_do_not_wait_for_an_order_of_the_cart(devices: Devices) -> None:
    """A1: a program may order while somebody stands at the bank with the cart."""
    waits = attempt(order_on_pages("sandbox-confirm")(devices))
    assert isinstance(waits, Outcome)
    other = Devices(devices.token, make_devices().mug)
    placed = attempt(order_by_api(names_products=True)(other))
    assert isinstance(placed, Outcome)
    assert placed.state is CheckoutState.COMPLETED
    devices.confirm_payments()
    assert len(devices.live_orders()) == 2
