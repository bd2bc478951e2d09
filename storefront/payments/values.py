"""What passes through the payments' door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType

from storefront.core.errors import DomainError, NotFoundError
from storefront.core.money import Money
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_masked_upi_id, is_upi_id, masked_upi_id

PaymentId = NewType("PaymentId", str)


class PaymentStatus(StrEnum):
    """authorise, capture, void, refund are the words; `due` is a payment collected on delivery."""

    STARTED = "started"  # the provider is being asked, or has not answered
    ACTION_NEEDED = "action-needed"  # the customer must confirm with the provider
    AUTHORISED = "authorised"
    DUE = "due"
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"
    REFUNDED = "refunded"


class PaymentDeclined(DomainError):
    """The provider said no.

    :ivar reason: in plain words, for the shopper
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CustomerActionNeeded(DomainError):
    """The customer must go to `url` and come back."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class ProviderTimeout(DomainError):
    """The provider did not answer: nobody knows yet whether the money is held. Ask again under the same key."""


class UnknownPayment(NotFoundError):
    """No payment has this reference."""


class RefundRefused(DomainError):
    """Money that cannot go back: more than is left of a payment, or its provider does not have it."""


class InvalidSignature(DomainError):
    """A message in a provider's name that the provider did not sign, or signed too long ago."""

    status = 400


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What a provider told us unasked. Only that there is news: what is true is asked.

    :ivar id: the provider's; a message that comes again has the same
    :ivar kind: the provider's word for what happened
    """

    provider: str
    id: str
    kind: str
    checkout: str


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """A payment as the shop's books have it.

    :ivar row_id: of its row
    """

    id: PaymentId
    row_id: int
    status: PaymentStatus
    amount: Money
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentOption:
    """A way to pay that the shop offers.

    :ivar code: what the form sends
    :ivar label: names it ("Cash on delivery")
    :ivar hint: one line on what happens
    :ivar kind: as the old system's orders have it: `cod`, `card`, `upi`, `bnpl`
    :ivar details: as an order shows it ("**** **** **** 4242")
    :ivar lender: who pays first, with `bnpl`
    """

    code: str
    label: str
    hint: str
    kind: str
    details: str
    lender: str = ""

    def with_entry(self, entry: str) -> PaymentOption | None:
        """As chosen, with what the shopper entered beside it; None when that is not what it asks for.

        A UPI id that an account keeps comes masked: more of it is not known.
        """
        if self.kind == "upi" and is_masked_upi_id(entry):
            return replace(self, details=entry)
        if self.kind == "upi":
            return replace(self, details=masked_upi_id(entry)) if is_upi_id(entry) else None
        if self.kind == "bnpl":
            return replace(self, details=f"{self.details} - {entry}", lender=entry) if entry in BNPL_PROVIDERS else None
        return self
