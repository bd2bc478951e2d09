"""Converts status and payment method of old orders."""

from __future__ import annotations

import re

from storefront.core.payment_instruments import BNPL_PROVIDERS, is_masked_upi_id, is_upi_id, masked_upi_id
from storefront.legacy_import.source import Row
from storefront.legacy_import.values import Notes, UnusableValue, safe, text
from storefront.orders.values import OrderStatus

CANCELLED = frozenset({OrderStatus.CANCELLED})
MAX_HOLDER_LENGTH = 120  # characters

# PLACED and PENDING are confirmed: here, pending means that the checkout is still running.
_STATUSES = {
    "PLACED": OrderStatus.CONFIRMED,
    "PENDING": OrderStatus.CONFIRMED,
    "CREATED": OrderStatus.CONFIRMED,
    "PAID": OrderStatus.CONFIRMED,
    "CONFIRMED": OrderStatus.CONFIRMED,
    "PROCESSING": OrderStatus.PROCESSING,
    "PACKED": OrderStatus.PROCESSING,
    "SHIPPED": OrderStatus.SHIPPED,
    "IN_TRANSIT": OrderStatus.SHIPPED,
    "OUT_FOR_DELIVERY": OrderStatus.SHIPPED,
    "DELIVERED": OrderStatus.DELIVERED,
    "COMPLETED": OrderStatus.DELIVERED,
    "CANCELLED": OrderStatus.CANCELLED,
    "CANCELED": OrderStatus.CANCELLED,
    "FAILED": OrderStatus.CANCELLED,
    "RETURNED": OrderStatus.CANCELLED,
    "REFUNDED": OrderStatus.CANCELLED,
}
_KINDS = {
    "CARD": "card",
    "CREDIT_CARD": "card",
    "DEBIT_CARD": "card",
    "CREDIT": "card",
    "DEBIT": "card",
    "VISA": "card",
    "MASTERCARD": "card",
    "AMEX": "card",
    "UPI": "upi",
    "COD": "cod",
    "CASH": "cod",
    "CASH_ON_DELIVERY": "cod",
    "BNPL": "bnpl",
    "PAY_LATER": "bnpl",
    "BUY_NOW_PAY_LATER": "bnpl",
}
_DIGITS = re.compile("[0-9]+")


def status_of(row: Row, paid: Row | None) -> tuple[OrderStatus, str]:
    """The status of an order, and the note in its timeline.

    :param paid: its payment in the old system
    :raise UnusableValue: the status is unknown
    """
    old_status = _normalized(row.get("status")) or "PLACED"
    status = _STATUSES.get(old_status)
    if status is None:
        raise UnusableValue(f"its status {old_status[:40]} is unknown")
    failed = paid is not None and _normalized(paid.get("status")) in {"FAILED", "DECLINED"}
    if failed and status is OrderStatus.CONFIRMED:
        return OrderStatus.CANCELLED, "Its payment failed in the old shop"
    return status, f"Imported from the old shop with status {old_status.lower().replace('_', ' ')}"


def payment_of(row: Row, notes: Notes) -> tuple[str, str, str]:
    """The kind of payment, its masked details and the pay-later provider; of card numbers four digits are kept."""
    method, details = _normalized(row.get("payment_kind")), text(row.get("payment_details"))
    kind = _KINDS.get(method, "card")
    if method not in _KINDS:
        notes.append(f"its payment method is {method[:20] or 'missing'}: imported as card")
    if safe(details) != details:
        notes.append("it contained a whole card number: the last four digits are kept")
    if kind == "cod":
        return kind, "Cash on Delivery", ""
    if kind == "upi":
        return kind, _upi(details), ""
    if kind == "bnpl":
        wanted = (text(row.get("lender")) or details.rpartition("-")[2]).strip().casefold()
        lender = next((lender for lender in BNPL_PROVIDERS if lender.casefold() == wanted), "")
        return kind, f"Buy Now Pay Later - {lender}" if lender else "Buy Now Pay Later", lender
    return kind, _card(details), ""


def _normalized(value: object) -> str:
    return text(value).upper().replace(" ", "_").replace("-", "_")


def _upi(details: str) -> str:
    if is_upi_id(details):
        return masked_upi_id(details)
    return details if is_masked_upi_id(details) else "UPI"


def _card(details: str) -> str:
    number, _, holder = details.partition(" - ")
    digits = "".join(_DIGITS.findall(number))
    shown = f"**** **** **** {digits[-4:]}" if len(digits) >= 4 else "Card"
    name = "" if _DIGITS.search(holder) else holder.strip()[:MAX_HOLDER_LENGTH]
    return f"{shown} - {name}" if name else shown
