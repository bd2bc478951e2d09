"""Present orders and their payments as in sections 2.2.7 and 2.2.9 of the contract."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any, Literal, cast

from flask import current_app

from storefront.api.presenters.products import PLACEHOLDER
from storefront.api.schemas.cart import CheckoutPayment, CheckoutResult
from storefront.api.schemas.orders import (
    LegacyOrder,
    Order,
    OrderAddress,
    OrderItem,
    OrderPayment,
    StatusChange,
    StatusWord,
    TrackedOrder,
)
from storefront.api.schemas.payments import Payment, PaymentWord
from storefront.orders.values import LineItem, OrderStatus, OrderView
from storefront.payments.values import PaymentRecord, PaymentStatus
from storefront.web.layout import picture_url

# Payment details of an order paid by card, such as "**** **** **** 1111 - A. Holder".
_CARD = re.compile(r"(?P<number>\*{4} \*{4} \*{4} [0-9]{4}|Card)(?: - (?P<holder>.*))?", re.DOTALL)
_PAID_LATER = frozenset({"cod", "bnpl"})  # collected on delivery, or by the lender

PaymentState = Literal["SUCCESS", "PENDING", "FAILED", "REFUNDED"]


def order(value: OrderView, payment_record: PaymentRecord | None) -> Order:
    """Present an order.

    :param payment_record: its payment; None, as for imported orders without one, shows as pending
    """
    return Order(**_members(value, payment_record))


def tracked(value: OrderView, payment_record: PaymentRecord | None) -> TrackedOrder:
    """Present an order with its status history; consecutive events of one status count as the first of them."""
    groups = groupby(value.timeline, key=lambda event: status_word(event.status, value))
    history = [StatusChange(status=word, at=next(events).at) for word, events in groups]
    return TrackedOrder(**_members(value, payment_record), status_history=history)


def status_word(status: OrderStatus, value: OrderView) -> StatusWord:
    """The word of the contract for a status of an order, or of its timeline.

    What came back, or was refunded before it arrived, is cancelled there; what was refunded after that stays delivered,
    and its payment is told as refunded.
    """
    if status is OrderStatus.UNDELIVERED or (status is OrderStatus.REFUNDED and value.delivered_at is None):
        return "cancelled"
    return "delivered" if status is OrderStatus.REFUNDED else cast(StatusWord, status.value)


def _members(value: OrderView, payment_record: PaymentRecord | None) -> dict[str, Any]:
    address = value.address
    return {
        "id": value.id,
        "order_id": value.id,
        "db_id": value.row_id,
        "user_id": value.customer_id or 0,
        "customer_id": value.customer_id or 0,
        "customer_email": value.email or None,
        "date": value.placed_at,
        "order_date": value.placed_at,
        "status": status_word(value.status, value),
        "items": [_item(item) for item in value.items],
        "subtotal": value.subtotal,
        "shipping": value.shipping,
        "tax": value.tax,
        "discount": value.discount,
        "total": value.grand_total,
        "total_amount": value.grand_total,
        "currency": value.grand_total.currency,
        "shipping_address": _address(value),
        "payment_method": _payment_method(value, payment_record),
        "payment_status": _payment_state(value, payment_record),
        "tracking_number": value.tracking_number,
        "estimated_delivery": value.estimated_on,
        "shipping_full_name": address.full_name,
        "shipping_phone": address.phone,
        "shipping_address_line1": address.line1,
        "shipping_address_line2": address.line2,
        "shipping_city": address.city,
        "shipping_state": address.state,
        "shipping_zip_code": address.postal_code,
        "shipping_country": address.country,
        "payment_type": value.payment_kind,
        "payment_details": value.payment_details,
        "payment_provider": value.lender,
    }


def _item(item: LineItem) -> OrderItem:
    return OrderItem(
        id=item.id or 0,
        product_id=item.product_id,
        product_name=f"{item.name}, {item.option}" if item.option else item.name,
        product_image=_image_url(item.picture),
        quantity=item.quantity,
        price=item.unit_price,
        total=item.line_total,
    )


def _image_url(source: str) -> str:
    """The absolute URL of an item's image, the placeholder's if it has none."""
    url = picture_url(source) if source else PLACEHOLDER
    return url if url.startswith(("http://", "https://")) else f"{current_app.config['PUBLIC_ORIGIN']}{url}"


def _address(value: OrderView) -> OrderAddress:
    address = value.address
    return OrderAddress(
        id=None,
        full_name=address.full_name,
        phone=address.phone,
        address_line1=address.line1,
        address_line2=address.line2,
        city=address.city,
        state=address.state,
        zip_code=address.postal_code,
        country=address.country,
        line1=address.line1,
        line2=address.line2,
        postal_code=address.postal_code,
        is_default=False,
    )


def _payment_method(value: OrderView, payment_record: PaymentRecord | None) -> OrderPayment:
    card = _CARD.fullmatch(value.payment_details) if value.payment_kind == "card" else None
    is_upi_id_known = value.payment_kind == "upi" and "@" in value.payment_details
    return OrderPayment(
        id=payment_record.saved_method if payment_record else None,
        type=value.payment_kind,
        card_number=card["number"] if card and card["number"] != "Card" else None,
        card_holder=card["holder"] if card else None,
        upi_id=value.payment_details if is_upi_id_known else None,
        bnpl_provider=value.lender or None,
        is_default=False,
    )


def _payment_state(value: OrderView, payment_record: PaymentRecord | None) -> PaymentState:
    """The payment status of the contract; cash on delivery succeeds when it is delivered, or its cash arrived."""
    if payment_record is None:
        return "PENDING"
    if payment_record.status is PaymentStatus.CAPTURED:
        return "SUCCESS"
    if payment_record.status is PaymentStatus.REFUNDED:
        return "REFUNDED"
    if payment_record.status in {PaymentStatus.DECLINED, PaymentStatus.VOIDED}:
        return "FAILED"
    is_collected = value.payment_kind == "cod" and value.delivered_at is not None
    return "SUCCESS" if is_collected else "PENDING"


def legacy_order(value: OrderView) -> LegacyOrder:
    """Present an order in the short form of the legacy services, with its status in upper case."""
    return LegacyOrder(
        id=value.id,
        order_id=value.id,
        db_id=value.row_id,
        status=status_word(value.status, value).upper(),
        total_amount=value.grand_total,
        total=value.grand_total,
        order_date=value.placed_at,
        date=value.placed_at,
    )


def checkout_result(value: OrderView, payment_record: PaymentRecord) -> CheckoutResult:
    """Present an order with its payment, as the legacy checkout answers."""
    return CheckoutResult(
        order=legacy_order(value),
        payment=CheckoutPayment(
            intent_id=f"pi_{payment_record.id.replace('-', '')}",
            payment_id=payment_record.id,
            status="pending" if value.payment_kind in _PAID_LATER else "confirmed",
        ),
        message="Order placed successfully!",
    )


def payment(value: OrderView, payment_record: PaymentRecord) -> Payment:
    """Present an order's payment. As in the legacy payment service, cash on delivery is a success from the start."""
    status: Literal["INITIATED", "SUCCESS", "FAILED", "PENDING"] = "SUCCESS"
    if payment_record.status in {PaymentStatus.DECLINED, PaymentStatus.VOIDED}:
        status = "FAILED"
    elif payment_record.status in {PaymentStatus.STARTED, PaymentStatus.ACTION_NEEDED}:
        status = "INITIATED"
    elif value.payment_kind == "bnpl":
        status = "PENDING"
    return Payment(
        id=payment_record.row_id,
        payment_id=payment_record.id,
        order_id=value.id,
        amount=payment_record.amount,
        payment_method=PaymentWord(value.payment_kind.upper()),
        status=status,
        payment_date=payment_record.created_at,
    )
