"""What passes through the cart's door, and the one pricing function of the shop."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from storefront.catalog.service import Offer, Sku
from storefront.core.errors import DomainError, NotFoundError
from storefront.core.money import Money

CartToken = NewType("CartToken", str)  # whose cart it is: a guest's random token, or an account
CartId = NewType("CartId", int)
LineId = NewType("LineId", int)

MAX_UNITS = 99  # of one SKU in one cart


class NotEnoughStock(DomainError):
    """A line would hold more than is available.

    :ivar available: units that can be had, 0 or more
    """

    def __init__(self, available: int) -> None:
        super().__init__(f"only {available} available")
        self.available = available


class TooManyUnits(DomainError):
    """A line would hold more than `MAX_UNITS`."""


class UnknownLine(NotFoundError):
    """The cart has no such line."""


class LineNotice(StrEnum):
    """What changed on a line since the shopper put it there."""

    PRICE_ROSE = "price-rose"
    PRICE_FELL = "price-fell"
    SHORT = "short"  # fewer available than wanted
    SOLD_OUT = "sold-out"
    WITHDRAWN = "withdrawn"  # no longer sold


@dataclass(frozen=True, slots=True)
class PricingRules:
    """:ivar tax_rate: of the subtotal, 0.18 is 18 %"""

    shipping_fee: Money
    free_shipping_above: Money
    tax_rate: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """The figures of a cart or an order; `grand_total` is exactly the sum of the others.

    :ivar free_shipping_missing: what the subtotal lacks for free delivery, None when it is free
    """

    subtotal: Money
    shipping: Money
    tax: Money
    discount: Money
    grand_total: Money
    free_shipping_missing: Money | None


def price(line_totals: Iterable[Money], rules: PricingRules) -> Price:
    """The price of some lines, for pages, API and orders alike.

    Shipping is free above the limit, not at it; tax is on the subtotal, rounded once, half up. No lines cost nothing.
    """
    currency = rules.shipping_fee.currency
    totals = list(line_totals)
    subtotal = sum(totals, Money(0, currency))
    nothing = Money(0, currency)
    is_free = not totals or subtotal > rules.free_shipping_above
    shipping = nothing if is_free else rules.shipping_fee
    tax = subtotal.times_rate(rules.tax_rate)
    return Price(
        subtotal=subtotal,
        shipping=shipping,
        tax=tax,
        discount=nothing,
        grand_total=subtotal + shipping + tax,
        free_shipping_missing=None if is_free else rules.free_shipping_above - subtotal,
    )


@dataclass(frozen=True, slots=True)
class CartLine:
    """A line as it stands now, at today's price.

    :ivar price_seen: the unit price when the shopper last touched the line
    """

    id: LineId
    offer: Offer
    quantity: int
    price_seen: Money

    @property
    def sku(self) -> Sku:
        return self.offer.sku

    @property
    def line_total(self) -> Money:
        return self.offer.price * self.quantity

    @property
    def can_be_bought(self) -> bool:
        return self.offer.is_sellable and self.offer.available >= self.quantity

    @property
    def notices(self) -> tuple[LineNotice, ...]:
        if not self.offer.is_sellable:
            return (LineNotice.WITHDRAWN,)
        found = []
        if self.offer.available <= 0:
            found.append(LineNotice.SOLD_OUT)
        elif self.offer.available < self.quantity:
            found.append(LineNotice.SHORT)
        if self.offer.price > self.price_seen:
            found.append(LineNotice.PRICE_ROSE)
        elif self.offer.price < self.price_seen:
            found.append(LineNotice.PRICE_FELL)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class CartRecord:
    """A cart as a record, whatever lies in it."""

    id: CartId
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class MergedLine:
    """What became of a guest's line when its cart was merged into an account's and not all of it had room.

    :ivar wanted: units both carts held together
    :ivar kept: units the line holds now; what is sold out keeps its line, which says so
    """

    title: str
    wanted: int
    kept: int


@dataclass(frozen=True, slots=True)
class Merge:
    """:ivar shortened: lines that hold fewer units than both carts wanted"""

    shortened: tuple[MergedLine, ...]


@dataclass(frozen=True, slots=True)
class ReorderResult:
    """What became of the goods of an order that were wanted again.

    :ivar added: units that went into the cart
    :ivar missing: goods of which fewer could be had than were ordered; `kept` is how many went in
    """

    added: int
    missing: tuple[MergedLine, ...]


@dataclass(frozen=True, slots=True)
class CartQuote:
    """A cart with today's prices.

    :ivar price: of every line but those sold out or withdrawn
    """

    lines: tuple[CartLine, ...]
    price: Price

    @property
    def unit_count(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def fingerprint(self) -> str:
        """Stands for exactly these goods, quantities and prices: what a shopper agrees to."""
        facts = [(line.sku, line.quantity, line.offer.price.minor) for line in self.lines]
        return hashlib.sha256(repr((facts, self.price.grand_total)).encode()).hexdigest()[:32]

    @property
    def can_be_ordered(self) -> bool:
        """There is something in it, and all of it can be had."""
        return bool(self.lines) and all(line.can_be_bought for line in self.lines)
