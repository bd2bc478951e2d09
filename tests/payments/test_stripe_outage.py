"""Stripe is silent or answers errors, and comes back: who still asks it, and what becomes of payments under way."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from flask import Flask
from stripe import CardError, InvalidRequestError

from storefront.cart import service as cart
from storefront.checkout import service as checkout
from storefront.checkout.models import Checkout
from storefront.checkout.values import CheckoutDraft, CheckoutState, Contact, DirectOrder
from storefront.db.session import read_session
from storefront.payments import service as payments
from storefront.payments import stripe as adapter
from storefront.payments.providers import Charge
from storefront.payments.stripe import StripeProvider
from storefront.payments.values import PaymentOption, PaymentStatus, PaymentUnavailable, ProviderTimeout
from tests import consistency
from tests.consistency import Stock
from tests.factories.catalog import make_product, rupees
from tests.factories.shopping import ADDRESS, EMAIL, PHONE, make_cart, make_draft, place
from tests.fakes import Clock
from tests.outages import end_pause, join_probes
from tests.stripe_process import Bank, pay

TOTAL = rupees("1680.50")
provider = StripeProvider()

pytestmark = pytest.mark.usefixtures("request_of_worker")


@pytest.fixture
def patient(failing_stripe: Bank, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """The stand-in; after a failure too many it is not asked for the rest of the test."""
    monkeypatch.setattr(adapter, "SERVICE", replace(adapter.SERVICE, pause_seconds=3600))
    return failing_stripe


def authorise(key: str | None = None) -> PaymentStatus:
    return provider.authorise(Charge(key or str(uuid.uuid4()), TOTAL, "stripe", "/checkout/placing/1")).status


def fail_three_times(bank: Bank, mode: str = "500") -> None:
    bank.behave(mode)
    for _ in range(3):
        with pytest.raises(ProviderTimeout):
            authorise()


# ------------------------------------------------------------------------------------------------ who asks


@pytest.mark.parametrize("mode", ["silent", "500", "429"])
def test_after_three_failures_stripe_is_not_asked(patient: Bank, mode: str) -> None:
    fail_three_times(patient, mode)
    asked = patient.asked
    with pytest.raises(ProviderTimeout):
        authorise()
    assert patient.asked == asked
    assert payments.unavailable_options() == {"stripe"}


@pytest.mark.parametrize("error", [CardError("no", None, None), InvalidRequestError("no", None)])  # type: ignore[no-untyped-call]
def test_a_declined_card_and_a_refused_request_are_no_failures(stripe: Bank, error: Exception) -> None:
    for _ in range(5):
        with pytest.raises(type(error)):
            adapter.SERVICE.call("capture", raising(error))
    assert payments.unavailable_options() == frozenset()


def raising(error: Exception) -> object:
    def ask() -> None:
        raise error

    return ask


@pytest.mark.parametrize("mode", ["silent", "500"])
def test_when_stripe_is_back_the_shop_notices_by_itself_and_no_visitor_waits(failing_stripe: Bank, mode: str) -> None:
    fail_three_times(failing_stripe, mode)
    assert payments.unavailable_options() == {"stripe"}
    join_probes()  # it still fails
    failing_stripe.behave("well")
    assert payments.unavailable_options() == {"stripe"}  # a probe has just been sent
    join_probes()
    assert payments.unavailable_options() == frozenset()
    assert authorise() is PaymentStatus.ACTION_NEEDED


# ------------------------------------------------------------------------------------------- orders that begin


def test_an_order_by_card_is_refused_at_once_and_nothing_is_written(patient: Bank) -> None:
    mug = make_product(stock=5)
    token = make_cart((mug, 2))
    draft = make_draft(token, payment="stripe")
    fail_three_times(patient)
    asked = patient.asked
    with pytest.raises(PaymentUnavailable) as refusal:
        place(draft, token)
    assert refusal.value.label == "Card"
    assert patient.asked == asked
    assert consistency.state_of(draft.id) == "draft"
    assert consistency.payments_of(draft.id) == []
    assert consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)
    assert cart.count_units(token) == 2


def test_the_same_cart_is_ordered_by_another_payment(patient: Bank) -> None:
    token = make_cart((make_product(stock=5), 2))
    draft = make_draft(token, payment="stripe")
    fail_three_times(patient)
    checkout.enter_payment(draft, "cod")
    assert place(draft, token).state is CheckoutState.COMPLETED


def direct_order(option: PaymentOption, product: int, key: str) -> DirectOrder:
    return DirectOrder({product: 2}, Contact(EMAIL, PHONE), ADDRESS, option, key=key)


def test_an_order_in_one_request_is_refused_at_once_and_nothing_is_written(patient: Bank) -> None:
    mug = make_product(stock=5)
    (card,) = provider.options()
    fail_three_times(patient)
    with pytest.raises(PaymentUnavailable):
        checkout.place_direct_order(cart.cart_key_of(7), direct_order(card, mug.id, "ORD-1"))
    assert checkout.states() == {}
    assert consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)


def test_a_repeat_of_an_order_that_has_begun_is_answered_with_that_order(patient: Bank) -> None:
    mug = make_product(stock=5)
    (card,) = provider.options()
    order = direct_order(card, mug.id, "ORD-1")
    first = checkout.place_direct_order(cart.cart_key_of(7), order)
    assert first.state is CheckoutState.WAITING
    fail_three_times(patient)
    again = checkout.place_direct_order(cart.cart_key_of(7), order)
    assert again.id == first.id
    assert again.is_unfinished


def test_a_form_sent_again_leads_to_the_order_that_has_begun(patient: Bank) -> None:
    token = make_cart((make_product(stock=5), 2))
    draft = make_draft(token, payment="stripe")
    assert place(draft, token).state is CheckoutState.WAITING
    fail_three_times(patient)
    agreed = read_session().get_one(Checkout, draft.id).progress["agreed"]
    again = checkout.place_order(draft.id, token, agreed=agreed, return_url=lambda key: f"/{key}")
    assert again.is_unfinished


# ------------------------------------------------------------------------------------------ payments under way


@pytest.fixture
def paid(failing_stripe: Bank) -> CheckoutDraft:
    """A checkout whose customer has paid at Stripe, of which the shop does not know yet."""
    token = make_cart((make_product(stock=5), 2))
    draft = make_draft(token, payment="stripe")
    outcome = place(draft, token)
    assert outcome.action_url is not None
    assert pay(outcome.action_url) == 303
    return draft


def test_a_payment_under_way_is_asked_about_later_and_completes(
    failing_stripe: Bank, paid: CheckoutDraft, now: Clock
) -> None:
    fail_three_times(failing_stripe)
    for _ in range(5):
        assert checkout.try_again(paid.id).is_unfinished
        now.advance(seconds=5)
    assert consistency.payments_of(paid.id) == [PaymentStatus.ACTION_NEEDED]
    failing_stripe.behave("well")
    assert checkout.try_again(paid.id).state is CheckoutState.COMPLETED
    assert failing_stripe.states_of(paid.id) == ["succeeded"]
    assert consistency.payments_of(paid.id) == [PaymentStatus.CAPTURED]


def test_an_open_breaker_neither_fails_a_payment_nor_lets_it_go_unasked(
    app: Flask, failing_stripe: Bank, paid: CheckoutDraft, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a quarter of an hour the order is given up; money that is held is let go only by an answer of Stripe."""
    monkeypatch.setattr(adapter, "SERVICE", replace(adapter.SERVICE, pause_seconds=3600))
    fail_three_times(failing_stripe)
    now.advance(minutes=16)
    for _ in range(3):
        assert checkout.try_again(paid.id).state is CheckoutState.UNDOING
        now.advance(seconds=5)
    failing_stripe.behave("well")
    assert failing_stripe.states_of(paid.id) == ["requires_capture"]
    end_pause(app, adapter.SERVICE)
    assert checkout.try_again(paid.id).state is CheckoutState.FAILED
    assert failing_stripe.states_of(paid.id) == ["canceled"]
    assert consistency.payments_of(paid.id) == [PaymentStatus.VOIDED]
