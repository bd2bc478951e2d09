"""Texts about status changes of orders, done and refused."""

from __future__ import annotations

from storefront.orders.values import OrderStatus, StepNotAllowed

STATUS_TEXTS = {
    OrderStatus.PENDING: "waiting for payment",
    OrderStatus.CONFIRMED: "confirmed",
    OrderStatus.PROCESSING: "being packed",
    OrderStatus.SHIPPED: "on its way",
    OrderStatus.DELIVERED: "delivered",
    OrderStatus.CANCELLED: "cancelled",
}
MARKED_AS = {
    OrderStatus.PROCESSING: "being packed",
    OrderStatus.SHIPPED: "shipped",
    OrderStatus.DELIVERED: "delivered",
}


def done_text(status: OrderStatus) -> str:
    """Confirm a status change."""
    return f"Marked as {MARKED_AS[status]}. The customer gets an e-mail."


def refusal_text(order_id: str, refusal: StepNotAllowed) -> str:
    """Explain a refused status change, with the present and the requested status."""
    return f"{order_id} is {STATUS_TEXTS[refusal.current]} and cannot be marked as {MARKED_AS[refusal.wanted]}."
