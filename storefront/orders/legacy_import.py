"""Import of the old shop's orders, unchanged. No e-mail is sent, and no message is published."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select

from storefront.core.clock import utc_now
from storefront.db.import_log import BatchResult
from storefront.db.session import read_session, retry_on_deadlock, transaction
from storefront.orders.customer_orders import WAS_DELIVERED, key_of
from storefront.orders.events import ORDER_PLACED
from storefront.orders.models import Item, Message, Order, OrderEvent
from storefront.orders.values import OrderId, OrderSnapshot, OrderStatus

BY = "the old shop"
RECEIVED = "Order received"


@dataclass(frozen=True, slots=True)
class OldOrder:
    """An order of the old shop.

    :ivar id: of its row there
    :ivar checkout: id of the checkout that is made up for it
    :ivar changed_at: since when it has this status, as far as is known
    :ivar note: timeline note of its status
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
    """Which of these checkouts have an order."""
    return set(read_session().scalars(select(Order.checkout_id).where(Order.checkout_id.in_(checkouts))))


def taken_numbers(numbers: Sequence[str]) -> set[str]:
    """Which of these order numbers are taken."""
    return set(read_session().scalars(select(Order.order_id).where(Order.order_id.in_(numbers))))


def received(customers: Collection[int], products: Collection[int]) -> set[tuple[int, int]]:
    """Pairs of customer and product, of those given, with a delivered order of the one that contains the other."""
    asked = (
        select(Order.customer_id, Item.product_id)
        .join(Item, Item.order_id == Order.id)
        .where(WAS_DELIVERED, Order.customer_id.in_(customers), Item.product_id.in_(products))
    )
    return {(customer, product) for customer, product in read_session().execute(asked) if customer is not None}


@retry_on_deadlock
def import_orders(batch: Sequence[OldOrder]) -> BatchResult:
    """Insert orders with items and timeline. Safe to repeat."""
    result = BatchResult()
    with transaction("orders") as session:
        known = known_checkouts([order.checkout for order in batch])
        result.known = [order.id for order in batch if order.checkout in known]
        new = [order for order in batch if order.checkout not in known]
        if new:
            session.execute(insert(Order), [_order_row(order) for order in new])
            asked = select(Order.checkout_id, Order.id).where(Order.checkout_id.in_([order.checkout for order in new]))
            ids = {row.checkout_id: row.id for row in session.execute(asked)}
            session.execute(insert(Item), [row for order in new for row in _item_rows(order, ids)])
            session.execute(insert(OrderEvent), [row for order in new for row in _event_rows(order, ids)])
            if messages := [_message_row(order) for order in new if order.status is OrderStatus.CONFIRMED]:
                session.execute(insert(Message), messages)
        result.added = [order.id for order in new]
    return result


def _order_row(order: OldOrder) -> dict[str, Any]:
    snapshot, address = order.snapshot, order.snapshot.address
    return {
        "order_id": order.order_id,
        "checkout_id": order.checkout,
        "customer_id": snapshot.customer_id,
        "customer_email": snapshot.email,
        "email_key": key_of(snapshot.email),
        "subtotal": snapshot.subtotal.minor,
        "shipping": snapshot.shipping.minor,
        "tax": snapshot.tax.minor,
        "discount": snapshot.discount.minor,
        "total_amount": snapshot.grand_total.minor,
        "currency": snapshot.grand_total.currency,
        "status": order.status,
        "order_date": order.placed_at,
        "estimated_delivery": order.estimated_on,
        "shipping_full_name": address.full_name,
        "shipping_phone": snapshot.phone,
        "shipping_address_line1": address.line1,
        "shipping_address_line2": address.line2,
        "shipping_city": address.city,
        "shipping_state": address.state,
        "shipping_zip_code": address.postal_code,
        "shipping_country": address.country,
        "payment_type": snapshot.payment_kind,
        "payment_details": snapshot.payment_details,
        "payment_provider": snapshot.payment_provider,
        "cash_received_at": order.changed_at if is_collected(snapshot.payment_kind, order.status) else None,
    }


def is_collected(payment_kind: str, status: OrderStatus) -> bool:
    """Whether the cash of an imported order was collected: the old shop counts it as paid once it is delivered."""
    return payment_kind == "cod" and status is OrderStatus.DELIVERED


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
    """Two entries: received, and its status. The steps between are unknown, and no message belongs to them."""
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


def _message_row(order: OldOrder) -> dict[str, Any]:
    """A delivered outbox message: the old shop has sent the confirmation, which must not be sent again."""
    now = utc_now()
    return {
        "topic": ORDER_PLACED,
        "key": f"{ORDER_PLACED}/{order.order_id}",
        "payload": {"order": order.order_id, "checkout": order.checkout},
        "created_at": now,
        "due_at": now,
        "delivered_at": now,
    }
