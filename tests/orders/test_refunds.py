"""Partial refunds: money, units and messages, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.cli import consistency
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.orders.models import AuditEntry
from storefront.orders.refund_values import (
    IdempotencyConflict,
    NothingToRefund,
    NotRefundable,
    RefundRequest,
    RefundTerms,
    TooMuchBack,
)
from storefront.orders.values import OrderStatus, OrderView, StepNotAllowed, UnknownOrder
from storefront.payments import sandbox
from storefront.payments import service as payments
from storefront.payments.models import Payment, Refund
from storefront.payments.values import PaymentStatus, ProviderTimeout
from tests import consistency as tests_consistency
from tests.consistency import Stock
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import deliver, make_order_at, new_key, refund
from tests.factories.shopping import make_order
from tests.factories.stock import ledger_of, row_of
from tests.fakes import Clock, MemoryPost

UNIT = rupees(590)  # 500 and 18 % of tax


@pytest.fixture(autouse=True)
def _healthy(app: Flask, post: MemoryPost) -> Iterator[None]:
    """After each test, with all messages delivered, the consistency checks find nothing."""
    yield
    deliver()
    assert list(consistency.violations()) == []


@pytest.fixture
def order(app: Flask) -> OrderView:
    """Three mugs, paid by card: 1,500 with 270 of tax and 500 of delivery."""
    return make_order((make_product(name="Clay Mug", stock=5), 3), payment="sandbox-success")


def refunded_amounts(order: OrderView) -> list[int]:
    """Settled refunds of the payment, in minor units."""
    with read_session() as session:
        paid = select(Refund.amount).join(Payment, Payment.id == Refund.payment_id)
        mine = paid.where(Payment.checkout_id == order.checkout_id, Refund.settled_at.is_not(None))
        return list(session.scalars(mine.order_by(Refund.id)))


def stock(order: OrderView) -> Stock:
    return tests_consistency.stock_of(order.items[0].sku)


def status(order: OrderView) -> PaymentStatus | None:
    return payments.status_of(order.checkout_id)


def test_refunded_units_are_restocked(order: OrderView, post: MemoryPost) -> None:
    refund(order, 1, restock=True, reason="Chipped")
    deliver()
    assert refunded_amounts(order) == [UNIT.minor]
    assert stock(order) == Stock(on_hand=3, reserved=0)
    assert status(order) is PaymentStatus.CAPTURED
    now = orders.get_order(order.id)
    assert (now.refunded, now.items[0].refunded) == (UNIT, 1)
    assert (now.timeline[-1].note, now.timeline[-1].by) == ("Refund: 1 × Clay Mug", "the shop")
    (view,) = orders.refunds_of(now)
    assert (view.amount, view.is_restocked, view.reason) == (UNIT, True, "Chipped")
    letter = post.letters[-1]
    assert (letter.to, letter.subject) == (order.email, f"Your refund for order {order.id}")
    for part in (letter.text, letter.html):
        assert "₹590" in part
        assert "1 × Clay Mug" in part
        assert "to your payment method" in part


def test_a_refund_is_audited(order: OrderView) -> None:
    refund(order, 1, restock=True, reason="Chipped")
    with read_session() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.what == "refund")).all()
    assert (entry.actor, entry.subject) == ("meera@example.com", order.id)
    assert entry.detail == "590.00 INR, 1 × Clay Mug, restocked: Chipped"


def test_units_are_not_restocked_unless_chosen(order: OrderView) -> None:
    refund(order, 2)
    deliver()
    assert refunded_amounts(order) == [2 * UNIT.minor]
    assert stock(order) == Stock(on_hand=2, reserved=0)


def test_an_amount_can_be_refunded_without_units(order: OrderView) -> None:
    refund(order, amount=rupees("99.99"))
    deliver()
    assert refunded_amounts(order) == [9_999]
    assert orders.get_order(order.id).items[0].refunded == 0


def test_the_delivery_can_be_refunded_once(order: OrderView) -> None:
    refund(order, 1, with_shipping=True)
    refund(order, 1, with_shipping=True)
    deliver()
    assert refunded_amounts(order) == [UNIT.minor + 50_000, UNIT.minor]
    assert [view.is_with_shipping for view in orders.refunds_of(orders.get_order(order.id))] == [True, False]


def test_partial_refunds_add_up_to_the_payment(order: OrderView) -> None:
    for _ in range(3):
        refund(order, 1, restock=True)
    refund(order, with_shipping=True)
    deliver()
    assert sum(refunded_amounts(order)) == order.grand_total.minor
    assert status(order) is PaymentStatus.REFUNDED
    assert tests_consistency.charges_of(order.checkout_id) == [PaymentStatus.REFUNDED]
    assert stock(order) == Stock(on_hand=5, reserved=0)
    assert not RefundTerms.of(orders.get_order(order.id)).can_be_refunded


def test_a_form_sent_twice_is_one_refund(order: OrderView, post: MemoryPost) -> None:
    key = new_key()
    numbers = {refund(order, 1, key=key, restock=True) for _ in range(3)}
    deliver()
    deliver()
    assert len(numbers) == 1
    assert refunded_amounts(order) == [UNIT.minor]
    assert stock(order).on_hand == 3
    assert len([letter for letter in post.letters if "refund" in letter.subject]) == 1


def test_a_form_sent_again_with_other_contents_is_refused(order: OrderView) -> None:
    key = new_key()
    refund(order, 1, key=key)
    for attempt in (lambda: refund(order, 2, key=key), lambda: refund(make_order(), 1, key=key)):
        with pytest.raises(IdempotencyConflict):
            attempt()
    deliver()
    assert refunded_amounts(order) == [UNIT.minor]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda order: refund(order, 4),
        lambda order: refund(order, -1),
        lambda order: refund(order, amount=rupees("2270.01")),
        lambda order: refund(order, amount=rupees(-1)),
    ],
)
def test_more_than_is_left_is_refused(order: OrderView, attempt: Callable[[OrderView], int]) -> None:
    with pytest.raises(TooMuchBack) as refusal:
        attempt(order)
    assert refusal.value.left == rupees(2270)
    assert orders.refunds_of(orders.get_order(order.id)) == []


def test_an_empty_refund_is_refused(order: OrderView) -> None:
    with pytest.raises(NothingToRefund):
        refund(order)


def test_an_unknown_order_number_is_refused(order: OrderView) -> None:
    with pytest.raises(UnknownOrder):
        orders.refund("ORD-0", RefundRequest({}), key=new_key(), actor="meera@example.com")


def test_a_cancelled_order_cannot_be_refunded(order: OrderView) -> None:
    orders.cancel(order.id, by="you")
    with pytest.raises(NotRefundable) as refusal:
        refund(order, 1)
    assert refusal.value.current is OrderStatus.CANCELLED


# ------------------------------------------------------------------------------------------ cancelling


def test_a_cancellation_refunds_only_the_rest(order: OrderView, post: MemoryPost) -> None:
    refund(order, 1, restock=True)
    orders.cancel(order.id, by="you")
    deliver()
    assert refunded_amounts(order) == [UNIT.minor, order.grand_total.minor - UNIT.minor]
    assert status(order) is PaymentStatus.REFUNDED
    assert stock(order) == Stock(on_hand=5, reserved=0)
    assert "We refund ₹1,680" in post.letters[-1].text


def test_a_cancellation_does_not_restock_units_refunded_without_restocking(order: OrderView) -> None:
    refund(order, 1)
    orders.cancel(order.id, by="you")
    deliver()
    assert sum(refunded_amounts(order)) == order.grand_total.minor
    assert stock(order) == Stock(on_hand=4, reserved=0)


def test_staff_may_cancel_without_restocking_and_say_why(order: OrderView) -> None:
    orders.cancel(
        order.id,
        by="the shop",
        note="Broken in the store",
        may_be_packed=True,
        restock=False,
        actor="meera@example.com",
    )
    deliver()
    assert stock(order) == Stock(on_hand=2, reserved=0)
    assert sum(refunded_amounts(order)) == order.grand_total.minor
    with read_session() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.what == "cancelled")).all()
    assert (entry.actor, entry.detail) == ("meera@example.com", "not restocked: Broken in the store")


def test_messages_of_refund_and_cancellation_in_any_order_refund_the_same(order: OrderView) -> None:
    """The refund's message is retried after the cancellation's: the provider timed out the first time."""
    refund(order, 1, restock=True)
    orders.cancel(order.id, by="you")
    payments.refund_remaining(order.checkout_id, "order cancelled", rupees(1680))
    assert refunded_amounts(order) == [168_000]
    deliver()
    assert sorted(refunded_amounts(order)) == [UNIT.minor, 168_000]
    assert stock(order) == Stock(on_hand=5, reserved=0)


def test_a_fully_refunded_order_is_closed_and_not_cancelled(order: OrderView) -> None:
    refund(order, 3, restock=True, with_shipping=True)
    deliver()
    with pytest.raises(StepNotAllowed) as refusal:
        orders.cancel(order.id, by="you")
    assert refusal.value.current is OrderStatus.REFUNDED
    assert refunded_amounts(order) == [order.grand_total.minor]
    assert stock(order) == Stock(on_hand=5, reserved=0)


# ------------------------------------------------------------------------------- the bank, cash, the lender


def test_a_refund_after_a_provider_timeout_is_made_once(
    order: OrderView, monkeypatch: pytest.MonkeyPatch, now: Clock
) -> None:
    real = sandbox.SandboxProvider.refund

    def carried_out_unheard(*asked: object) -> object:
        real(*asked)  # type: ignore[arg-type]
        raise ProviderTimeout("no answer")

    refund(order, 1)
    monkeypatch.setattr(sandbox.SandboxProvider, "refund", carried_out_unheard)
    deliver()
    assert refunded_amounts(order) == []
    monkeypatch.setattr(sandbox.SandboxProvider, "refund", real)
    now.advance(minutes=5)
    deliver()
    assert refunded_amounts(order) == [UNIT.minor]
    with read_session() as session:
        charge = session.scalars(select(sandbox.SandboxCharge).where(sandbox.SandboxCharge.key == order.checkout_id))
        assert charge.one().refunded == UNIT.minor


def test_a_refund_reduces_cash_that_is_due_on_delivery(app: Flask, post: MemoryPost) -> None:
    order = make_order((make_product(stock=5), 3), payment="cod")
    refund(order, 1, restock=True)
    deliver()
    assert status(order) is PaymentStatus.DUE
    assert refunded_amounts(order) == [UNIT.minor]
    assert "The courier collects ₹1,680 when the order arrives" in post.letters[-1].text
    orders.cancel(order.id, by="you")
    deliver()
    assert status(order) is PaymentStatus.VOIDED
    assert stock(order) == Stock(on_hand=5, reserved=0)


def test_collected_cash_is_refunded_by_hand(app: Flask, post: MemoryPost) -> None:
    order = make_order_at(OrderStatus.DELIVERED, (make_product(stock=5), 2), payment="cod")
    refund(order, 1)
    deliver()
    (view,) = orders.refunds_of(orders.get_order(order.id))
    assert not view.lowers_due
    assert "with the bank account for your refund" in post.letters[-1].text


def test_shipped_units_are_restocked_as_a_return_and_stay_sold(app: Flask) -> None:
    mug = make_product(stock=5)
    order = make_order_at(OrderStatus.DELIVERED, (mug, 3))
    refund(order, 1, restock=True)
    deliver()
    assert ledger_of(mug.sku)[-1].reason == "return"
    assert row_of(mug.sku).sold_30 == 3


def test_unshipped_units_are_restocked_as_a_cancelled_sale(app: Flask) -> None:
    mug = make_product(stock=5)
    order = make_order((mug, 3), payment="sandbox-success")
    refund(order, 1, restock=True)
    deliver()
    assert ledger_of(mug.sku)[-1].reason == "cancellation"
    assert row_of(mug.sku).sold_30 == 2
