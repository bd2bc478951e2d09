"""E-mails to customers about their orders."""

from __future__ import annotations

from typing import Any

from flask import url_for

from storefront.accounts import service as accounts
from storefront.accounts.values import MailKind
from storefront.orders.values import OrderView
from storefront.web.notifications import send_email


def send(order: OrderView, template: str, subject: str, key: str, *, by_staff: bool, **context: Any) -> None:
    """Send an e-mail about an order to its customer; nothing is sent to an account that has only a phone number.

    :param template: name below `orders/email`; it gets the order, its URLs and `context`
    :param by_staff: whether only staff can cause it; what customers can cause is bounded
    :param key: idempotency key of the e-mail
    """
    if not order.email:
        return
    send_email(
        f"orders/email/{template}",
        kind=MailKind.BY_STAFF if by_staff else _kind_of(order),
        key=key,
        to=order.email,
        subject=subject,
        order=order,
        order_url=url_for("orders.order", order_id=order.id, _external=True),
        track_url=url_for("orders.track", number=order.id, _external=True),
        **context,
    )


def _kind_of(order: OrderView) -> MailKind:
    is_own = order.customer_id is not None and accounts.has_proved(order.customer_id, order.email)
    return MailKind.OWN_ORDER if is_own else MailKind.ORDER
