"""Payments of orders. An order's payment is made or agreed when it is placed; this reports it to the legacy client."""

from __future__ import annotations

from flask import current_app

from storefront.api.errors import ApiError, Detail, Refused
from storefront.api.guards import signed_in
from storefront.api.operations import operation
from storefront.api.orders import own_order
from storefront.api.presenters import orders as present
from storefront.api.schemas.payments import Payment, PaymentInput
from storefront.core.money import Money
from storefront.payments import service as payments


@operation(
    "POST /api/payments",
    "makePayment",
    tag="payments",
    access=signed_in,
    body=PaymentInput,
    response=Payment,
    errors=(404, 409),
)
def make_payment(body: PaymentInput) -> Payment:
    """Get the payment of an order. It charges nothing, and the named payment method is ignored."""
    order = own_order(body.order_id)
    if body.amount is not None and Money.of(body.amount, current_app.config["CURRENCY"]) != order.grand_total:
        message = f"The order comes to {order.grand_total.amount}"
        raise Refused(ApiError(409, "AMOUNT_MISMATCH", message, (Detail("amount", message),)))
    return present.payment(order, payments.records_of([order.checkout_id])[order.checkout_id])
