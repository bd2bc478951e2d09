"""What the doctor asks of refunds and returns."""

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
from storefront.orders.values import OrderStatus


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What an order promised to give back: a refund in part, or whatever was left when it was cancelled.

    :ivar part: number of the refund; None for what was left
    :ivar units: to go on the shelf, by SKU
    :ivar is_paid: nobody has still to give the money
    :ivar is_shelved: nobody has still to fill the shelf
    """

    part: int | None
    amount: Money
    units: Counter[str]
    is_paid: bool
    is_shelved: bool


def given_back() -> dict[int, list[GivenBack]]:
    """Everything that orders promised to give back, by the row of the order."""
    waiting = set(read_session().scalars(select(Message.key).where(Message.delivered_at.is_(None))))
    found = _refunded(waiting)
    left: dict[int, Counter[str]] = defaultdict(Counter)
    cancelled = Order.status == OrderStatus.CANCELLED
    items = select(Item.order_id, Item.sku, Item.quantity - Item.refunded).join(Order, Order.id == Item.order_id)
    for row, sku, count in read_session().execute(items.where(cancelled, Order.is_restocked)):
        left[row][sku] += count
    for order in read_session().scalars(select(Order).where(cancelled)):
        found[order.id].append(
            GivenBack(
                None,
                Money(order.total_amount - order.refunded_amount, order.currency),
                left[order.id],
                f"{CANCELLED_REFUND}/{order.order_id}" not in waiting,
                f"{CANCELLED_RESTOCK}/{order.order_id}" not in waiting,
            )
        )
    return found


def _refunded(waiting: set[str]) -> dict[int, list[GivenBack]]:
    units: dict[int, Counter[str]] = defaultdict(Counter)
    lines = select(RefundLine.refund_id, Item.sku, RefundLine.quantity).join(Item, Item.id == RefundLine.item_id)
    restocked = lines.join(OrderRefund, OrderRefund.id == RefundLine.refund_id).where(OrderRefund.is_restocked)
    for refund, sku, count in read_session().execute(restocked):
        units[refund][sku] += count
    found: dict[int, list[GivenBack]] = defaultdict(list)
    for row, order in read_session().execute(select(OrderRefund, Order.order_id).join(Order)):
        found[row.order_id].append(
            GivenBack(
                row.id,
                Money(row.amount, row.currency),
                units[row.id],
                refund_key(REFUND_MONEY, order, row.id) not in waiting,
                refund_key(REFUND_RESTOCK, order, row.id) not in waiting,
            )
        )
    return found


def refund_violations() -> Iterator[str]:
    """What the orders, their refunds and their returns contradict."""
    money = select(func.coalesce(func.sum(OrderRefund.amount), 0)).where(OrderRefund.order_id == Order.id)
    given = money.correlate(Order).scalar_subquery()
    asked = select(Order.order_id, Order.refunded_amount, given).where(Order.refunded_amount != given)
    for number, refunded, summed in read_session().execute(asked):
        yield f"{number}: {refunded} refunded, its refunds make {summed} (minor units)"
    yield from _unit_faults()
    yield from _word_faults()


def _unit_faults() -> Iterator[str]:
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
    yield from _approval_faults()


def _approval_faults() -> Iterator[str]:
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


def _word_faults() -> Iterator[str]:
    """Refunds and returns that somebody should have heard of."""
    known = set(read_session().scalars(select(Message.key)))
    for row, number in read_session().execute(select(OrderRefund, Order.order_id).join(Order)):
        topics = [REFUND_LETTER, *([REFUND_MONEY] * bool(row.amount)), *([REFUND_RESTOCK] * row.is_restocked)]
        for topic in topics:
            if refund_key(topic, number, row.id) not in known:
                yield f"{number}: refund {row.id} never announced: {topic}"
    for asked, number in read_session().execute(select(OrderReturn, Order.order_id).join(Order)):
        told = {ReturnState.REQUESTED, ReturnState(asked.state)} - {ReturnState.APPROVED}  # its refund is what is told
        for state in told:
            if return_key(number, asked.id, state) not in known:
                yield f"{number}: return {asked.id} never announced: {state}"
