"""What the order desk says of steps that were taken, and of those that could not be."""

from __future__ import annotations

from storefront.orders.values import OrderStatus, StepNotAllowed

STATES = {
    OrderStatus.PENDING: "waiting for its payment",
    OrderStatus.CONFIRMED: "confirmed",
    OrderStatus.PROCESSING: "being packed",
    OrderStatus.SHIPPED: "on its way",
    OrderStatus.DELIVERED: "delivered",
    OrderStatus.CANCELLED: "cancelled",
}
MARKED = {
    OrderStatus.PROCESSING: "being packed",
    OrderStatus.SHIPPED: "sent",
    OrderStatus.DELIVERED: "delivered",
}


def done_words(status: OrderStatus) -> str:
    return f"Marked as {MARKED[status]}. The customer is written to."


def refusal_words(order_id: str, refusal: StepNotAllowed) -> str:
    """Names both states: where the order is, and where it was to go."""
    return f"{order_id} is {STATES[refusal.current]} and cannot be marked as {MARKED[refusal.wanted]}."
