"""Orders and their payments as the contract's sections 2.2.7 and 2.2.9 have them."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any, Literal

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
    TrackedOrder,
)
from storefront.api.schemas.payments import Payment, PaymentWord
from storefront.orders.service import LineItem, OrderStatus, OrderView
from storefront.payments.service import PaymentRecord, PaymentStatus
from storefront.web.layout import picture_url

_CARD = re.compile(r"(?P<number>\*{4} \*{4} \*{4} [0-9]{4}|Card)(?: - (?P<holder>.*))?", re.DOTALL)
_PROMISED = frozenset({"cod", "bnpl"})  # what is collected later, or by somebody else

PaidWord = Literal["SUCCESS", "PENDING", "FAILED", "REFUNDED"]


def order(value: OrderView, paid: PaymentRecord | None) -> Order:
    return Order(**_members(value, paid))


def tracked(value: OrderView, paid: PaymentRecord | None) -> TrackedOrder:
    """With its history: a status that was noted several times stands there once, from its first moment on."""
    runs = (list(run) for _, run in groupby(value.timeline, key=lambda event: event.status))
    history = [StatusChange(status=run[0].status, at=run[0].at) for run in runs]
    return TrackedOrder(**_members(value, paid), status_history=history)


def _members(value: OrderView, paid: PaymentRecord | None) -> dict[str, Any]:
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
        "status": value.status,
        "items": [_item(item) for item in value.items],
        "subtotal": value.subtotal,
        "shipping": value.shipping,
        "tax": value.tax,
        "discount": value.discount,
        "total": value.grand_total,
        "total_amount": value.grand_total,
        "currency": value.grand_total.currency,
        "shipping_address": _address(value),
        "payment_method": _method(value),
        "payment_status": _paid(value, paid),
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
        product_image=_picture(item.picture),
        quantity=item.quantity,
        price=item.unit_price,
        total=item.line_total,
    )


def _picture(source: str) -> str:
    """A whole address, as everywhere in the API."""
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


def _method(value: OrderView) -> OrderPayment:
    card = _CARD.fullmatch(value.payment_details) if value.payment_kind == "card" else None
    is_upi_id_known = value.payment_kind == "upi" and "@" in value.payment_details
    return OrderPayment(
        id=None,
        type=value.payment_kind,
        card_number=card["number"] if card and card["number"] != "Card" else None,
        card_holder=card["holder"] if card else None,
        upi_id=value.payment_details if is_upi_id_known else None,
        bnpl_provider=value.lender or None,
        is_default=False,
    )


def _paid(value: OrderView, paid: PaymentRecord | None) -> PaidWord:
    """What is collected on delivery is paid once it is delivered."""
    if paid is None:
        return "PENDING"
    if paid.status is PaymentStatus.CAPTURED:
        return "SUCCESS"
    if paid.status is PaymentStatus.REFUNDED:
        return "REFUNDED"
    if paid.status in {PaymentStatus.DECLINED, PaymentStatus.VOIDED}:
        return "FAILED"
    is_collected = value.payment_kind == "cod" and value.status is OrderStatus.DELIVERED
    return "SUCCESS" if is_collected else "PENDING"


def legacy_order(value: OrderView) -> LegacyOrder:
    return LegacyOrder(
        id=value.id,
        order_id=value.id,
        db_id=value.row_id,
        status=value.status.upper(),
        total_amount=value.grand_total,
        total=value.grand_total,
        order_date=value.placed_at,
        date=value.placed_at,
    )


def checkout_result(value: OrderView, paid: PaymentRecord) -> CheckoutResult:
    return CheckoutResult(
        order=legacy_order(value),
        payment=CheckoutPayment(
            intent_id=f"pi_{paid.id.replace('-', '')}",
            payment_id=paid.id,
            status="pending" if value.payment_kind in _PROMISED else "confirmed",
        ),
        message="Order placed successfully!",
    )


def payment(value: OrderView, paid: PaymentRecord) -> Payment:
    """To the old payment service cash on delivery was a success as soon as it was accepted."""
    word: Literal["INITIATED", "SUCCESS", "FAILED", "PENDING"] = "SUCCESS"
    if paid.status in {PaymentStatus.DECLINED, PaymentStatus.VOIDED}:
        word = "FAILED"
    elif paid.status in {PaymentStatus.STARTED, PaymentStatus.ACTION_NEEDED}:
        word = "INITIATED"
    elif value.payment_kind == "bnpl":
        word = "PENDING"
    return Payment(
        id=paid.row_id,
        payment_id=paid.id,
        order_id=value.id,
        amount=paid.amount,
        payment_method=PaymentWord(value.payment_kind.upper()),
        status=word,
        payment_date=paid.created_at,
    )
