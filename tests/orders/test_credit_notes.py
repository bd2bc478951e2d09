"""Credit notes of refunds and cancellations."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import delete

from storefront.core.money import Money
from storefront.db.session import transaction
from storefront.orders import service as orders
from storefront.orders.models import OrderEvent
from storefront.orders.service import CreditNote, UnknownCreditNote
from storefront.orders.values import OrderStatus, OrderView
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import make_order_at, refund
from tests.factories.shopping import make_order

NOTHING = rupees(0)


@pytest.fixture
def order(app: Flask) -> OrderView:
    """Three mugs at ₹599.99, paid by card."""
    return make_order((make_product(name="Clay Mug", price="599.99", stock=5), 3), payment="sandbox-success")


def notes_of(order: OrderView) -> tuple[CreditNote, ...]:
    return orders.credit_notes_of(orders.get_order(order.id))


def summed(amounts: list[Money]) -> Money:
    return sum(amounts, NOTHING)


def test_a_refund_of_a_unit_credits_its_price_and_its_tax(order: OrderView) -> None:
    number = refund(order, 1)
    (note,) = notes_of(order)
    assert note.position == 1
    assert note.refund is not None
    assert note.refund.id == number
    assert [(line.item.name, line.quantity) for line in note.lines] == [("Clay Mug", 1)]
    assert (note.goods, note.tax, note.delivery) == (rupees("599.99"), rupees("108"), NOTHING)
    assert note.goods + note.tax == note.amount


def test_the_delivery_is_credited_without_tax(order: OrderView) -> None:
    refund(order, 1, with_shipping=True)
    (note,) = notes_of(order)
    assert (note.delivery, note.tax) == (order.shipping, rupees("108"))


def test_refunds_in_any_order_credit_exactly_the_invoice(order: OrderView) -> None:
    refund(order, amount=rupees("123.45"))
    refund(order, 1, with_shipping=True)
    refund(order, 1)
    orders.cancel(order.id, by="you")
    notes = notes_of(order)
    assert [note.position for note in notes] == [1, 2, 3, 4]
    assert summed([note.amount for note in notes]) == order.grand_total
    assert summed([note.tax for note in notes]) == order.tax
    assert summed([note.delivery for note in notes]) == order.shipping
    assert summed([note.goods for note in notes]) == order.subtotal - order.discount


def test_a_refund_above_the_price_credits_no_more_than_its_tax(order: OrderView) -> None:
    refund(order, amount=order.grand_total)
    (note,) = notes_of(order)
    assert (note.tax, note.amount) == (order.tax, order.grand_total)


def test_a_cancellation_credits_the_rest_if_there_is_any(order: OrderView) -> None:
    refund(order, 1)
    orders.cancel(order.id, by="you")
    left = notes_of(order)[-1]
    assert (left.refund, left.amount) == (None, orders.get_order(order.id).kept)
    assert [line.quantity for line in left.lines] == [2]
    other = make_order(payment="sandbox-success")
    refund(other, amount=other.grand_total)
    orders.cancel(other.id, by="you")
    assert len(notes_of(other)) == 1


def test_a_refund_without_money_has_no_credit_note(order: OrderView) -> None:
    refund(order, 1, amount=NOTHING)
    assert notes_of(order) == ()
    refund(order, amount=rupees(5))
    assert [note.position for note in notes_of(order)] == [1]


def test_a_credit_note_of_an_unpaid_order_reduces_the_amount_due(app: Flask) -> None:
    cash = make_order()
    refund(cash, 1)
    orders.cancel(cash.id, by="you")
    assert [note.lowers_due for note in notes_of(cash)] == [True, True]
    delivered = make_order_at(OrderStatus.DELIVERED)
    refund(delivered, 1)
    assert [note.lowers_due for note in notes_of(delivered)] == [False]


def test_an_order_without_an_invoice_has_no_credit_note_when_it_is_cancelled(order: OrderView) -> None:
    orders.cancel(order.id, by="you")
    with transaction("orders") as session:  # as with one that the old shop took: when it was certain is not known
        is_certain = OrderEvent.status == OrderStatus.CONFIRMED
        session.execute(delete(OrderEvent).where(OrderEvent.order_id == order.row_id, is_certain))
    assert notes_of(order) == ()


@pytest.mark.parametrize("position", [0, 2])
def test_an_unknown_credit_note_is_refused(order: OrderView, position: int) -> None:
    refund(order, 1)
    with pytest.raises(UnknownCreditNote):
        orders.get_credit_note(orders.get_order(order.id), position)
