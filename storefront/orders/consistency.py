"""Consistency checks of the orders schema, for the doctor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from storefront.core.money import Money
from storefront.db.session import read_session
from storefront.orders.events import CANCELLATION, CANCELLED_RESTOCK, CASH_RECEIVED, ORDER_PLACED
from storefront.orders.invoice_consistency import invoice_violations
from storefront.orders.models import Item, Message, Order, OrderEvent
from storefront.orders.refund_consistency import GivenBack, given_back, refund_violations
from storefront.orders.values import CALLED_OFF, OrderStatus


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order as the doctor compares it with its payment and stock.

    :ivar units: bought, by SKU
    :ivar given_back: its refunds, in part or of the rest
    :ivar is_cash_settled: the payment was told that its cash was received
    """

    order_id: str
    status: OrderStatus
    total: Money
    placed_at: datetime
    units: dict[str, int]
    given_back: tuple[GivenBack, ...]
    is_cash_settled: bool = False


def snapshots() -> dict[str, OrderFacts]:
    """Every order, by its checkout."""
    units: dict[int, dict[str, int]] = defaultdict(dict)
    for order, sku, quantity in read_session().execute(select(Item.order_id, Item.sku, Item.quantity)):
        units[order][sku] = units[order].get(sku, 0) + quantity
    refunds = given_back()
    told = (Message.topic == CASH_RECEIVED, Message.delivered_at.is_not(None))
    settled = set(read_session().scalars(select(Message.key).where(*told)))
    return {
        row.checkout_id: OrderFacts(
            row.order_id,
            OrderStatus(row.status),
            Money(row.total_amount, row.currency),
            row.order_date,
            units[row.id],
            tuple(refunds.get(row.id, ())),
            f"{CASH_RECEIVED}/{row.order_id}" in settled,
        )
        for row in read_session().scalars(select(Order))
    }


def violations() -> Iterator[str]:
    """Find contradictions within the schema: items and totals, timelines, outbox messages, refunds, invoices.

    :return: a sentence for each
    """
    summed = (
        select(Order.order_id, Order.subtotal, func.count(Item.id), func.sum(Item.total))
        .outerjoin(Item, Item.order_id == Order.id)
        .group_by(Order.id)
    )
    for order_id, subtotal, lines, total in read_session().execute(summed):
        if not lines:
            yield f"{order_id}: an order without items"
        elif subtotal != total:
            yield f"{order_id}: its items make {total}, its subtotal says {subtotal} (minor units)"
    yield from _timeline_violations()
    yield from _message_violations()
    yield from refund_violations()
    yield from invoice_violations()


def _timeline_violations() -> Iterator[str]:
    event = aliased(OrderEvent)
    last = select(func.max(event.id)).where(event.order_id == Order.id).correlate(Order).scalar_subquery()
    ends = select(Order.order_id, Order.status, OrderEvent.status).outerjoin(OrderEvent, OrderEvent.id == last)
    for order_id, status, last_status in read_session().execute(ends):
        if status != last_status:
            yield f"{order_id}: is {status}, its timeline ends with {last_status}"


def _message_violations() -> Iterator[str]:
    known = set(read_session().scalars(select(Message.key)))
    confirmed = select(OrderEvent.order_id).where(OrderEvent.status == OrderStatus.CONFIRMED)
    for order in read_session().scalars(
        select(Order).where(Order.id.in_(confirmed), Order.status != OrderStatus.PENDING)
    ):
        topics = [ORDER_PLACED]
        if order.status in CALLED_OFF:
            topics += [topic for topic in CANCELLATION if order.is_restocked or topic != CANCELLED_RESTOCK]
        for topic in topics:
            if f"{topic}/{order.order_id}" not in known:
                yield f"{order.order_id}: never announced: {topic}"
    published = select(Order.order_id, OrderEvent.topic).join(Order, Order.id == OrderEvent.order_id)
    for order_id, topic in read_session().execute(published.where(OrderEvent.topic != "")):
        if f"{topic}/{order_id}" not in known:
            yield f"{order_id}: never announced: {topic}"
