"""What the doctor asks of the orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from storefront.clock import utc_now
from storefront.database import queries
from storefront.money import Money
from storefront.orders.events import CANCELLATION, ORDER_PLACED
from storefront.orders.models import Item, Message, Order, OrderEvent
from storefront.orders.values import OrderStatus

OVERDUE = timedelta(minutes=10)  # a message that is not delivered by then is waiting for somebody


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """:ivar units: bought, by SKU"""

    order_id: str
    status: OrderStatus
    total: Money
    placed_at: datetime
    units: dict[str, int]


def facts() -> dict[str, OrderFacts]:
    """Every order by its checkout."""
    units: dict[int, dict[str, int]] = defaultdict(dict)
    for order, sku, quantity in queries().execute(select(Item.order_id, Item.sku, Item.quantity)):
        units[order][sku] = units[order].get(sku, 0) + quantity
    return {
        row.checkout_id: OrderFacts(
            row.order_id,
            OrderStatus(row.status),
            Money(row.total_amount, row.currency),
            row.order_date,
            units[row.id],
        )
        for row in queries().scalars(select(Order))
    }


def faults() -> Iterator[str]:
    """What the orders' own tables contradict: items and totals, timelines, announcements."""
    summed = (
        select(Order.order_id, Order.subtotal, func.count(Item.id), func.sum(Item.total))
        .outerjoin(Item, Item.order_id == Order.id)
        .group_by(Order.id)
    )
    for order_id, subtotal, lines, total in queries().execute(summed):
        if not lines:
            yield f"{order_id}: an order without items"
        elif subtotal != total:
            yield f"{order_id}: its items make {total}, its subtotal says {subtotal} (minor units)"
    yield from _timeline_faults()
    yield from _message_faults()


def _timeline_faults() -> Iterator[str]:
    event = aliased(OrderEvent)
    last = select(func.max(event.id)).where(event.order_id == Order.id).correlate(Order).scalar_subquery()
    ends = select(Order.order_id, Order.status, OrderEvent.status).outerjoin(OrderEvent, OrderEvent.id == last)
    for order_id, status, told in queries().execute(ends):
        if status != told:
            yield f"{order_id}: is {status}, its timeline ends with {told}"


def _message_faults() -> Iterator[str]:
    known = set(queries().scalars(select(Message.key)))
    for order in queries().scalars(select(Order).where(Order.status != OrderStatus.PENDING)):
        confirmed = queries().scalar(
            select(OrderEvent.id).where(OrderEvent.order_id == order.id, OrderEvent.status == OrderStatus.CONFIRMED)
        )
        topics = [ORDER_PLACED] if confirmed else []
        if confirmed and order.status == OrderStatus.CANCELLED:
            topics += CANCELLATION
        for topic in topics:
            if f"{topic}/{order.order_id}" not in known:
                yield f"{order.order_id}: never announced: {topic}"
    late = select(Message).where(Message.delivered_at.is_(None), Message.created_at < utc_now() - OVERDUE)
    for message in queries().scalars(late):
        state = "parked" if message.parked_at else f"not delivered after {message.attempts} attempts"
        yield f"{message.key}: {state}: {message.last_error}"
