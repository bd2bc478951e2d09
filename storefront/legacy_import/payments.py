"""Converts status and payment method of old orders."""

from __future__ import annotations

import re
from datetime import date

from storefront.core.clock import today
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_masked_upi_id, is_upi_id, masked_upi_id
from storefront.legacy_import.source import Row
from storefront.legacy_import.values import Notes, safe, text
from storefront.orders.values import OrderStatus

CANCELLED = frozenset({OrderStatus.CANCELLED})
MAX_HOLDER_LENGTH = 120  # characters
MAX_STATUS_LENGTH = 40  # characters shown of a status

# Those of the old services, and those of WooCommerce, Magento, OpenCart, PrestaShop, BigCommerce and Shopify.
# PLACED and PENDING are confirmed: here, pending means that the checkout is still running.
_STATUSES = {
    OrderStatus.CONFIRMED: """
        PLACED PENDING NEW OPEN CREATED RECEIVED ACCEPTED APPROVED PAID AUTHORIZED CONFIRMED
        PENDING_PAYMENT AWAITING_PAYMENT PAYMENT_REVIEW PAYMENT_ACCEPTED AWAITING_FULFILLMENT UNFULFILLED ON_HOLD
        ONHOLD HOLDED BACKORDER BACKORDERED ON_BACKORDER MANUAL_VERIFICATION_REQUIRED
    """,
    OrderStatus.PROCESSING: """
        PROCESSING PROCESSED PREPARING PREPARATION_IN_PROGRESS PROCESSING_IN_PROGRESS PACKING PACKED READY READY_TO_SHIP
        AWAITING_SHIPMENT AWAITING_PICKUP PARTIALLY_FULFILLED
    """,
    OrderStatus.SHIPPED: """
        SHIPPED PARTIALLY_SHIPPED DISPATCHED SENT IN_TRANSIT OUT_FOR_DELIVERY FULFILLED
    """,
    OrderStatus.DELIVERED: """
        DELIVERED COMPLETE COMPLETED CLOSED DONE FINISHED PICKED_UP PARTIALLY_REFUNDED PARTIAL_REFUND
        PARTIALLY_RETURNED DISPUTED CHARGEBACK
    """,
    OrderStatus.CANCELLED: """
        CANCELLED CANCELED CANCELED_REVERSAL FAILED DECLINED DENIED REJECTED VOIDED VOID EXPIRED FRAUD PAYMENT_ERROR
        RETURNED REFUNDED REVERSED TRASH
    """,
}
_STATUS_OF = {name: status for status, names in _STATUSES.items() for name in names.split()}
_LESS_HERE = frozenset({"PARTIALLY_REFUNDED", "PARTIAL_REFUND", "PARTIALLY_RETURNED"})
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


def status_of(row: Row, paid: Row | None, estimated_on: date, notes: Notes) -> tuple[OrderStatus, str]:
    """The status of an order, and the note in its timeline.

    A status that nobody here knows counts as delivered once the day of delivery is over, and as confirmed before:
    so no old order is packed again or cancelled, and none that is open is forgotten.

    :param paid: its payment in the old system
    """
    old_status = _normalized(row.get("status")) or "PLACED"
    words = old_status.lower().replace("_", " ")[:MAX_STATUS_LENGTH]
    status = _STATUS_OF.get(old_status)
    if status is None:
        status = OrderStatus.DELIVERED if estimated_on < today() else OrderStatus.CONFIRMED
        notes.append(f"its status {words!r} is unknown: imported as {status}")
    elif old_status in _LESS_HERE:
        notes.append(f"its status is {words!r}: imported as {status} with all units, the refund is not known here")
    failed = paid is not None and _normalized(paid.get("status")) in {"FAILED", "DECLINED"}
    if failed and status is OrderStatus.CONFIRMED:
        return OrderStatus.CANCELLED, "Its payment failed in the old shop"
    return status, f"Imported from the old shop with status {words}"


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
    return re.sub(r"[^\w]+", "_", text(value).upper()).strip("_").removeprefix("WC_")  # "wc-on-hold" in WooCommerce


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
