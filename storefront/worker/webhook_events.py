"""From the shop's own events to those of webhooks: which message makes which event, and what its payload holds.

Payloads hold no personal data: no name, address, e-mail address, phone number or account. A program that needs them
reads the order through the API, where access is granted and noted. docs/webhooks.md describes each payload.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from storefront.catalog import events as catalog_events
from storefront.catalog import inventory, products
from storefront.catalog.values import Sku
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db import outbox
from storefront.db.session import db, retry_on_deadlock, transaction
from storefront.orders import events as order_events
from storefront.orders import service as orders
from storefront.orders.values import HELD_TOPIC, OrderStatus, OrderView
from storefront.payments import service as payments
from storefront.payments.values import PaymentStatus
from storefront.webhooks import service as webhooks
from storefront.webhooks.values import Event, EventType

logger = logging.getLogger(__name__)

# Published where an event could not be recorded: `{"topic": …, "key": …, "payload": …}` of the message it is about.
WEBHOOK_EVENT_DUE = "webhook-event-due"

Payload = Mapping[str, Any]
Occurrence = tuple[datetime, dict[str, Any]]  # when it happened, and the `data` of the payload
Builder = Callable[[Payload], Occurrence | None]  # None: there is nothing to tell


@dataclass(frozen=True, slots=True)
class Source:
    """A topic that makes events.

    :ivar schema: whose outbox the message is in
    :ivar builders: by type of the event
    :ivar is_after: the event is what the handler of the message does, so it is recorded afterwards
    """

    schema: str
    builders: Mapping[EventType, Builder]
    is_after: bool = False


def with_webhooks(topic: str, handler: outbox.Handler) -> outbox.Handler:
    """Make a handler that records the events of a message as well.

    Neither waits for the other: if the webhooks' database is away, a message of its own takes the event over; if the
    handler fails and is called again, the event is recorded once.
    """
    source = SOURCES.get(topic)
    if source is None:
        return handler

    def handle(key: str, payload: Payload) -> None:
        if source.is_after:
            handler(key, payload)
            _record_now_or_later(topic, key, payload)
        else:
            _record_now_or_later(topic, key, payload)
            handler(key, payload)

    return handle


def _record_now_or_later(topic: str, key: str, payload: Payload) -> None:
    try:
        _record(topic, key, payload)
    except Exception:
        logger.exception("the webhook events of %s are recorded later", key)
        db.session.rollback()  # the next query must not use a broken connection
        _record_later(topic, key, payload)


@retry_on_deadlock
def _record_later(topic: str, key: str, payload: Payload) -> None:
    schema = SOURCES[topic].schema
    postponed = {"topic": topic, "key": key, "payload": dict(payload)}
    with suppress(IntegrityError), transaction(schema) as session:  # the message was handled before
        outbox.publish(session, outbox.outboxes()[schema], WEBHOOK_EVENT_DUE, f"{WEBHOOK_EVENT_DUE}/{key}", postponed)


def record_postponed(key: str, payload: Payload) -> None:
    """Record the events of a message for which that failed before."""
    _record(payload["topic"], payload["key"], payload["payload"])


def _record(topic: str, key: str, payload: Payload) -> None:
    for event_type, build in SOURCES[topic].builders.items():
        if webhooks.has_subscribers(event_type) and (occurrence := build(payload)) is not None:
            occurred_at, data = occurrence
            webhooks.record_event(Event(_id_of(event_type, key), event_type, occurred_at, data))


def _id_of(event_type: EventType, key: str) -> str:
    """The same however often a message is handled. The specification forbids dots."""
    return f"msg_{hashlib.sha256(f'{event_type}/{key}'.encode()).hexdigest()[:32]}"


# ------------------------------------------------------------------------------------------------------- orders


def _confirmed(payload: Payload) -> Occurrence | None:
    order = orders.get_order(payload["order"])
    return order.confirmed_at or order.placed_at, {"order": _order(order)}


def _paid_at_once(payload: Payload) -> Occurrence | None:
    """Paid before it was confirmed, by card or UPI."""
    if payments.status_of(payload["checkout"]) not in {PaymentStatus.CAPTURED, PaymentStatus.REFUNDED}:
        return None
    return _confirmed(payload)


def _paid_in_cash(payload: Payload) -> Occurrence | None:
    order = orders.get_order(payload["order"])
    return order.cash_received_at or utc_now(), {"order": _order(order)}


def _shipped(payload: Payload) -> Occurrence | None:
    order = orders.get_order(payload["order"])
    shipped_at = next((event.at for event in order.timeline if event.status is OrderStatus.SHIPPED), utc_now())
    shipment = {"carrier": order.carrier, "tracking_number": order.tracking_number, "tracking_url": order.tracking_url}
    return shipped_at, {"order": _order(order), "shipment": shipment}


def _cancelled(payload: Payload) -> Occurrence | None:
    """Cancelled, or come back undelivered. An order that staff refused to confirm was never announced."""
    order = orders.get_order(payload["order"])
    if order.confirmed_at is None and any(event.topic == HELD_TOPIC for event in order.timeline):
        return None
    return order.called_off_at or utc_now(), {"order": _order(order)}


def _refunded_in_part(payload: Payload) -> Occurrence | None:
    order, refund = orders.get_order(payload["order"]), orders.get_refund(payload["refund"])
    lines = [{"sku": line.item.sku, "quantity": line.quantity} for line in refund.lines]
    data = {"order": _order(order), "refund": _refund(refund.amount, refund.id, refund.lowers_due, lines)}
    return refund.created_at, data


def _refunded_whole(payload: Payload) -> Occurrence | None:
    """What was left of the payment of an order that was called off; nothing if none of it had been taken."""
    if not payload.get("amount") or payments.status_of(payload["checkout"]) is not PaymentStatus.REFUNDED:
        return None
    order = orders.get_order(payload["order"])
    amount = Money(payload["amount"], payload["currency"])
    lines = [{"sku": item.sku, "quantity": item.units_kept} for item in order.items_kept]
    return order.called_off_at or utc_now(), {"order": _order(order), "refund": _refund(amount, None, False, lines)}


def _refund(amount: Money, number: int | None, lowers_due: bool, lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": number,
        "amount": amount.minor,
        "currency": amount.currency,
        "reduces_amount_due": lowers_due,
        "lines": lines,
    }


def _order(order: OrderView) -> dict[str, Any]:
    return {
        "id": order.id,
        "status": order.status.value,
        "placed_at": _iso(order.placed_at),
        "payment_method": order.payment_kind,
        "currency": order.grand_total.currency,
        "subtotal": order.subtotal.minor,
        "shipping": order.shipping.minor,
        "tax": order.tax.minor,
        "discount": order.discount.minor,
        "total": order.grand_total.minor,
        "refunded": order.refunded.minor,
        "lines": [
            {
                "sku": item.sku,
                "product_id": item.product_id,
                "name": item.name,
                "option": item.option,
                "quantity": item.quantity,
                "quantity_refunded": item.refunded,
                "unit_price": item.unit_price.minor,
                "line_total": item.line_total.minor,
            }
            for item in order.items
        ],
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -------------------------------------------------------------------------------------------------------- stock


def _low(payload: Payload) -> Occurrence | None:
    rows = [row for row in inventory.admin.rows_by_sku(payload["skus"]) if row.available <= row.reorder_level]
    variants = [
        {
            "sku": row.sku,
            "product_id": row.product_id,
            "available": int(row.available),
            "reorder_level": row.reorder_level,
        }
        for row in rows
    ]
    return (utc_now(), {"count": payload["count"], "variants": variants}) if variants else None


def _back(payload: Payload) -> Occurrence | None:
    offer = products.offers_of([Sku(payload["sku"])]).get(Sku(payload["sku"]))
    if offer is None:
        return None
    return utc_now(), {
        "sku": offer.sku,
        "product_id": offer.product_id,
        "available": int(offer.available),
    }  # MariaDB sums to a decimal


SOURCES: Mapping[str, Source] = {
    order_events.ORDER_PLACED: Source(
        "orders", {EventType.ORDER_CONFIRMED: _confirmed, EventType.ORDER_PAID: _paid_at_once}
    ),
    order_events.CASH_RECEIVED: Source("orders", {EventType.ORDER_PAID: _paid_in_cash}),
    order_events.ORDER_SHIPPED: Source("orders", {EventType.ORDER_SHIPPED: _shipped}),
    order_events.CANCELLED_LETTER: Source("orders", {EventType.ORDER_CANCELLED: _cancelled}),
    order_events.REFUND_LETTER: Source("orders", {EventType.ORDER_REFUNDED: _refunded_in_part}),
    order_events.CANCELLED_REFUND: Source("orders", {EventType.ORDER_REFUNDED: _refunded_whole}, is_after=True),
    catalog_events.STOCK_LOW: Source("catalog", {EventType.STOCK_LOW: _low}),
    catalog_events.BACK_IN_STOCK: Source("catalog", {EventType.STOCK_BACK: _back}),
}
