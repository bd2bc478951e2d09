"""Shipped orders, refunds and returns, created through the services."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flask import current_app

from storefront.catalog.values import ProductCard
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.refund_values import RefundRequest, ReturnReason
from storefront.orders.values import OrderStatus, OrderView
from storefront.worker import tasks
from tests.factories.shopping import make_order

STEPS = (OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED)


def make_order_at(
    status: OrderStatus, *goods: tuple[ProductCard, int], payment: str = "sandbox-success", **more: Any
) -> OrderView:
    """Create an order with this status."""
    order = make_order(*goods, payment=payment, **more)
    for step in STEPS[: STEPS.index(status) + 1] if status in STEPS else ():
        orders.advance(order.id, step, by="the shop")
    return orders.get_order(order.id)


def new_key() -> str:
    return secrets.token_hex(16)


def units_of(order: OrderView, count: int) -> dict[int, int]:
    """Quantity by item id: a number of units of the order's first item."""
    return {order.items[0].id or 0: count}


def refund(
    order: OrderView,
    count: int = 0,
    *,
    key: str = "",
    amount: Money | None = None,
    restock: bool = False,
    with_shipping: bool = False,
    reason: str = "",
) -> int:
    """Refund units of an order's first item.

    :param count: units; 0 for a refund without units
    :param key: idempotency key, a new one by default
    :return: number of the refund
    """
    units = units_of(order, count) if count else {}
    request = RefundRequest(units, with_shipping, amount, reason, restock)
    return orders.refund(order.id, request, key=key or new_key(), actor="meera@example.com")


def ask_return(order: OrderView, count: int = 1, *, key: str = "", note: str = "") -> int:
    """Request the return of units of an order's first item.

    :param key: idempotency key, a new one by default
    :return: number of the return
    """
    units: Mapping[int, int] = units_of(order, count)
    return orders.request_return(order.id, units, reason=ReturnReason.UNWANTED, note=note, key=key or new_key())


def deliver() -> None:
    """Deliver all outboxes, as the worker does."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        tasks.deliver_outboxes()
