"""What passes through the checkout's door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from storefront.core.addresses import PostalAddress
from storefront.core.errors import DomainError, NotFoundError
from storefront.core.money import Money
from storefront.orders.service import OrderId
from storefront.payments.service import PaymentOption

CheckoutId = NewType("CheckoutId", str)

STALE_AFTER = timedelta(hours=1)  # four times as long as a customer or a silent provider is waited for


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


class UnknownCheckout(NotFoundError):
    """The visitor has no such checkout."""


class CheckoutBusy(DomainError):
    """Somebody else is walking this checkout at this moment."""


class TotalChanged(DomainError):
    """The cart is not as the shopper agreed to it.

    :ivar actual: today's total
    """

    def __init__(self, actual: Money) -> None:
        super().__init__(str(actual))
        self.actual = actual


class KeyReused(DomainError):
    """The idempotency key already stands for other goods, quantities or prices."""

    status = 422


@dataclass(frozen=True, slots=True)
class Shortage:
    """Goods of which fewer can be had than are wanted.

    :ivar left: units; 0 when sold out
    """

    name: str
    left: int


class CartNotOrderable(DomainError):
    """The cart is empty, or a line of it cannot be had as it stands.

    :ivar shortages: what cannot be had; none when the cart is empty
    """

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        super().__init__(", ".join(shortage.name for shortage in shortages))
        self.shortages = tuple(shortages)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(shortage.name for shortage in self.shortages)


class PaymentNotOffered(DomainError):
    """The shop takes no such payment without sending its customer elsewhere.

    :ivar kind: card, upi, cod or bnpl
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class DraftIncomplete(DomainError):
    """A step was skipped.

    :ivar step: the first one missing: contact, delivery or payment
    """

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


@dataclass(frozen=True, slots=True)
class Contact:
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class RequestedPayment:
    """How a client that sends an order in one request says it is to be paid (contract 2.2.8).

    :ivar kind: card, upi, cod or bnpl
    :ivar method: id of a saved way to pay, or a number the client made up
    :ivar card_number: None when not sent; blank, masked, or no more than the last digits
    """

    kind: str
    method: int | None = None
    card_number: str | None = None
    holder: str = ""
    upi_id: str = ""
    lender: str = ""


@dataclass(frozen=True, slots=True)
class DirectOrder:
    """An order as a client sends it in one request.

    :ivar wanted: units by product id, 1 or more; None is whatever lies in the shopper's cart
    :ivar payment: of `payments.promised_option`
    :ivar shown_total: what the client shows its user, None when it names no total
    :ivar key: the client's own name for this order; sent again, it is the same order
    """

    wanted: Mapping[int, int] | None
    contact: Contact
    address: PostalAddress
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
    address: PostalAddress | None
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
    :ivar detail: the provider's reason, or the names of what there is too little of
    :ivar shortages: the same goods, with what was left of them
    """

    id: CheckoutId
    state: CheckoutState
    order_id: OrderId | None
    action_url: str | None
    failure: Failure | None
    detail: str
    shortages: tuple[Shortage, ...] = ()


@dataclass(frozen=True, slots=True)
class UnfinishedCheckout:
    """An order that is being placed, as the staff see it.

    :ivar step: name of the one it is at, of `saga.STEPS`
    :ivar placed_at: when its customer pressed the button
    :ivar updated_at: when it last moved
    :ivar order_id: once there is one
    :ivar is_stuck: nothing has moved for so long that the doctor complains
    """

    id: CheckoutId
    state: CheckoutState
    step: str
    placed_at: datetime
    updated_at: datetime
    attempts: int
    last_error: str
    order_id: OrderId | None
    is_stuck: bool
