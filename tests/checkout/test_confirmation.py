"""Payments that the customer must confirm with the bank: confirmed, declined, late, or abandoned."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from storefront.cart import service as cart
from storefront.catalog import inventory
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutState, Failure, Outcome
from storefront.db.session import read_session
from storefront.orders.values import OrderStatus
from storefront.payments import sandbox
from storefront.payments.models import SandboxCharge
from storefront.payments.values import PaymentStatus, ProviderTimeout
from tests import consistency
from tests.checkout.purchase import Purchase, at_step, make_purchase, raising
from tests.consistency import Stock
from tests.factories.stock import receive
from tests.fakes import Clock, MemoryPost

pytestmark = pytest.mark.usefixtures("request_of_worker")


@pytest.fixture
def waiting(post: MemoryPost) -> Purchase:
    """A purchase that waits for the customer's confirmation."""
    purchase = make_purchase(post, payment="sandbox-confirm")
    assert purchase.place().state is CheckoutState.WAITING
    return purchase


def decide(purchase: Purchase, *, approve: bool) -> None:
    """Press a button on the bank's page."""
    with read_session() as session:
        reference = session.scalars(select(SandboxCharge.reference).where(SandboxCharge.key == purchase.id)).one()
    sandbox.decide(reference, approve=approve)


def test_a_waiting_checkout_has_the_banks_page_and_its_reservation(waiting: Purchase) -> None:
    outcome = waiting.outcome()
    assert (outcome.action_url or "").startswith("/payments/sandbox/sbx_")
    assert consistency.stock_of(waiting.mug.sku) == Stock(on_hand=5, reserved=2)
    assert consistency.orders_of(waiting.id) == []


def test_a_customer_who_confirms_gets_the_order(waiting: Purchase) -> None:
    decide(waiting, approve=True)
    assert checkout.resume(waiting.id).state is CheckoutState.COMPLETED
    waiting.assert_complete()


def test_a_payment_declined_by_the_customer_undoes_the_order(waiting: Purchase) -> None:
    decide(waiting, approve=False)
    assert checkout.resume(waiting.id).failure is Failure.DECLINED
    waiting.assert_undone()


def test_resuming_before_the_confirmation_changes_nothing(waiting: Purchase) -> None:
    assert checkout.resume(waiting.id) == waiting.outcome()
    assert consistency.payments_of(waiting.id) == [PaymentStatus.ACTION_NEEDED]
    assert consistency.stock_of(waiting.mug.sku) == Stock(on_hand=5, reserved=2)


def test_a_payment_not_confirmed_within_15_minutes_undoes_the_order(waiting: Purchase, now: Clock) -> None:
    now.advance(minutes=15)
    assert checkout.resume_unfinished() == 0
    now.advance(seconds=1)
    assert checkout.resume_unfinished() == 1
    assert waiting.outcome().detail == "The payment was not confirmed in time"
    waiting.assert_undone()


def test_a_confirmed_payment_completes_the_order_without_the_customers_return(waiting: Purchase, now: Clock) -> None:
    decide(waiting, approve=True)
    now.advance(minutes=16)
    inventory.release_expired()
    checkout.resume_unfinished()
    waiting.assert_complete()


def test_a_confirmation_after_the_undo_charges_nothing(waiting: Purchase, now: Clock) -> None:
    now.advance(minutes=16)
    checkout.resume_unfinished()
    decide(waiting, approve=True)
    assert consistency.charges_of(waiting.id) == [PaymentStatus.VOIDED]
    waiting.assert_undone()


def test_stock_sold_before_a_late_confirmation_fails_the_order_uncharged(waiting: Purchase, now: Clock) -> None:
    decide(waiting, approve=True)
    now.advance(minutes=16)
    inventory.release_expired()
    receive(waiting.mug.sku, -4)
    outcome = checkout.resume(waiting.id)
    assert (outcome.failure, outcome.detail) == (Failure.SOLD_OUT, "Clay Mug")
    assert consistency.orders_of(waiting.id) == [OrderStatus.CANCELLED]
    assert consistency.charges_of(waiting.id) == [PaymentStatus.VOIDED]
    assert cart.count_units(waiting.token) == 2
    consistency.assert_balanced()


def test_an_abandoned_payment_undoes_the_order(waiting: Purchase) -> None:
    outcome = checkout.abandon(waiting.id)
    assert (outcome.failure, outcome.detail) == (Failure.DECLINED, "You did not confirm the payment")
    waiting.assert_undone()


def test_abandoning_right_after_confirming_charges_nothing(waiting: Purchase) -> None:
    decide(waiting, approve=True)
    assert checkout.abandon(waiting.id).state is CheckoutState.FAILED
    waiting.assert_undone()


def test_abandoning_is_idempotent(waiting: Purchase) -> None:
    first = checkout.abandon(waiting.id)
    assert checkout.abandon(waiting.id) == first
    waiting.assert_undone()


def test_a_completed_order_cannot_be_abandoned(waiting: Purchase) -> None:
    decide(waiting, approve=True)
    checkout.resume(waiting.id)
    assert checkout.abandon(waiting.id).state is CheckoutState.COMPLETED
    waiting.assert_complete()


@pytest.mark.parametrize("purchase", ["sandbox-timeout"], indirect=True)
def test_abandoning_a_checkout_that_is_not_waiting_runs_it_on(purchase: Purchase, now: Clock) -> None:
    for _ in range(2):
        purchase.place()
        now.advance(seconds=3)
    assert checkout.abandon(purchase.id).state is CheckoutState.COMPLETED
    purchase.assert_complete()


def test_a_timeout_while_voiding_is_retried_until_the_bank_responds(
    waiting: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeout = raising(ProviderTimeout(waiting.id))
    at_step(monkeypatch, "authorise", timeout, when="after", undoing=True)
    outcome: Outcome = checkout.abandon(waiting.id)
    assert outcome.state is CheckoutState.UNDOING
    now.advance(minutes=1)
    checkout.resume_unfinished()
    waiting.assert_undone()
