"""The ends of an order: cash received, parcel back undelivered, all of it refunded; each once, and told right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from storefront.api.presenters import orders as api_orders
from storefront.catalog.values import ProductCard
from storefront.cli import consistency
from storefront.orders import service as orders
from storefront.orders.refund_values import RefundRequest, RefundTerms, ReturnState, TooLittleBack
from storefront.orders.service import admin_list
from storefront.orders.values import CashNotExpected, OrderStatus, OrderView, StepNotAllowed, WithdrawalOpen
from storefront.payments import service as payments
from storefront.payments.values import PaymentStatus
from tests import consistency as tests_consistency
from tests.consistency import Stock
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import ask_return, deliver, make_order_at, new_key, refund
from tests.factories.shopping import make_order
from tests.fakes import Clock, MemoryPost

CLERK = "meera@example.com"
SHIPPED, DELIVERED = OrderStatus.SHIPPED, OrderStatus.DELIVERED


@pytest.fixture(autouse=True)
def _healthy(app: Flask, post: MemoryPost) -> Iterator[None]:
    """After each test, with all messages delivered, the consistency checks find nothing."""
    yield
    deliver()
    assert list(consistency.violations()) == []


@pytest.fixture
def mug(app: Flask) -> ProductCard:
    return make_product(name="Clay Mug", price=500, stock=5)


def reload(order: OrderView) -> OrderView:
    return orders.get_order(order.id)


def payment_of(order: OrderView) -> PaymentStatus | None:
    return payments.status_of(order.checkout_id)


def told_by_api(order: OrderView) -> tuple[str, str, list[str]]:
    """Status, payment status and history of an order, as the client of the contract reads them."""
    record = payments.records_of([order.checkout_id])[order.checkout_id]
    told = api_orders.tracked(reload(order), record)
    return told.status, told.payment_status, [change.status for change in told.status_history]


# -------------------------------------------------------------------------------------------------- cash


@pytest.mark.parametrize("status", [SHIPPED, DELIVERED])
def test_cash_received_ends_a_due_payment_once(mug: ProductCard, status: OrderStatus) -> None:
    """A8: collected cash can be noted; the payment is not due any more."""
    order = make_order_at(status, (mug, 2), payment="cod")
    assert reload(order).awaits_cash
    deliver()
    assert payment_of(order) is PaymentStatus.DUE
    assert orders.receive_cash(order.id, actor=CLERK)
    assert not orders.receive_cash(order.id, actor="ravi@example.com")  # a second click, or a second person
    deliver()
    assert payment_of(order) is PaymentStatus.CAPTURED
    assert not reload(order).awaits_cash
    assert told_by_api(order)[1] == "SUCCESS"
    (entry,) = [entry for entry in admin_list.acts_of(order.id) if entry.what == "cash received"]
    assert (entry.actor, entry.detail) == (CLERK, "1680.00 INR")


@pytest.mark.parametrize(
    ("payment", "status"),
    [
        ("cod", OrderStatus.CONFIRMED),
        ("cod", OrderStatus.PROCESSING),
        ("sandbox-success", SHIPPED),
        ("bnpl", DELIVERED),
    ],
)
def test_no_cash_is_received_for_other_orders(mug: ProductCard, payment: str, status: OrderStatus) -> None:
    """A8: not before it is shipped, and not for what is paid another way."""
    order = make_order_at(status, (mug, 1), payment=payment)
    with pytest.raises(CashNotExpected) as refusal:
        orders.receive_cash(order.id, actor=CLERK)
    assert refusal.value.current is status
    assert not reload(order).awaits_cash


def test_orders_whose_cash_is_missing_are_listed(mug: ProductCard) -> None:
    """A8: staff find the orders whose cash did not arrive."""
    query = admin_list.OrderQuery(filter=admin_list.OrderFilter.CASH_DUE)
    first = make_order_at(SHIPPED, (mug, 1), payment="cod")
    second = make_order_at(DELIVERED, (mug, 1), payment="cod")
    make_order_at(DELIVERED, (mug, 1))
    make_order_at(OrderStatus.PROCESSING, (mug, 1), payment="cod")
    page = admin_list.list_orders(query)
    assert ({order.id for order in page.orders}, page.counts[admin_list.OrderFilter.CASH_DUE]) == (
        {first.id, second.id},
        2,
    )
    orders.receive_cash(second.id, actor=CLERK)
    page = admin_list.list_orders(query)
    assert ([order.id for order in page.orders], page.counts[admin_list.OrderFilter.CASH_DUE]) == ([first.id], 1)


def test_a_refund_after_the_cash_arrived_is_paid_back(mug: ProductCard, post: MemoryPost) -> None:
    """A8: what was paid in cash goes back by hand, also before the parcel is marked as delivered."""
    order = make_order_at(SHIPPED, (mug, 2), payment="cod")
    orders.receive_cash(order.id, actor=CLERK)
    refund(reload(order), 1)
    deliver()
    (given,) = orders.refunds_of(reload(order))
    assert not given.lowers_due
    assert "You paid in cash" in post.letters[-1].text


# ------------------------------------------------------------------------------------------- undelivered


@pytest.mark.parametrize("restock", [True, False])
def test_a_parcel_refused_at_the_door_closes_an_unpaid_order(mug: ProductCard, post: MemoryPost, restock: bool) -> None:
    """A8: came back undelivered: restock choice, closed, nothing owed, one e-mail that says so."""
    order = make_order_at(SHIPPED, (mug, 2), payment="cod")
    deliver()
    orders.mark_undelivered(order.id, by="the shop", note="Refused at the door", restock=restock, actor=CLERK)
    with pytest.raises(StepNotAllowed):
        orders.mark_undelivered(order.id, by="the shop", restock=restock, actor=CLERK)
    sent = len(post.letters)
    for _ in range(2):
        deliver()
    closed = reload(order)
    assert (closed.status, closed.final_total, closed.next_step) == (OrderStatus.UNDELIVERED, rupees(0), None)
    assert not closed.is_cash_due
    assert not closed.awaits_cash
    assert payment_of(order) is PaymentStatus.VOIDED
    assert tests_consistency.stock_of(mug.sku) == Stock(on_hand=5 if restock else 3, reserved=0)
    (letter,) = post.letters[sent:]
    assert letter.subject == f"Your order {order.id} came back to us"
    for text in (letter.text, letter.html):
        assert "You have not paid anything, and you do not owe anything." in text
        assert "Reason: Refused at the door" in text
    assert orders.credit_notes_of(closed)[0].lowers_due


def test_an_order_that_was_paid_and_came_back_is_refunded(mug: ProductCard, post: MemoryPost) -> None:
    """A8: a paid order is refunded, less what was refunded before."""
    order = make_order_at(SHIPPED, (mug, 3))
    refund(order, 1)
    orders.mark_undelivered(order.id, by="the shop", restock=True, actor=CLERK)
    deliver()
    assert payment_of(order) is PaymentStatus.REFUNDED
    assert f"We refund {'₹1,680'} to your payment method" in post.letters[-1].text
    assert tests_consistency.stock_of(mug.sku) == Stock(on_hand=4, reserved=0)  # one was refunded and not restocked
    assert orders.sales(1).revenue == rupees(0)


def test_cash_that_arrived_goes_back_when_the_parcel_comes_back(mug: ProductCard, post: MemoryPost) -> None:
    """A8: both can be true, if the cash was noted by mistake or paid in advance."""
    order = make_order_at(SHIPPED, (mug, 1), payment="cod")
    orders.receive_cash(order.id, actor=CLERK)
    orders.mark_undelivered(order.id, by="the shop", restock=True, actor=CLERK)
    deliver()
    assert payment_of(order) is PaymentStatus.REFUNDED
    assert "You paid in cash: reply to this e-mail" in post.letters[-1].text
    assert not orders.credit_notes_of(reload(order))[0].lowers_due


@pytest.mark.parametrize("status", [OrderStatus.CONFIRMED, OrderStatus.PROCESSING, DELIVERED])
def test_only_a_parcel_on_its_way_comes_back_undelivered(mug: ProductCard, status: OrderStatus) -> None:
    """A8: what was not shipped is cancelled, what was delivered is returned."""
    order = make_order_at(status, (mug, 1), payment="cod")
    with pytest.raises(StepNotAllowed):
        orders.mark_undelivered(order.id, by="the shop", restock=True, actor=CLERK)
    assert reload(order).status is status


def test_an_open_return_ends_with_its_order(mug: ProductCard, post: MemoryPost) -> None:
    """A8, A10: nothing of a closed order waits for a decision, and nothing is refunded twice."""
    back, cancelled = make_order_at(SHIPPED, (mug, 2)), make_order_at(OrderStatus.CONFIRMED, (mug, 2))
    asked = [ask_return(back, 1), ask_return(cancelled, 2)]
    orders.mark_undelivered(back.id, by="the shop", restock=True, actor=CLERK)
    orders.cancel(cancelled.id, by="you")
    deliver()
    assert [orders.get_return(number).state for number in asked] == [ReturnState.WITHDRAWN] * 2
    assert orders.count_open_returns() == 0
    assert not any("withdrawn" in letter.subject for letter in post.letters)
    assert tests_consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)
    assert [payment_of(order) for order in (back, cancelled)] == [PaymentStatus.REFUNDED] * 2


# ----------------------------------------------------------------------------------------- all of it refunded


@pytest.mark.parametrize("status", [OrderStatus.CONFIRMED, OrderStatus.PROCESSING, SHIPPED, DELIVERED])
@pytest.mark.parametrize("payment", ["cod", "sandbox-success", "upi"])
def test_the_refund_of_the_last_unit_closes_an_order(
    mug: ProductCard, post: MemoryPost, payment: str, status: OrderStatus
) -> None:
    """A9: all units refunded: closed as refunded, nothing follows, and the e-mail says what becomes of the money."""
    order = make_order_at(status, (mug, 3), payment=payment)
    refund(order, 1)
    assert reload(order).status is status
    refund(reload(order), 2, with_shipping=True)
    deliver()
    closed = reload(order)
    assert (closed.status, closed.next_step, closed.is_to_pack) == (OrderStatus.REFUNDED, None, False)
    assert closed.timeline[-1].note == "Refund: 2 × Clay Mug"
    assert closed.final_total == rupees(0)
    assert orders.return_eligibility(closed) is None
    with pytest.raises(StepNotAllowed):
        orders.advance(order.id, SHIPPED, by="the shop")
    letter = post.letters[-1].text
    assert "All of the order is refunded: it is closed." in letter
    assert "courier collects ₹" not in letter
    if payment == "cod":
        assert ("You paid in cash" if status is DELIVERED else "the courier collects nothing") in letter
    assert payment_of(order) is PaymentStatus.REFUNDED
    told = told_by_api(order)
    assert told[:2] == ("delivered" if status is DELIVERED else "cancelled", "REFUNDED")
    assert set(told[2]) <= {"pending", "confirmed", "processing", "shipped", "delivered", "cancelled"}


def test_nothing_is_collected_once_all_units_are_refunded(mug: ProductCard) -> None:
    """A9: an unpaid order is refunded with its delivery, and less than that is refused rather than forgotten."""
    order = make_order_at(SHIPPED, (mug, 2), payment="cod")
    units = {order.items[0].id or 0: 2}
    assert RefundTerms.of(order).worth_of(units) == order.grand_total
    with pytest.raises(TooLittleBack) as refusal:
        orders.refund(order.id, RefundRequest(units, amount=rupees(100)), key=new_key(), actor=CLERK)
    assert refusal.value.left == order.grand_total
    assert reload(order).status is SHIPPED
    refund(order, 2)
    deliver()
    assert (reload(order).kept, reload(order).is_cash_due) == (rupees(0), False)


def test_what_a_paid_order_keeps_can_be_refunded_later(mug: ProductCard) -> None:
    """A9: staff may keep the delivery of a closed order, and pay it back after all."""
    order = make_order_at(DELIVERED, (mug, 2))
    refund(order, 2)
    assert (reload(order).status, reload(order).kept) == (OrderStatus.REFUNDED, rupees(500))
    refund(reload(order), with_shipping=True)
    assert (reload(order).status, reload(order).kept) == (OrderStatus.REFUNDED, rupees(0))
    assert orders.sales(1).revenue == rupees(0)


def test_an_email_that_leaves_late_has_no_empty_list(mug: ProductCard, post: MemoryPost) -> None:
    """A9: the e-mail about a step that was queued before everything was refunded says so."""
    order = make_order((mug, 2))
    orders.advance(order.id, OrderStatus.PROCESSING, by="the shop")
    refund(reload(order), 2)
    deliver()
    (letter,) = [letter for letter in post.letters if letter.subject.endswith("is being packed")]
    assert "All of the order was refunded meanwhile." in letter.text
    assert "ITEMS" not in letter.text


# -------------------------------------------------------------------------------------------- withdrawal


@pytest.mark.parametrize("status", [OrderStatus.CONFIRMED, OrderStatus.PROCESSING, SHIPPED, DELIVERED])
def test_a_customer_can_withdraw_in_every_status(mug: ProductCard, now: Clock, status: OrderStatus) -> None:
    """A10: from the confirmation until 14 days after the delivery; keeping nothing, the delivery is refunded, too."""
    order = make_order_at(status, (mug, 2))
    eligibility = orders.return_eligibility(order)
    assert eligibility is not None
    assert eligibility.is_shipped == (status in {SHIPPED, DELIVERED})
    now.advance(days=14 if status is DELIVERED else 90)
    number = ask_return(reload(order), 2)
    assert RefundTerms.of(reload(order)).worth_of_return(orders.get_return(number)) == order.grand_total
    orders.approve_return(number, restock=True, actor=CLERK)
    deliver()
    closed = reload(order)
    assert (closed.status, closed.refunded, closed.is_shipping_refunded) == (
        OrderStatus.REFUNDED,
        order.grand_total,
        True,
    )
    assert tests_consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)


def test_the_delivery_is_refunded_with_the_last_unit(mug: ProductCard) -> None:
    """A10: whoever keeps something has had it delivered."""
    order = make_order_at(DELIVERED, (mug, 3))
    orders.approve_return(ask_return(order, 1), restock=True, actor=CLERK)
    assert not reload(order).is_shipping_refunded
    orders.approve_return(ask_return(reload(order), 2), restock=True, actor=CLERK)
    assert (reload(order).refunded, reload(order).is_shipping_refunded) == (order.grand_total, True)


def test_staff_may_leave_the_delivery_out(mug: ProductCard) -> None:
    """A10: the law's default is a default."""
    order = make_order_at(DELIVERED, (mug, 1))
    orders.approve_return(ask_return(order, 1), restock=True, with_shipping=False, actor=CLERK)
    assert reload(order).kept == rupees(500)


def test_an_order_with_an_open_withdrawal_is_not_shipped_in_passing(mug: ProductCard) -> None:
    """A10: a batch leaves it out; on its own page staff can say that it left already."""
    order = make_order_at(OrderStatus.PROCESSING, (mug, 2))
    ask_return(order, 1)
    with pytest.raises(WithdrawalOpen):
        orders.advance(order.id, SHIPPED, by="the shop", despite_withdrawal=False)
    assert reload(order).status is OrderStatus.PROCESSING
    orders.advance(order.id, SHIPPED, by="the shop")
    assert reload(order).units_in_return == 1
