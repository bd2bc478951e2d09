"""Returns: requested within the period, each unit once, decided once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from storefront.cli import consistency
from storefront.orders import service as orders
from storefront.orders.refund_values import (
    IdempotencyConflict,
    NotReturnable,
    ReturnDecided,
    ReturnReason,
    ReturnState,
    TooMuchBack,
    UnknownReturn,
)
from storefront.orders.values import OrderStatus, OrderView
from tests import consistency as tests_consistency
from tests.consistency import Stock
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import ask_return, deliver, make_order_at, new_key, refund, units_of
from tests.factories.shopping import make_order
from tests.fakes import Clock, MemoryPost

CLERK = "meera@example.com"


@pytest.fixture(autouse=True)
def _healthy(app: Flask, post: MemoryPost) -> Iterator[None]:
    """After each test, with all messages delivered, the consistency checks find nothing."""
    yield
    deliver()
    assert list(consistency.violations()) == []


@pytest.fixture
def order(app: Flask) -> OrderView:
    """A delivered order of three mugs."""
    return make_order_at(OrderStatus.DELIVERED, (make_product(name="Clay Mug", stock=5), 3))


def state_of(return_id: int) -> ReturnState:
    return orders.get_return(return_id).state


def reload(order: OrderView) -> OrderView:
    return orders.get_order(order.id)


def test_a_return_is_acknowledged_by_email_with_its_time(order: OrderView, post: MemoryPost) -> None:
    number = ask_return(order, 2, note="Too small")
    (asked,) = orders.returns_of(reload(order))
    assert (asked.id, asked.state, asked.unit_count, asked.note) == (number, ReturnState.REQUESTED, 2, "Too small")
    assert reload(order).items[0].units_left == 1
    assert reload(order).timeline[-1].note == "Return requested: 2 × Clay Mug"
    deliver()
    letter = post.letters[-1]
    assert letter.subject == f"Your return from order {order.id}"
    for part in (letter.text, letter.html):
        for words in (f"no. {number}", "22 Nov 2026, 17:30", "2 × Clay Mug", "Changed my mind", "Too small"):
            assert words in part
    assert orders.count_open_returns() == 1


def test_an_approved_return_is_refunded_and_restocked_once(order: OrderView, post: MemoryPost) -> None:
    number = ask_return(order, 2)
    orders.approve_return(number, restock=True, actor=CLERK)
    with pytest.raises(ReturnDecided) as refusal:
        orders.approve_return(number, restock=True, actor=CLERK)
    assert refusal.value.state is ReturnState.APPROVED
    deliver()
    assert reload(order).refunded == rupees(1180)
    assert tests_consistency.stock_of(order.items[0].sku) == Stock(on_hand=4, reserved=0)
    asked = orders.get_return(number)
    assert (asked.state, asked.refunded) == (ReturnState.APPROVED, rupees(1180))
    (given,) = orders.refunds_of(reload(order))
    assert given.returned == number
    assert f"your return no. {number} from order {order.id} is approved" in post.letters[-1].text
    assert orders.list_returns(ReturnState.APPROVED) == [asked]


def test_an_approved_return_need_not_be_restocked(order: OrderView) -> None:
    orders.approve_return(ask_return(order), restock=False, with_shipping=True, actor=CLERK)
    deliver()
    assert reload(order).refunded == rupees(590 + 500)
    assert tests_consistency.stock_of(order.items[0].sku) == Stock(on_hand=2, reserved=0)


def test_staff_may_refund_less_for_a_return(order: OrderView) -> None:
    orders.approve_return(ask_return(order), restock=True, amount=rupees(100), actor=CLERK)
    assert reload(order).refunded == rupees(100)


def test_an_approval_above_what_is_left_is_refused_and_the_return_stays_open(order: OrderView) -> None:
    number = ask_return(order)
    with pytest.raises(TooMuchBack):
        orders.approve_return(number, restock=True, amount=rupees(9999), actor=CLERK)
    assert state_of(number) is ReturnState.REQUESTED


def test_a_declined_return_gives_a_reason_and_frees_its_units(order: OrderView, post: MemoryPost) -> None:
    number = ask_return(order, 3)
    orders.decline_return(number, "It was used", actor=CLERK)
    assert (state_of(number), orders.get_return(number).answer) == (ReturnState.DECLINED, "It was used")
    deliver()
    assert "Reason: It was used" in post.letters[-1].text
    assert reload(order).items[0].units_left == 3
    with pytest.raises(ReturnDecided):
        orders.approve_return(number, restock=True, actor=CLERK)


def test_a_shopper_can_withdraw_an_open_return(order: OrderView, post: MemoryPost) -> None:
    number = ask_return(order, 3)
    orders.withdraw_return(order.id, number)
    with pytest.raises(ReturnDecided):
        orders.withdraw_return(order.id, number)
    deliver()
    assert "withdrawn" in post.letters[-1].subject
    assert ask_return(order, 3) != number


def test_a_return_of_another_order_is_unknown(order: OrderView) -> None:
    number = ask_return(order)
    with pytest.raises(UnknownReturn):
        orders.withdraw_return("ORD-0", number)
    with pytest.raises(UnknownReturn):
        orders.approve_return(number + 1, restock=True, actor=CLERK)


def test_a_form_sent_twice_is_one_return(order: OrderView) -> None:
    key = new_key()
    assert ask_return(order, 1, key=key) == ask_return(order, 1, key=key)
    with pytest.raises(IdempotencyConflict):
        ask_return(order, 2, key=key)
    assert len(orders.returns_of(reload(order))) == 1


def test_no_unit_is_in_two_returns(order: OrderView) -> None:
    ask_return(order, 2)
    with pytest.raises(NotReturnable):
        ask_return(order, 2)
    ask_return(order, 1)


def test_a_refunded_unit_cannot_be_returned(order: OrderView) -> None:
    refund(order, 2)
    with pytest.raises(NotReturnable):
        ask_return(order, 2)


def test_a_unit_in_an_open_return_cannot_be_refunded(order: OrderView) -> None:
    ask_return(order, 2)
    with pytest.raises(TooMuchBack):
        refund(order, 2)


@pytest.mark.parametrize("units", [{}, {0: 1}])
def test_a_return_must_name_units_of_the_order(order: OrderView, units: dict[int, int]) -> None:
    with pytest.raises(NotReturnable):
        orders.request_return(order.id, units, reason=ReturnReason.NONE, key=new_key())


def test_negative_units_are_refused(order: OrderView) -> None:
    with pytest.raises(NotReturnable):
        orders.request_return(order.id, units_of(order, -1), reason=ReturnReason.NONE, key=new_key())


# ------------------------------------------------------------------------------------------- the period


def test_a_return_is_possible_until_the_end_of_the_last_day(order: OrderView, now: Clock) -> None:
    now.advance(days=14, hours=6, minutes=29)  # 23:59 in the shop's time zone
    offer = orders.return_eligibility(reload(order))
    assert offer is not None
    assert f"{offer.until}" == "2026-12-06"
    ask_return(order)


def test_a_return_is_refused_after_the_last_day(order: OrderView, now: Clock) -> None:
    now.advance(days=14, hours=6, minutes=30)
    assert orders.return_eligibility(reload(order)) is None
    with pytest.raises(NotReturnable):
        ask_return(order)


def test_a_shipped_order_can_be_returned_without_a_last_day(app: Flask) -> None:
    order = make_order_at(OrderStatus.SHIPPED, (make_product(stock=5), 1))
    offer = orders.return_eligibility(order)
    assert offer is not None
    assert offer.until is None
    ask_return(order)


def test_a_cancelled_order_cannot_be_returned(app: Flask) -> None:
    order = make_order((make_product(stock=5), 1), payment="sandbox-success")
    orders.cancel(order.id, by="you")
    assert orders.return_eligibility(reload(order)) is None
    with pytest.raises(NotReturnable):
        ask_return(order)


def test_a_text_email_has_a_line_for_each_product(app: Flask, post: MemoryPost) -> None:
    order = make_order_at(
        OrderStatus.DELIVERED, (make_product(name="Clay Mug", stock=5), 2), (make_product(name="Iron Pan", stock=5), 1)
    )
    deliver()
    assert "\n* 2 x Clay Mug\n" in post.letters[0].text
    assert "\n* 1 x Iron Pan\n" in post.letters[0].text
    number = orders.request_return(
        order.id, {item.id or 0: 1 for item in order.items}, reason=ReturnReason.DAMAGED, key=new_key()
    )
    deliver()
    assert "\n\n* 1 × Clay Mug\n* 1 × Iron Pan\n\nReason: Arrived damaged\n" in post.letters[-1].text
    orders.approve_return(number, restock=True, actor=CLERK)
    deliver()
    assert "\n\n* 1 × Clay Mug\n* 1 × Iron Pan\n\nRefund: " in post.letters[-1].text
