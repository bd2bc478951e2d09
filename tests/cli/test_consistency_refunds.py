"""`flask doctor` detects refunds on which orders, payments and stock disagree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from storefront.catalog.models import StockReservation
from storefront.cli import consistency
from storefront.db.session import db, read_session, transaction
from storefront.orders import service as orders
from storefront.orders.events import REFUND_MONEY
from storefront.orders.models import Item, Message, Order
from storefront.orders.refund_models import OrderRefund
from storefront.orders.values import OrderView
from storefront.payments.models import Payment, Refund
from tests.factories.catalog import make_product
from tests.factories.refunds import deliver, refund
from tests.factories.shopping import make_order
from tests.fakes import Clock, MemoryPost


@pytest.fixture
def order(app: Flask, post: MemoryPost) -> OrderView:
    """Three mugs, one of them refunded and back on the shelf."""
    result = make_order((make_product(stock=5), 3), payment="sandbox-success")
    refund(result, 1, restock=True)
    deliver()
    assert list(consistency.violations()) == []
    return result


def tamper(schema: str, *statements: Any) -> list[str]:
    """Change rows behind the shop's back.

    :return: what the doctor says then
    """
    with transaction(schema) as session:
        for statement in statements:
            session.execute(statement)
    db.session.rollback()
    return list(consistency.violations())


TAMPERED: list[tuple[str, Callable[[], tuple[Any, ...]], str]] = [
    ("orders", lambda: (update(OrderRefund).values(amount=OrderRefund.amount - 1),), "its refunds make 58999"),
    ("orders", lambda: (update(Item).where(Item.refunded == 1).values(refunded=2),), "2 of TEST"),
    ("orders", lambda: (delete(Message).where(Message.topic == REFUND_MONEY),), "never announced: refund-money"),
    ("payments", lambda: (delete(Refund), update(Payment).values(refunded=0)), "nothing was"),
    ("payments", lambda: (update(Refund).values(key="refund/other/1"),), "was refunded without a refund of the order"),
    ("payments", lambda: (update(Payment).values(refunded=Payment.refunded + 1),), "its refunds make 59000"),
    (
        "catalog",
        lambda: (update(StockReservation).where(StockReservation.returned == 1).values(returned=2),),
        "the ledger says 1",
    ),
    (
        "catalog",
        lambda: (update(StockReservation).where(StockReservation.returned == 1).values(returned=0),),
        "restocked, 1 expected",
    ),
]


@pytest.mark.parametrize(("schema", "statements", "words"), TAMPERED)
def test_an_inconsistency_is_named(
    order: OrderView, schema: str, statements: Callable[[], tuple[Any, ...]], words: str
) -> None:
    result = tamper(schema, *statements())
    assert any(words in violation for violation in result), result


def test_an_overdue_refund_message_is_named(order: OrderView, now: Clock) -> None:
    refund(order, 1)
    assert list(consistency.violations()) == []
    now.advance(minutes=11)
    assert any(violation.startswith("refund-money/") for violation in consistency.violations())
    deliver()
    assert list(consistency.violations()) == []


def test_a_cancellation_without_restocking_needs_no_restock_message(order: OrderView) -> None:
    orders.cancel(order.id, by="the shop", restock=False, actor="meera@example.com")
    deliver()
    assert list(consistency.violations()) == []
    assert read_session().scalar(select(Order.is_restocked).where(Order.order_id == order.id)) is False
    violations_found = tamper("orders", update(Order).where(Order.order_id == order.id).values(is_restocked=True))
    assert any("never announced: order-cancelled-restock" in violation for violation in violations_found)


def test_an_order_refunded_before_partial_refunds_existed_is_consistent(app: Flask, post: MemoryPost) -> None:
    """Its messages name no amount and no units, and its refund has the key it had then."""
    order = make_order((make_product(stock=5), 3), payment="sandbox-success")
    orders.cancel(order.id, by="you")
    plain = {"order": order.id, "checkout": order.checkout_id}
    with transaction("orders") as session:
        session.execute(update(Message).where(Message.key.endswith(f"/{order.id}")).values(payload=plain))
    deliver()
    assert list(consistency.violations()) == []
