"""Letters to customers about their orders."""

from __future__ import annotations

from typing import Any

from flask import url_for

from storefront.orders.service import OrderView
from storefront.web.emails import send_email


def send(order: OrderView, template: str, subject: str, key: str, **context: Any) -> None:
    """Send a letter about an order to whoever placed it; who has an account by phone only looks there.

    :param template: its name below `orders/email`, which gets the order and where to see it, and `context`
    :param key: names the letter, so that it is known when it comes a second time
    """
    if not order.email:
        return
    send_email(
        f"orders/email/{template}",
        key=key,
        to=order.email,
        subject=subject,
        order=order,
        order_url=url_for("orders.order", order_id=order.id, _external=True),
        track_url=url_for("orders.track", number=order.id, _external=True),
        **context,
    )
