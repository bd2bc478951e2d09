"""Consistency checks of refunds and returns, for the doctor."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from storefront.core.money import Money
from storefront.db.session import read_session
from storefront.orders.events import CANCELLED_REFUND, CANCELLED_RESTOCK, REFUND_LETTER, REFUND_MONEY, REFUND_RESTOCK
from storefront.orders.models import Item, Message, Order
from storefront.orders.refund_models import OrderRefund, OrderReturn, RefundLine, ReturnLine
from storefront.orders.refund_values import ReturnState
from storefront.orders.refunds import refund_key
from storefront.orders.returns import return_key
from storefront.orders.values import CALLED_OFF


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A refund of an order: a partial one, or of the rest when it was called off.

    :ivar part: number of the partial refund; None for the rest
    :ivar units: to be restocked, by SKU
    :ivar is_paid: its payment message is not waiting for delivery
    :ivar is_shelved: its restock message is not waiting for delivery
    """

    part: int | None
    amount: Money
    units: Counter[str]
    is_paid: bool
    is_shelved: bool


def given_back() -> dict[int, list[GivenBack]]:
    """All refunds of all orders, by the id of the order's row."""
    waiting = set(read_session().scalars(select(Message.key).where(Message.delivered_at.is_(None))))
    refunds = _partial_refunds(waiting)
    left: dict[int, Counter[str]] = defaultdict(Counter)
    cancelled = Order.status.in_(CALLED_OFF)
    items = select(Item.order_id, Item.sku, Item.quantity - Item.refunded).join(Order, Order.id == Item.order_id)
    for row, sku, count in read_session().execute(items.where(cancelled, Order.is_restocked)):
        left[row][sku] += count
    for order in read_session().scalars(select(Order).where(cancelled)):
        refunds[order.id].append(
            GivenBack(
                None,
                Money(order.total_amount - order.refunded_amount, order.currency),
                left[order.id],
                f"{CANCELLED_REFUND}/{order.order_id}" not in waiting,
                f"{CANCELLED_RESTOCK}/{order.order_id}" not in waiting,
            )
        )
    return refunds


def _partial_refunds(waiting: set[str]) -> dict[int, list[GivenBack]]:
    units: dict[int, Counter[str]] = defaultdict(Counter)
    lines = select(RefundLine.refund_id, Item.sku, RefundLine.quantity).join(Item, Item.id == RefundLine.item_id)
    restocked = lines.join(OrderRefund, OrderRefund.id == RefundLine.refund_id).where(OrderRefund.is_restocked)
    for refund, sku, count in read_session().execute(restocked):
        units[refund][sku] += count
    refunds: dict[int, list[GivenBack]] = defaultdict(list)
    for row, order in read_session().execute(select(OrderRefund, Order.order_id).join(Order)):
        refunds[row.order_id].append(
            GivenBack(
                row.id,
                Money(row.amount, row.currency),
                units[row.id],
                refund_key(REFUND_MONEY, order, row.id) not in waiting,
                refund_key(REFUND_RESTOCK, order, row.id) not in waiting,
            )
        )
    return refunds


def refund_violations() -> Iterator[str]:
    """Find contradictions between orders, refunds, returns and outbox messages.

    :return: a sentence for each
    """
    money = select(func.coalesce(func.sum(OrderRefund.amount), 0)).where(OrderRefund.order_id == Order.id)
    given = money.correlate(Order).scalar_subquery()
    asked = select(Order.order_id, Order.refunded_amount, given).where(Order.refunded_amount != given)
    for number, refunded, summed in read_session().execute(asked):
        yield f"{number}: {refunded} refunded, its refunds make {summed} (minor units)"
    yield from _unit_violations()
    yield from _message_violations()


def _unit_violations() -> Iterator[str]:
    back = select(func.coalesce(func.sum(RefundLine.quantity), 0)).where(RefundLine.item_id == Item.id)
    refunded = back.correlate(Item).scalar_subquery()
    coming = (
        select(func.coalesce(func.sum(ReturnLine.quantity), 0))
        .join(OrderReturn, OrderReturn.id == ReturnLine.return_id)
        .where(ReturnLine.item_id == Item.id, OrderReturn.state == ReturnState.REQUESTED)
        .correlate(Item)
        .scalar_subquery()
    )
    drifted = select(Item, Order.order_id, refunded, coming).join(Order, Order.id == Item.order_id)
    drifted = drifted.where((Item.refunded != refunded) | (Item.in_return != coming))
    for item, number, back_by_lines, coming_by_lines in read_session().execute(drifted):
        yield (
            f"{number}: {item.refunded} of {item.sku} refunded, its refunds have {back_by_lines}; "
            f"{item.in_return} coming back, its returns have {coming_by_lines}"
        )
    yield from _approval_violations()


def _approval_violations() -> Iterator[str]:
    lines: dict[int, Counter[int]] = defaultdict(Counter)
    for refund, item, count in read_session().execute(
        select(RefundLine.refund_id, RefundLine.item_id, RefundLine.quantity)
    ):
        lines[refund][item] += count
    approved = (
        select(OrderReturn.id, OrderReturn.refund_id, ReturnLine.item_id, ReturnLine.quantity)
        .join(ReturnLine, ReturnLine.return_id == OrderReturn.id)
        .where(OrderReturn.state == ReturnState.APPROVED)
    )
    for asked in read_session().execute(approved):
        refunded = lines[asked.refund_id or 0][asked.item_id]
        if refunded != asked.quantity:
            what = f"{asked.quantity} of item {asked.item_id}"
            yield f"return {asked.id} was approved for {what}, {refunded} were refunded"


def _message_violations() -> Iterator[str]:
    """Refunds and returns without their outbox messages."""
    known = set(read_session().scalars(select(Message.key)))
    for row, number in read_session().execute(select(OrderRefund, Order.order_id).join(Order)):
        topics = [REFUND_LETTER, *([REFUND_MONEY] * bool(row.amount)), *([REFUND_RESTOCK] * row.is_restocked)]
        for topic in topics:
            if refund_key(topic, number, row.id) not in known:
                yield f"{number}: refund {row.id} never announced: {topic}"
    for asked, number, status in read_session().execute(select(OrderReturn, Order.order_id, Order.status).join(Order)):
        # An approved return is announced by its refund, one that ended with its order by the e-mail about that.
        silent = {ReturnState.APPROVED, *([ReturnState.WITHDRAWN] if status in CALLED_OFF else [])}
        announced = {ReturnState.REQUESTED, ReturnState(asked.state)} - silent
        for state in announced:
            if return_key(number, asked.id, state) not in known:
                yield f"{number}: return {asked.id} never announced: {state}"
