"""Outbox handlers for refunds and returns: pay out, restock, send e-mails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storefront.catalog import inventory
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.refund_values import ReturnState
from storefront.payments import service as payments
from storefront.worker import order_emails

_SUBJECTS = {
    ReturnState.REQUESTED: "Your return from order {}",
    ReturnState.WITHDRAWN: "Your return from order {} was withdrawn",
    ReturnState.DECLINED: "About your return from order {}",
}


def refund_part(key: str, payload: Mapping[str, Any]) -> None:
    """Pay out a refund."""
    amount = Money(payload["amount"], payload["currency"])
    payments.refund_part(payload["checkout"], str(payload["refund"]), amount, f"refund of {payload['order']}")


def restock_part(key: str, payload: Mapping[str, Any]) -> None:
    """Restock the units of a refund."""
    checkout = payload["checkout"]
    occasion = f"{checkout}/{payload['refund']}"
    inventory.restock_part(
        checkout, occasion, payload["units"], reason=payload["reason"], actor=payload["actor"] or "shop"
    )


def refund_cancelled(key: str, payload: Mapping[str, Any]) -> None:
    """Refund an order that was called off, less earlier partial refunds."""
    # Messages from before there were partial refunds have no amount: they refund everything.
    remaining = Money(payload["amount"], payload["currency"]) if "amount" in payload else None
    payments.refund_remaining(payload["checkout"], "order called off", remaining)


def settle_cash(key: str, payload: Mapping[str, Any]) -> None:
    """Mark the payment of an order as paid, whose cash staff received."""
    payments.settle_due(payload["checkout"])


def restock_cancelled(key: str, payload: Mapping[str, Any]) -> None:
    """Restock the units of an order that was called off, less those of earlier partial refunds."""
    checkout = payload["checkout"]
    if "units" in payload:
        reason = payload.get("reason", "cancellation")  # messages from before parcels came back have none
        inventory.restock_part(checkout, checkout, payload["units"], reason=reason, actor="shop")
    else:
        inventory.restock(checkout, reason="cancellation", actor="shop")


def send_refund(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer about a refund: its amount, how and when it is paid."""
    order, refund = orders.get_order(payload["order"]), orders.get_refund(payload["refund"])
    orders.issue_documents(order)
    order_emails.send(order, "refunded", f"Your refund for order {order.id}", key, by_staff=True, refund=refund)


def send_return(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that a return was requested, withdrawn or declined; an approval is announced by its refund."""
    order, returned = orders.get_order(payload["order"]), orders.get_return(payload["return"])
    state = ReturnState(payload["state"])
    subject, by_staff = _SUBJECTS[state].format(order.id), state is ReturnState.DECLINED
    order_emails.send(order, "returned", subject, key, by_staff=by_staff, asked=returned, state=state)
