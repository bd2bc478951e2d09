"""Customers who must confirm a payment elsewhere: they do, they do not, they do and never come back."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.checkout import service as checkout
from storefront.checkout.service import CheckoutState, Failure, Outcome
from storefront.db.session import read_session
from storefront.orders.service import OrderStatus
from storefront.payments import sandbox
from storefront.payments import service as payments
from storefront.payments.models import SandboxCharge
from storefront.payments.service import PaymentStatus
from tests import consistency
from tests.checkout.purchase import Purchase, at_step, make_purchase, raising
from tests.consistency import Stock
from tests.factories.stock import receive
from tests.fakes import Clock, MemoryPost

pytestmark = pytest.mark.usefixtures("request_of_worker")


@pytest.fixture
def waiting(post: MemoryPost) -> Purchase:
    """A purchase whose customer is with the bank now."""
    purchase = make_purchase(post, payment="sandbox-confirm")
    assert purchase.place().state is CheckoutState.WAITING
    return purchase


def decide(purchase: Purchase, *, approve: bool) -> None:
    """What the customer presses on the bank's page."""
    with read_session() as session:
        reference = session.scalars(select(SandboxCharge.reference).where(SandboxCharge.key == purchase.id)).one()
    sandbox.decide(reference, approve=approve)


def test_a_waiting_checkout_names_the_banks_page_and_keeps_the_goods(waiting: Purchase) -> None:
    outcome = waiting.outcome()
    assert (outcome.action_url or "").startswith("/payments/sandbox/sbx_")
    assert consistency.stock_of(waiting.mug.sku) == Stock(on_hand=5, reserved=2)
    assert consistency.orders_of(waiting.id) == []


def test_a_customer_who_confirms_gets_the_order(waiting: Purchase) -> None:
    decide(waiting, approve=True)
    assert checkout.resume(waiting.id).state is CheckoutState.COMPLETED
    waiting.assert_complete()


def test_a_customer_who_declines_gets_everything_back(waiting: Purchase) -> None:
    decide(waiting, approve=False)
    assert checkout.resume(waiting.id).failure is Failure.DECLINED
    waiting.assert_undone()


def test_looking_again_before_confirming_changes_nothing(waiting: Purchase) -> None:
    assert checkout.resume(waiting.id) == waiting.outcome()
    assert consistency.payments_of(waiting.id) == [PaymentStatus.ACTION_NEEDED]
    assert consistency.stock_of(waiting.mug.sku) == Stock(on_hand=5, reserved=2)


def test_a_customer_who_never_confirms_is_given_up_after_a_quarter_of_an_hour(waiting: Purchase, now: Clock) -> None:
    now.advance(minutes=15)
    assert checkout.resume_unfinished() == 0
    now.advance(seconds=1)
    assert checkout.resume_unfinished() == 1
    assert waiting.outcome().detail == "The payment was not confirmed in time"
    waiting.assert_undone()


def test_a_customer_who_confirmed_and_never_came_back_gets_the_order(waiting: Purchase, now: Clock) -> None:
    decide(waiting, approve=True)
    now.advance(minutes=16)
    catalog.release_expired()
    checkout.resume_unfinished()
    waiting.assert_complete()


def test_a_confirmation_after_the_shop_gave_up_moves_no_money(waiting: Purchase, now: Clock) -> None:
    now.advance(minutes=16)
    checkout.resume_unfinished()
    decide(waiting, approve=True)
    assert consistency.charges_of(waiting.id) == [PaymentStatus.VOIDED]
    waiting.assert_undone()


def test_goods_sold_before_a_late_confirmation_are_told_and_nothing_is_charged(waiting: Purchase, now: Clock) -> None:
    decide(waiting, approve=True)
    now.advance(minutes=16)
    catalog.release_expired()
    receive(waiting.mug.sku, -4)
    outcome = checkout.resume(waiting.id)
    assert (outcome.failure, outcome.detail) == (Failure.SOLD_OUT, "Clay Mug")
    assert consistency.orders_of(waiting.id) == [OrderStatus.CANCELLED]
    assert consistency.charges_of(waiting.id) == [PaymentStatus.VOIDED]
    assert cart.count_units(waiting.token) == 2
    consistency.assert_balanced()


def test_a_customer_may_give_up_waiting_and_everything_is_undone(waiting: Purchase) -> None:
    outcome = checkout.abandon(waiting.id)
    assert (outcome.failure, outcome.detail) == (Failure.DECLINED, "You did not confirm the payment")
    waiting.assert_undone()


def test_giving_up_right_after_confirming_moves_no_money(waiting: Purchase) -> None:
    decide(waiting, approve=True)
    assert checkout.abandon(waiting.id).state is CheckoutState.FAILED
    waiting.assert_undone()


def test_giving_up_twice_is_giving_up_once(waiting: Purchase) -> None:
    first = checkout.abandon(waiting.id)
    assert checkout.abandon(waiting.id) == first
    waiting.assert_undone()


def test_an_order_that_went_through_cannot_be_given_up(waiting: Purchase) -> None:
    decide(waiting, approve=True)
    checkout.resume(waiting.id)
    assert checkout.abandon(waiting.id).state is CheckoutState.COMPLETED
    waiting.assert_complete()


@pytest.mark.parametrize("purchase", ["sandbox-timeout"], indirect=True)
def test_a_payment_that_is_not_waiting_goes_its_own_way_when_given_up(purchase: Purchase, now: Clock) -> None:
    for _ in range(2):
        purchase.place()
        now.advance(seconds=3)
    assert checkout.abandon(purchase.id).state is CheckoutState.COMPLETED
    purchase.assert_complete()


def test_a_bank_silent_while_the_payment_is_let_go_is_asked_until_it_answers(
    waiting: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = raising(payments.ProviderTimeout(waiting.id))
    at_step(monkeypatch, "authorise", silence, when="after", undoing=True)
    outcome: Outcome = checkout.abandon(waiting.id)
    assert outcome.state is CheckoutState.UNDOING
    now.advance(minutes=1)
    checkout.resume_unfinished()
    waiting.assert_undone()
