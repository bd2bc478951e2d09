"""The saga under faults at every step: afterwards stock, payments and e-mails always agree."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from storefront.cart import service as cart
from storefront.catalog import inventory, products
from storefront.catalog.values import Hold
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutState, Failure, Shortage
from storefront.db.session import db
from storefront.orders.values import OrderStatus
from storefront.payments import sandbox
from storefront.payments import service as payments
from storefront.payments.values import PaymentDeclined, PaymentStatus, ProviderTimeout
from tests import consistency
from tests.checkout.purchase import (
    FOR_EVER,
    STEPS,
    UNDONE_STEPS,
    Crash,
    Purchase,
    at_step,
    make_purchase,
    no_database,
    raising,
)
from tests.consistency import Stock
from tests.factories.accounts import make_account
from tests.factories.shopping import make_cart, make_draft, place
from tests.fakes import Clock, MemoryPost

pytestmark = pytest.mark.usefixtures("request_of_worker")

WHEN = ["before", "after"]
STEPS_FROM_CAPTURE = STEPS[saga.CAPTURE :]


def wait_and_sweep(now: Clock, **delta: float) -> None:
    """Advance the clock and run the worker's sweep; two minutes are longer than any lease."""
    now.advance(**(delta or {"minutes": 2}))
    checkout.resume_unfinished()


def sell_out(purchase: Purchase) -> None:
    """Another shopper buys all available mugs."""
    left = products.get_offer(purchase.mug.sku).available
    other = make_cart((purchase.mug, left))
    assert place(make_draft(other), other).order_id is not None


def crash(*args: object, **kwargs: object) -> None:
    raise Crash


# ---------------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("purchase", ["cod", "sandbox-success"], indirect=True)
def test_an_order_takes_stock_and_payment_and_sends_one_email(purchase: Purchase) -> None:
    assert purchase.place().state is CheckoutState.COMPLETED
    purchase.assert_complete()


