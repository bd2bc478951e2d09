"""Payments of orders."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from storefront.api.schemas import MAX_ORDER_ID, Cash, Figure, Id, Incoming, Instant, Outgoing, line


class PaymentWord(StrEnum):
    """Ways to pay as the old payment service called them."""

    CARD = "CARD"
    WALLET = "WALLET"
    BNPL = "BNPL"
    COD = "COD"
    UPI = "UPI"


class PaymentInput(Incoming):
    """An order that is to be paid."""

    order_id: Annotated[str, line(MAX_ORDER_ID)]
    amount: Annotated[Figure, Field(description="If given, the total of the order")] = None
    payment_method: PaymentWord


class Payment(Outgoing):
    id: Id
    payment_id: str
    order_id: str
    amount: Cash
    payment_method: PaymentWord
    status: Literal["INITIATED", "SUCCESS", "FAILED", "PENDING"]
    payment_date: Instant
