"""Queries for whole orders, with items and timelines: three selects for any number of orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import with_expression

from storefront.core.addresses import PostalAddress
from storefront.core.money import Money
from storefront.db.session import read_session
from storefront.orders.invoice_models import INVOICE, Invoice
from storefront.orders.mapping import line_item
from storefront.orders.models import Item, Order, OrderEvent
from storefront.orders.values import (
    OrderId,
    OrderStatus,
    OrderView,
    TrackingEvent,
    UnknownOrder,
)

_INVOICE_NUMBER = select(Invoice.number).where(Invoice.order_id == Order.id, Invoice.credit == INVOICE)
WITH_INVOICE = with_expression(Order.invoice_number, _INVOICE_NUMBER.correlate(Order).scalar_subquery())


def get_order(order_id: str) -> OrderView:
    """Read an order with its items, timeline and invoice number. The caller checks who may see it.

    :raise UnknownOrder: no order has this number
    """
    asked = select(Order).where(Order.order_id == order_id).options(WITH_INVOICE)
    order = read_session().scalar(asked)
    if order is None:
        raise UnknownOrder(order_id)
    (view,) = views_of([order])
    return view


def status_of(checkout: str) -> OrderStatus | None:
    """The status of a checkout's order; None when it has none."""
    status = read_session().scalar(select(Order.status).where(Order.checkout_id == checkout))
    return OrderStatus(status) if status else None


def get_orders(order_ids: Collection[str]) -> list[OrderView]:
    """Read orders by their numbers, oldest first; unknown numbers are left out."""
    named = select(Order).where(Order.order_id.in_(order_ids)).order_by(Order.order_date, Order.id)
    return views_of(read_session().scalars(named).all())


def export_of(customer: int) -> list[OrderView]:
    """Read every order of an account, oldest first, for the export of its data."""
    mine = select(Order).where(Order.customer_id == customer).order_by(Order.order_date, Order.id)
    return views_of(read_session().scalars(mine).all())


def views_of(orders: Sequence[Order]) -> list[OrderView]:
    """Add items and timelines to orders, in the given order."""
    if not orders:
        return []
    ids = [order.id for order in orders]
    items: dict[int, list[Item]] = defaultdict(list)
    bought = select(Item).where(Item.order_id.in_(ids)).order_by(Item.id)
    for item in read_session().scalars(bought):
        items[item.order_id].append(item)
    events: dict[int, list[OrderEvent]] = defaultdict(list)
    for event in read_session().scalars(select(OrderEvent).where(OrderEvent.order_id.in_(ids)).order_by(OrderEvent.id)):
        events[event.order_id].append(event)
    return [_view(order, items[order.id], events[order.id]) for order in orders]


def _view(order: Order, items: Sequence[Item], events: Sequence[OrderEvent]) -> OrderView:
    currency = order.currency
    return OrderView(
        id=OrderId(order.order_id),
        row_id=order.id,
        checkout_id=order.checkout_id,
        customer_id=order.customer_id,
        status=OrderStatus(order.status),
        placed_at=order.order_date,
        estimated_on=order.estimated_delivery,
        email=order.customer_email,
        phone=order.shipping_phone,
        address=PostalAddress(
            full_name=order.shipping_full_name,
            phone=order.shipping_phone,
            line1=order.shipping_address_line1,
            line2=order.shipping_address_line2,
            city=order.shipping_city,
            state=order.shipping_state,
            postal_code=order.shipping_zip_code,
            country=order.shipping_country,
        ),
        items=tuple(line_item(item, currency) for item in items),
        subtotal=Money(order.subtotal, currency),
        shipping=Money(order.shipping, currency),
        tax=Money(order.tax, currency),
        discount=Money(order.discount, currency),
        grand_total=Money(order.total_amount, currency),
        payment_kind=order.payment_type,
        payment_details=order.payment_details,
        lender=order.payment_provider,
        timeline=tuple(
            TrackingEvent(
                OrderStatus(event.status),
                event.at,
                event.by,
                event.note,
                event.tracking_number,
                event.carrier,
                event.topic,
            )
            for event in events
        ),
        refunded=Money(order.refunded_amount, currency),
        is_shipping_refunded=order.is_shipping_refunded,
        invoice_number=order.invoice_number or "",
        cash_received_at=order.cash_received_at,
    )
