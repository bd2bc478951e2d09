"""Values and errors of the checkout's public functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from storefront.core.addresses import PostalAddress
from storefront.core.errors import DomainError, NotFoundError
from storefront.core.money import Money
from storefront.orders.values import OrderId
from storefront.payments.values import PaymentOption

CheckoutId = NewType("CheckoutId", str)

MAX_FINGERPRINT_LENGTH = 128  # characters of `Review.fingerprint`: 32, and 13 for each of its parts
STALE_AFTER = timedelta(hours=1)  # four times `saga.PAYMENT_TIMEOUT`


class CheckoutState(StrEnum):
    """States of a checkout: draft → running → completed, or undoing → failed."""

    DRAFT = "draft"
    RUNNING = "running"  # placed; its steps are being done, or wait for the next runner
    WAITING = "waiting"  # the customer must confirm the payment with its provider
    UNDOING = "undoing"  # it failed; its steps are being undone
    COMPLETED = "completed"
    FAILED = "failed"


class Failure(StrEnum):
    """Why a checkout failed."""

    SOLD_OUT = "sold-out"
    DECLINED = "declined"
    UNAVAILABLE = "unavailable"
    ALREADY_ORDERED = "already-ordered"  # another checkout took this content of the cart first
    REFUSED = "refused"  # by staff


class UnknownCheckout(NotFoundError):
    """The visitor has no such checkout."""


class NotHeld(DomainError):
    """The order of this checkout does not wait for staff, or somebody has decided it meanwhile."""


class CheckoutBusy(DomainError):
    """Another runner holds the lease of this checkout, or it has not ended yet."""


class TotalChanged(DomainError):
    """The goods cost more than the client showed its user.

    :ivar actual: the current total
    """

    def __init__(self, actual: Money) -> None:
        super().__init__(str(actual))
        self.actual = actual


class ReviewChanged(DomainError):
    """The order is no longer what the shopper reviewed, and agreed to.

    :ivar parts: what has changed, in words: "contact details", "delivery", "payment method", "products", "total"
    """

    def __init__(self, parts: Sequence[str]) -> None:
        super().__init__(", ".join(parts))
        self.parts = tuple(parts)


class KeyReused(DomainError):
    """The idempotency key was used for another order: other products, quantities, prices, address or payment.

    :ivar key: the key; of the pages, the checkout's id
    """

    status = 422

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Shortage:
    """A product of which fewer units are available than wanted.

    :ivar left: units; 0 when sold out
    """

    name: str
    left: int


class CartNotOrderable(DomainError):
    """The cart is empty, or a line of it is not available in its quantity.

    :ivar shortages: the lines that are not available; none when the cart is empty
    """

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        super().__init__(", ".join(shortage.name for shortage in shortages))
        self.shortages = tuple(shortages)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the products that are short."""
        return tuple(shortage.name for shortage in self.shortages)


class PaymentNotOffered(DomainError):
    """The shop does not offer this payment method, or not without a page where the customer confirms it.

    :ivar kind: card, upi, cod or bnpl
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class DraftIncomplete(DomainError):
    """A step of the form was skipped.

    :ivar step: the first missing one: contact, delivery or payment
    """

    def __init__(self, step: str) -> None:
        super().__init__(step)
        self.step = step


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach the customer."""

    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class RequestedPayment:
    """The payment method named by a client that orders in one request (contract 2.2.8).

    :ivar kind: card, upi, cod or bnpl
    :ivar method: id of a saved payment method, or a number the client made up
    :ivar card_number: None when not sent; empty, masked, or at most the last digits
    :ivar lender: who pays the shop, with `bnpl`
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

    :ivar wanted: units by product id, 1 or more; None orders the shopper's cart
    :ivar payment: as returned by `payments.offline_option`
    :ivar shown_total: the total the client shows its user; None when it names none
    :ivar key: the client's idempotency key; None when it sends none
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
    :ivar payment_entry: what that option asks for: a UPI id, or the lender
    :ivar saved_method: id of the account's saved payment method that they are from
    """

    id: CheckoutId
    contact: Contact | None
    address: PostalAddress | None
    payment: str | None
    payment_entry: str = ""
    saved_method: int | None = None

    @property
    def missing_step(self) -> str | None:
        """The first step that is not filled in; None when the order can be reviewed."""
        steps = {"contact": self.contact, "delivery": self.address, "payment": self.payment}
        return next((name for name, value in steps.items() if value is None), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state of a checkout, with what follows from it.

    :ivar order_id: None until completed
    :ivar action_url: where the customer must confirm the payment, while waiting
    :ivar failure: None unless failed
    :ivar detail: the provider's reason, or the names of products that are short
    :ivar shortages: those products, with the units left
    :ivar first: the checkout that took the cart's content first, if this one failed for that
    """

    id: CheckoutId
    state: CheckoutState
    order_id: OrderId | None
    action_url: str | None
    failure: Failure | None
    detail: str
    shortages: tuple[Shortage, ...] = ()
    first: str | None = None

    @property
    def is_unfinished(self) -> bool:
        """Whether its order is under way."""
        return self.state in {CheckoutState.RUNNING, CheckoutState.WAITING, CheckoutState.UNDOING}


class CartOrdered(DomainError):
    """The cart was ordered already, or is being ordered: in another tab, on another device, or by the API.

    :ivar first: the checkout that ordered it
    """

    def __init__(self, first: Outcome) -> None:
        super().__init__(first.id)
        self.first = first


@dataclass(frozen=True, slots=True)
class UnfinishedCheckout:
    """An order that is being placed, as staff see it.

    :ivar step: name of its current step in `saga_steps.STEPS`
    :ivar placed_at: when the customer placed the order
    :ivar updated_at: when its record was last written
    :ivar attempts: how often a runner took its lease
    :ivar order_id: None until the order exists
    :ivar is_stuck: not written for `STALE_AFTER`, which the doctor reports
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
