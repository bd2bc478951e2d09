"""What passes through the checkout's door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from storefront.errors import DomainError
from storefront.money import Money
from storefront.orders.service import DeliveryAddress, OrderId
from storefront.payments.service import PaymentOption

CheckoutId = NewType("CheckoutId", str)


class CheckoutState(StrEnum):
    """The life of a checkout: draft → running → completed; or failed, after everything was undone."""

    DRAFT = "draft"
    RUNNING = "running"
    WAITING = "waiting"  # the customer is with the payment provider
    UNDOING = "undoing"
    COMPLETED = "completed"
    FAILED = "failed"


class Failure(StrEnum):
    """Why a checkout failed; the words are the page's."""

    SOLD_OUT = "sold-out"
    DECLINED = "declined"
    UNAVAILABLE = "unavailable"


class UnknownCheckout(DomainError):
    """The visitor has no such checkout."""


class CheckoutBusy(DomainError):
    """Somebody else is walking this checkout at this moment."""


class TotalChanged(DomainError):
    """The cart is not as the shopper agreed to it. :ivar actual: today's total"""

    def __init__(self, actual: Money) -> None:
        super().__init__(str(actual))
        self.actual = actual


class KeyReused(DomainError):
    """The idempotency key already stands for other goods, quantities or prices."""

    status = 422


class CartNotOrderable(DomainError):
    """The cart is empty, or a line of it cannot be had as it stands. :ivar names: of what cannot be had"""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class DraftIncomplete(DomainError):
    """A step was skipped. :ivar step: the first one missing: contact, delivery or payment"""

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


@dataclass(frozen=True, slots=True)
class Contact:
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class DirectOrder:
    """An order as a client sends it in one request.

    :ivar wanted: units by product id, 1 to 99 each
    :ivar payment: of `payments.promised_option`
    :ivar shown_total: what the client shows its user, None when it names no total
    :ivar key: the client's own name for this order; sent again, it is the same order
    """

    wanted: Mapping[int, int]
    contact: Contact
    address: DeliveryAddress
    payment: PaymentOption
    shown_total: Money | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class CheckoutDraft:
    """What the shopper has entered so far.

    :ivar payment: code of a `PaymentOption`
    :ivar payment_entry: what it asks for beside it: a UPI id, or who lends
    """

    id: CheckoutId
    contact: Contact | None
    address: DeliveryAddress | None
    payment: str | None
    payment_entry: str = ""

    @property
    def missing_step(self) -> str | None:
        """The first step not filled in yet, None when the order can be reviewed."""
        steps = {"contact": self.contact, "delivery": self.address, "payment": self.payment}
        return next((name for name, value in steps.items() if value is None), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a checkout stands.

    :ivar order_id: once completed
    :ivar action_url: where the customer must confirm, while waiting
    :ivar failure: once failed
    :ivar detail: the provider's reason, or the names of what is sold out
    """

    id: CheckoutId
    state: CheckoutState
    order_id: OrderId | None
    action_url: str | None
    failure: Failure | None
    detail: str
