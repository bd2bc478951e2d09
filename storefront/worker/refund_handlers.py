"""What the worker does about refunds and returns: gives the money, fills the shelf, writes to the shopper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storefront.catalog import service as catalog
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.service import ReturnState
from storefront.payments import service as payments
from storefront.worker import order_emails

_SUBJECTS = {
    ReturnState.REQUESTED: "Your return from order {}",
    ReturnState.WITHDRAWN: "Your return from order {} is withdrawn",
    ReturnState.DECLINED: "About your return from order {}",
}


def refund_part(key: str, payload: Mapping[str, Any]) -> None:
    """Give back what a refund promised."""
    amount = Money(payload["amount"], payload["currency"])
    payments.refund_part(payload["checkout"], str(payload["refund"]), amount, f"refund of {payload['order']}")


def restock_part(key: str, payload: Mapping[str, Any]) -> None:
    """Put the units of a refund back on sale."""
    checkout = payload["checkout"]
    occasion = f"{checkout}/{payload['refund']}"
    catalog.restock_part(
        checkout, occasion, payload["units"], reason=payload["reason"], actor=payload["actor"] or "shop"
    )


def refund_cancelled(key: str, payload: Mapping[str, Any]) -> None:
    """Give the money of a cancelled order back, but for what was given back in part."""
    # A message of the time before there were parts names no amount: it is about all of it.
    left = Money(payload["amount"], payload["currency"]) if "amount" in payload else None
    payments.refund_remaining(payload["checkout"], "order cancelled", left)


def restock_cancelled(key: str, payload: Mapping[str, Any]) -> None:
    """Put the goods of a cancelled order back on sale, but for what was refunded in part."""
    checkout = payload["checkout"]
    if "units" in payload:
        catalog.restock_part(checkout, checkout, payload["units"], reason="cancellation", actor="shop")
    else:
        catalog.restock(checkout, reason="cancellation", actor="shop")


def send_refund(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer what goes back to them, how and when."""
    order, refund = orders.get_order(payload["order"]), orders.get_refund(payload["refund"])
    orders.issue_documents(order)
    order_emails.send(order, "refunded", f"Your refund for order {order.id}", key, refund=refund)


def send_return(key: str, payload: Mapping[str, Any]) -> None:
    """Tell the customer that their return was received, withdrawn or declined; of an approval the refund tells."""
    order, asked = orders.get_order(payload["order"]), orders.get_return(payload["return"])
    state = ReturnState(payload["state"])
    order_emails.send(order, "returned", _SUBJECTS[state].format(order.id), key, asked=asked, state=state)
