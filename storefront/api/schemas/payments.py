"""Payments of orders."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from storefront.api.schemas import (
    MAX_ORDER_ID,
    ClientAmount,
    Id,
    Incoming,
    Instant,
    MoneyAmount,
    Outgoing,
    required_text,
)


class PaymentWord(StrEnum):
    """Payment methods by the legacy payment service's names."""

    CARD = "CARD"
    WALLET = "WALLET"
    BNPL = "BNPL"
    COD = "COD"
    UPI = "UPI"


class PaymentInput(Incoming):
    """The order whose payment is requested."""

    order_id: Annotated[str, required_text(MAX_ORDER_ID)]
    amount: Annotated[ClientAmount, Field(description="If present, it must equal the order's total")] = None
    payment_method: PaymentWord


class Payment(Outgoing):
    id: Id
    payment_id: str
    order_id: str
    amount: MoneyAmount
    payment_method: PaymentWord
    status: Literal["INITIATED", "SUCCESS", "FAILED", "PENDING"]
    payment_date: Instant
