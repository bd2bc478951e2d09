"""Orders of the old shop, written down as they were. Nobody is written to, and nothing is announced."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select

from storefront.core.clock import utc_now
from storefront.db.import_log import BatchResult
from storefront.db.session import read_session, retry_on_deadlock, transaction
from storefront.orders.customer_orders import key_of
from storefront.orders.events import ORDER_PLACED
from storefront.orders.models import Item, Message, Order, OrderEvent
from storefront.orders.values import OrderId, OrderSnapshot, OrderStatus

BY = "the old shop"
RECEIVED = "Order received"


@dataclass(frozen=True, slots=True)
class OldOrder:
    """An order as it was there.

    :ivar id: of its row there
    :ivar checkout: what stands for its checkout here
    :ivar changed_at: since when it has this status, as far as is known
    :ivar note: what the timeline says of its status
    """

    id: int
    order_id: OrderId
    checkout: str
    snapshot: OrderSnapshot
    status: OrderStatus
    placed_at: datetime
    changed_at: datetime
    estimated_on: date
    tracking_number: str
    note: str


def known_checkouts(checkouts: Sequence[str]) -> set[str]:
    """Which of these have an order here."""
    return set(read_session().scalars(select(Order.checkout_id).where(Order.checkout_id.in_(checkouts))))


def taken_numbers(numbers: Sequence[str]) -> set[str]:
    """Which of these numbers an order has here."""
    return set(read_session().scalars(select(Order.order_id).where(Order.order_id.in_(numbers))))


def received(customers: Collection[int], products: Collection[int]) -> set[tuple[int, int]]:
    """Which of these customers got which of these products, by an order of their own that was delivered."""
    asked = (
        select(Order.customer_id, Item.product_id)
        .join(Item, Item.order_id == Order.id)
        .where(Order.status == OrderStatus.DELIVERED, Order.customer_id.in_(customers), Item.product_id.in_(products))
    )
    return {(customer, product) for customer, product in read_session().execute(asked) if customer is not None}


@retry_on_deadlock
def import_orders(batch: Sequence[OldOrder]) -> BatchResult:
    """Write orders down with items and timeline. A status that came to be there is told of as one step."""
    landing = BatchResult()
    with transaction("orders") as session:
        known = known_checkouts([order.checkout for order in batch])
        landing.known = [order.id for order in batch if order.checkout in known]
        new = [order for order in batch if order.checkout not in known]
        if new:
            session.execute(insert(Order), [_order_row(order) for order in new])
            asked = select(Order.checkout_id, Order.id).where(Order.checkout_id.in_([order.checkout for order in new]))
            ids = {row.checkout_id: row.id for row in session.execute(asked)}
            session.execute(insert(Item), [row for order in new for row in _item_rows(order, ids)])
            session.execute(insert(OrderEvent), [row for order in new for row in _event_rows(order, ids)])
            if told := [_letter_row(order) for order in new if order.status is OrderStatus.CONFIRMED]:
                session.execute(insert(Message), told)
        landing.added = [order.id for order in new]
    return landing


def _order_row(order: OldOrder) -> dict[str, Any]:
    kept, address = order.snapshot, order.snapshot.address
    return {
        "order_id": order.order_id,
        "checkout_id": order.checkout,
        "customer_id": kept.customer_id,
        "customer_email": kept.email,
        "email_key": key_of(kept.email),
        "subtotal": kept.subtotal.minor,
        "shipping": kept.shipping.minor,
        "tax": kept.tax.minor,
        "discount": kept.discount.minor,
        "total_amount": kept.grand_total.minor,
        "currency": kept.grand_total.currency,
        "status": order.status,
        "order_date": order.placed_at,
        "estimated_delivery": order.estimated_on,
        "shipping_full_name": address.full_name,
        "shipping_phone": kept.phone,
        "shipping_address_line1": address.line1,
        "shipping_address_line2": address.line2,
        "shipping_city": address.city,
        "shipping_state": address.state,
        "shipping_zip_code": address.postal_code,
        "shipping_country": address.country,
        "payment_type": kept.payment_kind,
        "payment_details": kept.payment_details,
        "payment_provider": kept.payment_provider,
    }


def _item_rows(order: OldOrder, ids: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "order_id": ids[order.checkout],
            "product_id": item.product_id,
            "product_slug": item.slug,
            "sku": item.sku,
            "product_name": item.name,
            "variant_name": item.option,
            "product_image": item.picture,
            "hue": item.hue,
            "price": item.unit_price.minor,
            "quantity": item.quantity,
            "total": item.line_total.minor,
        }
        for item in order.snapshot.items
    ]


def _event_rows(order: OldOrder, ids: Mapping[str, int]) -> list[dict[str, Any]]:
    """Received, and then what it is: the steps between are not known, so none is told of as announced."""
    common = {"order_id": ids[order.checkout], "by": BY}
    return [
        {**common, "status": OrderStatus.PENDING, "at": order.placed_at, "note": RECEIVED, "tracking_number": ""},
        {
            **common,
            "status": order.status,
            "at": order.changed_at,
            "note": order.note,
            "tracking_number": order.tracking_number,
        },
    ]


def _letter_row(order: OldOrder) -> dict[str, Any]:
    """An order is announced once: this one was, by the old shop, and its letter is not sent again."""
    now = utc_now()
    return {
        "topic": ORDER_PLACED,
        "key": f"{ORDER_PLACED}/{order.order_id}",
        "payload": {"order": order.order_id, "checkout": order.checkout},
        "created_at": now,
        "due_at": now,
        "delivered_at": now,
    }
