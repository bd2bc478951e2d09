"""Texts about status changes of orders, done and refused."""

from __future__ import annotations

from storefront.orders.refund_values import TooLittleBack
from storefront.orders.values import OrderStatus, StepNotAllowed
from storefront.web.filters import money

STATUS_TEXTS = {
    OrderStatus.PENDING: "waiting for payment",
    OrderStatus.CONFIRMED: "confirmed",
    OrderStatus.PROCESSING: "being packed",
    OrderStatus.SHIPPED: "on its way",
    OrderStatus.DELIVERED: "delivered",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.UNDELIVERED: "closed: it came back undelivered",
    OrderStatus.REFUNDED: "closed: all of it was refunded",
}
MARKED_AS = {
    OrderStatus.PROCESSING: "being packed",
    OrderStatus.SHIPPED: "shipped",
    OrderStatus.DELIVERED: "delivered",
}


CASH_NOTED = "Cash received noted"
WITHDRAWAL_OPEN = "The customer withdrew from a part of {}. Decide about the return first."


def no_cash_text(order_id: str, current: OrderStatus) -> str:
    """Explain why no cash can be noted for an order."""
    return f"{order_id} is {STATUS_TEXTS[current]}: there is no cash to receive."


def too_little_text(refusal: TooLittleBack) -> str:
    """Explain why less than all that is left cannot be refunded."""
    return (
        f"with all units refunded the courier collects nothing. Leave the amount empty, or enter {money(refusal.left)}."
    )


def done_text(status: OrderStatus) -> str:
    """Confirm a status change."""
    return f"Marked as {MARKED_AS[status]}. The customer gets an e-mail."


def refusal_text(order_id: str, refusal: StepNotAllowed) -> str:
    """Explain a refused status change, with the present and the requested status."""
    return f"{order_id} is {STATUS_TEXTS[refusal.current]} and cannot be marked as {MARKED_AS[refusal.wanted]}."
