"""The e-mail that tells the admins of a disabled webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import url_for

from storefront.accounts import service as accounts
from storefront.accounts.values import MailKind, Role
from storefront.web.notifications import send_email
from storefront.webhooks import service as webhooks
from storefront.webhooks.values import EndpointState, UnknownEndpoint


def send_disabled(key: str, payload: Mapping[str, Any]) -> None:
    """Tell every admin that the shop disabled an endpoint, unless it was resumed or deleted meanwhile."""
    try:
        endpoint = webhooks.get_endpoint(payload["endpoint"])
    except UnknownEndpoint:
        return
    if endpoint.state is not EndpointState.DISABLED:
        return
    for member in accounts.staff_members():
        if member.role is Role.ADMIN and member.email:
            send_email(
                "staff/email/webhook_disabled",
                kind=MailKind.BY_STAFF,
                key=f"{key}/{member.id}",
                to=member.email,
                subject=f"The webhook to {endpoint.host} was disabled",
                heading=f"The webhook to {endpoint.host} was disabled",
                endpoint=endpoint,
                endpoint_url=url_for("staff.webhook", endpoint_id=endpoint.id, _external=True),
            )
