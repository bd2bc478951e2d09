"""E-mails to customers about their orders."""

from __future__ import annotations

from typing import Any

from flask import url_for

from storefront.orders.values import OrderView
from storefront.web.notifications import send_email


def send(order: OrderView, template: str, subject: str, key: str, **context: Any) -> None:
    """Send an e-mail about an order to its customer; nothing is sent to an account that has only a phone number.

    :param template: name below `orders/email`; it gets the order, its URLs and `context`
    :param key: idempotency key of the e-mail
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
