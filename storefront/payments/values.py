"""Values and errors of the payments' public functions."""

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
    """The status of a payment."""

    STARTED = "started"  # the provider is being asked, or did not respond
    ACTION_NEEDED = "action-needed"  # the customer must confirm with the provider
    AUTHORISED = "authorised"
    DUE = "due"  # collected outside the shop: on delivery, or by a lender
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"
    REFUNDED = "refunded"


class PaymentDeclined(DomainError):
    """The provider declined the payment.

    :ivar reason: for the shopper
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CustomerActionNeeded(DomainError):
    """The customer must confirm the payment on a page of the provider.

    :ivar url: of that page
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class ProviderTimeout(DomainError):
    """The provider did not respond: the result is unknown. Repeat the request under the same key."""


class PaymentUnavailable(DomainError):
    """The provider of a payment option does not answer at the moment: no payment may be begun with it.

    :ivar label: name of the option, such as "Card"
    """

    status = 503

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label


class UnknownPayment(NotFoundError):
    """No payment has this reference."""


class RefundRefused(DomainError):
    """A refund that is not possible: more than is left of the payment, or its provider does not have the money."""


class InvalidSignature(DomainError):
    """A webhook that the provider did not sign, or signed too long ago."""

    status = 400


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A provider's event about a charge. It is only a hint: the charge's status is then requested from the provider.

    :ivar id: the provider's id; a repeated delivery has the same
    :ivar kind: the provider's name of the event type
    """

    provider: str
    id: str
    kind: str
    checkout: str


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """A payment as the shop recorded it.

    :ivar row_id: of its row
    :ivar saved_method: id of the account's saved payment method that it was made with
    """

    id: PaymentId
    row_id: int
    status: PaymentStatus
    amount: Money
    created_at: datetime
    saved_method: int | None = None


@dataclass(frozen=True, slots=True)
class PaymentOption:
    """A payment option that the shop offers.

    :ivar code: its form value
    :ivar label: its name ("Cash on delivery")
    :ivar hint: one line on what happens
    :ivar kind: as in orders of the old system: `cod`, `card`, `upi`, `bnpl`
    :ivar details: as shown with an order ("**** **** **** 4242")
    :ivar lender: who pays the shop, with `bnpl`
    :ivar saved: id of the account's saved payment method that was chosen
    """

    code: str
    label: str
    hint: str
    kind: str
    details: str
    lender: str = ""
    saved: int | None = None

    def with_entry(self, entry: str) -> PaymentOption | None:
        """Add what the shopper entered for this option; None when it does not accept that.

        A UPI id saved with an account is masked already: only that form is stored.
        """
        if self.kind == "upi" and is_masked_upi_id(entry):
            return replace(self, details=entry)
        if self.kind == "upi":
            return replace(self, details=masked_upi_id(entry)) if is_upi_id(entry) else None
        if self.kind == "bnpl":
            return replace(self, details=f"{self.details} - {entry}", lender=entry) if entry in BNPL_PROVIDERS else None
        return self