@pytest.mark.parametrize("purchase", ["cod", "sandbox-success"], indirect=True)
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("step", STEPS)
def test_a_checkout_whose_process_died_at_a_step_is_completed_by_the_worker(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    purchase.break_at(monkeypatch, step, Crash(), when=when)
    assert consistency.step_of(purchase.id) == (saga.CAPTURE if step in STEPS_FROM_CAPTURE else 0)
    wait_and_sweep(now)
    purchase.assert_complete()


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("step", UNDONE_STEPS)
def test_all_that_a_dead_process_did_is_undone_when_the_worker_cannot_go_on(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    purchase.break_at(monkeypatch, step, Crash(), when=when)
    at_step(monkeypatch, "reserve", raising(PaymentDeclined("The first step is refused")))
    wait_and_sweep(now)
    purchase.assert_undone()


def test_an_order_that_nothing_delays_writes_its_record_four_times(purchase: Purchase) -> None:
    writes: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("UPDATE checkouts"):
            writes.append(statement)

    event.listen(db.engines["checkout"], "before_cursor_execute", note)
    try:
        assert purchase.place().state is CheckoutState.COMPLETED
    finally:
        event.remove(db.engines["checkout"], "before_cursor_execute", note)
    assert len(writes) == 4  # it opens, takes the lease, begins the capture, is complete


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("step", UNDONE_STEPS)
def test_a_checkout_whose_process_died_while_undoing_is_undone_by_the_worker(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    at_step(monkeypatch, "capture", raising(PaymentDeclined("What was held is gone")))
    at_step(monkeypatch, step, raising(Crash()), when=when, undoing=True)
    with pytest.raises(Crash):
        purchase.place()
    wait_and_sweep(now)
    purchase.assert_undone()


@pytest.mark.parametrize("step", ["authorise", "capture"])
def test_a_process_that_dies_before_storing_the_providers_response_charges_once(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        at_step(patch, step, lambda: patch.setattr(payments, "_record", crash))
        with pytest.raises(Crash):
            purchase.place()
    wait_and_sweep(now)
    purchase.assert_complete()


def test_a_checkout_whose_process_died_before_the_first_step_is_completed_by_the_worker(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(saga, "resume", crash)
        with pytest.raises(Crash):
            purchase.place()
    wait_and_sweep(now)
    purchase.assert_complete()


def test_a_line_added_to_the_cart_after_a_crash_is_not_cleared(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase.break_at(monkeypatch, "clear", Crash(), when="after")
    cart.add_line(purchase.token, purchase.mug.sku, 1)
    wait_and_sweep(now)
    assert purchase.outcome().state is CheckoutState.COMPLETED
    assert cart.count_units(purchase.token) == 1


def test_signing_in_while_the_order_is_paid_does_not_keep_bought_items_in_the_cart(
    purchase: Purchase, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = cart.cart_key_of(make_account().id)

    def sign_in() -> None:
        checkout.transfer_to_account(purchase.id, purchase.token, account)
        cart.merge(purchase.token, account)

    at_step(monkeypatch, "capture", sign_in)
    assert purchase.place().state is CheckoutState.COMPLETED
    assert cart.count_units(account) == 0


def test_a_line_added_to_the_cart_during_payment_is_not_cleared(
    purchase: Purchase, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_step(monkeypatch, "capture", lambda: _add_a_mug(purchase))
    assert purchase.place().state is CheckoutState.COMPLETED
    assert cart.count_units(purchase.token) == 1
    assert consistency.stock_of(purchase.mug.sku) == Stock(on_hand=3, reserved=0)


def _add_a_mug(purchase: Purchase) -> None:
    cart.add_line(purchase.token, purchase.mug.sku, 1)


# ---------------------------------------------------------------------------------- a database that fails


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_once_is_retried(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    purchase.break_at(monkeypatch, step, no_database(), when=when)
    assert purchase.outcome().state is CheckoutState.RUNNING
    now.advance(seconds=3)
    assert checkout.resume(purchase.id).state is CheckoutState.COMPLETED
    purchase.assert_complete()


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("step", UNDONE_STEPS)
def test_a_step_that_keeps_failing_is_undone_with_all_before_it_after_the_timeout(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    purchase.break_at(monkeypatch, step, no_database(), when=when, times=FOR_EVER)
    wait_and_sweep(now, minutes=2)
    assert purchase.outcome().state is CheckoutState.RUNNING
    wait_and_sweep(now, minutes=14)
    assert purchase.outcome().failure is Failure.UNAVAILABLE
    purchase.assert_undone()


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("step", STEPS_FROM_CAPTURE)
def test_from_the_capture_on_a_step_is_retried_until_it_succeeds(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    with monkeypatch.context() as patch:
        purchase.break_at(patch, step, no_database(), when=when, times=FOR_EVER)
        for _ in range(3):
            wait_and_sweep(now, hours=8)
            inventory.release_expired()
    wait_and_sweep(now)
    purchase.assert_complete()


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("step", UNDONE_STEPS)
def test_an_undo_that_fails_is_retried_until_it_succeeds(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    at_step(monkeypatch, "capture", raising(PaymentDeclined("What was held is gone")))
    at_step(monkeypatch, step, raising(no_database()), when=when, undoing=True, times=3)
    purchase.place()
    for _ in range(3):
        assert purchase.outcome().state is CheckoutState.UNDOING
        wait_and_sweep(now)
    purchase.assert_undone()


def test_a_failing_checkout_does_not_block_the_others(
    post: MemoryPost, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = make_purchase(post), make_purchase(post)
    for each in (stuck, other):
        with monkeypatch.context() as patch:
            each.break_at(patch, "reserve", Crash())
    at_step(monkeypatch, "authorise", raising(no_database()))  # of whichever runs first
    wait_and_sweep(now)
    states = {stuck.outcome().state, other.outcome().state}
    assert states == {CheckoutState.RUNNING, CheckoutState.COMPLETED}


# ------------------------------------------------------------------------------------- payment and stock


@pytest.mark.parametrize("purchase", ["sandbox-decline"], indirect=True)
def test_a_declined_payment_undoes_the_order(purchase: Purchase) -> None:
    outcome = purchase.place()
    assert (outcome.failure, outcome.detail) == (Failure.DECLINED, "The bank declined the card")
    purchase.assert_undone()


def test_sold_out_products_are_named_and_no_payment_is_made(
    purchase: Purchase, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = [Hold(purchase.mug.sku, 4)]
    at_step(monkeypatch, "reserve", lambda: inventory.reserve("another-shopper", rival))
    outcome = purchase.place()
    inventory.release("another-shopper")
    assert (outcome.failure, outcome.detail) == (Failure.SOLD_OUT, "Clay Mug")
    assert outcome.shortages == (Shortage("Clay Mug", left=1),)
    assert consistency.payments_of(purchase.id) == []
    purchase.assert_undone()


def test_stock_sold_while_the_customer_confirmed_cancels_the_order_and_voids_the_payment(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile() -> None:
        now.advance(minutes=16)
        inventory.release_expired()
        sell_out(purchase)

    at_step(monkeypatch, "secure", meanwhile)
    assert purchase.place().failure is Failure.SOLD_OUT
    assert consistency.orders_of(purchase.id) == [OrderStatus.CANCELLED]
    assert consistency.payments_of(purchase.id) == [PaymentStatus.VOIDED]
    assert consistency.charges_of(purchase.id) == [PaymentStatus.VOIDED]
    assert cart.count_units(purchase.token) == 2
    consistency.assert_balanced()


def test_an_expired_reservation_is_made_again_before_the_capture(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile() -> None:
        now.advance(minutes=16)
        inventory.release_expired()

    at_step(monkeypatch, "secure", meanwhile)
    assert purchase.place().state is CheckoutState.COMPLETED
    purchase.assert_complete()


@pytest.mark.parametrize("purchase", ["sandbox-timeout"], indirect=True)
def test_a_provider_that_responds_late_is_asked_again_and_charges_once(purchase: Purchase, now: Clock) -> None:
    assert purchase.place().state is CheckoutState.RUNNING
    for expected in (CheckoutState.RUNNING, CheckoutState.COMPLETED):
        now.advance(seconds=3)
        assert checkout.resume(purchase.id).state is expected
    assert consistency.charges_of(purchase.id) == [PaymentStatus.CAPTURED]
    purchase.assert_complete()


@pytest.mark.parametrize("purchase", ["sandbox-timeout"], indirect=True)
def test_a_payment_whose_provider_never_responds_is_voided(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "SILENCES", FOR_EVER)
    assert purchase.place().state is CheckoutState.RUNNING
    wait_and_sweep(now, minutes=16)
    assert purchase.outcome().failure is Failure.DECLINED
    assert consistency.charges_of(purchase.id) == [PaymentStatus.VOIDED]
    purchase.assert_undone()


def test_a_timeout_during_the_capture_is_never_undone(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_step(monkeypatch, "capture", raising(ProviderTimeout(purchase.id)), when="after", times=3)
    assert purchase.place().state is CheckoutState.RUNNING
    for _ in range(3):
        wait_and_sweep(now, hours=8)
    purchase.assert_complete()
