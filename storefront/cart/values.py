"""Values and errors of the cart's public functions, and the shop's pricing function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from storefront.catalog.values import Offer, Sku
from storefront.core.errors import DomainError, NotFoundError
from storefront.core.money import Money

CartToken = NewType("CartToken", str)  # key of a cart: a guest's random token, or "account:" and the account's id
CartId = NewType("CartId", int)
LineId = NewType("LineId", int)

MAX_UNITS = 99  # of one SKU in one cart


class NotEnoughStock(DomainError):
    """A line would exceed the available stock.

    :ivar available: units, 0 or more
    """

    def __init__(self, available: int) -> None:
        super().__init__(f"only {available} available")
        self.available = available


class TooManyUnits(DomainError):
    """A line would exceed `MAX_UNITS`."""


class UnknownLine(NotFoundError):
    """The cart has no such line."""


class LineNotice(StrEnum):
    """What changed on a line since the shopper last changed it."""

    PRICE_ROSE = "price-rose"
    PRICE_FELL = "price-fell"
    SHORT = "short"  # fewer available than wanted
    SOLD_OUT = "sold-out"
    WITHDRAWN = "withdrawn"  # no longer sold


@dataclass(frozen=True, slots=True)
class PricingRules:
    """How shipping and tax are calculated.

    :ivar free_shipping_above: subtotals above it are delivered free
    :ivar tax_rate: of the subtotal, 0.18 is 18 %
    """

    shipping_fee: Money
    free_shipping_above: Money
    tax_rate: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """The figures of a cart; `grand_total` is exactly their sum.

    :ivar free_shipping_missing: what the subtotal lacks to `free_shipping_above`, None when delivery is free
    """

    subtotal: Money
    shipping: Money
    tax: Money
    discount: Money
    grand_total: Money
    free_shipping_missing: Money | None


def price(line_totals: Iterable[Money], rules: PricingRules) -> Price:
    """Calculate the price of lines; pages, API and orders all use this function.

    Shipping is free above the limit, not at it. Tax is on the subtotal, rounded once, half up. No lines cost nothing.
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
    """A line with its current offer.

    :ivar price_seen: the unit price when the shopper last changed the line
    """

    id: LineId
    offer: Offer
    quantity: int
    price_seen: Money

    @property
    def sku(self) -> Sku:
        """The SKU of its offer."""
        return self.offer.sku

    @property
    def line_total(self) -> Money:
        """Its units at the current price."""
        return self.offer.price * self.quantity

    @property
    def can_be_bought(self) -> bool:
        """Whether all its units are on sale and available."""
        return self.offer.is_sellable and self.offer.available >= self.quantity

    @property
    def notices(self) -> tuple[LineNotice, ...]:
        """What to tell the shopper about the line."""
        if not self.offer.is_sellable:
            return (LineNotice.WITHDRAWN,)
        notices = []
        if self.offer.available <= 0:
            notices.append(LineNotice.SOLD_OUT)
        elif self.offer.available < self.quantity:
            notices.append(LineNotice.SHORT)
        if self.offer.price > self.price_seen:
            notices.append(LineNotice.PRICE_ROSE)
        elif self.offer.price < self.price_seen:
            notices.append(LineNotice.PRICE_FELL)
        return tuple(notices)


@dataclass(frozen=True, slots=True)
class CartRecord:
    """A cart without its lines.

    :ivar content_id: names what it holds until an order takes it
    :ivar cleared_for: the checkout that took goods from it last
    """

    id: CartId
    updated_at: datetime
    content_id: str
    cleared_for: str | None


@dataclass(frozen=True, slots=True)
class MergedLine:
    """A line that got fewer units than wanted, when carts were merged or an order was reordered.

    :ivar wanted: units of both carts together, or of the order
    :ivar kept: units it got; when carts are merged a sold-out line keeps one, with a notice
    """

    title: str
    wanted: int
    kept: int


@dataclass(frozen=True, slots=True)
class Merge:
    """The result of merging carts.

    :ivar shortened: lines with fewer units than both carts had together
    """

    shortened: tuple[MergedLine, ...]


@dataclass(frozen=True, slots=True)
class ReorderResult:
    """The result of reordering.

    :ivar added: units that were added to the cart
    :ivar missing: items of which fewer units were added than ordered
    """

    added: int
    missing: tuple[MergedLine, ...]


@dataclass(frozen=True, slots=True)
class CartQuote:
    """A cart at current prices.

    :ivar price: of all lines but those sold out or withdrawn
    :ivar content_id: names this content of the cart until an order takes it; empty for lines of no cart
    """

    lines: tuple[CartLine, ...]
    price: Price
    content_id: str = ""

    @property
    def unit_count(self) -> int:
        """Units of all lines."""
        return sum(line.quantity for line in self.lines)

    @property
    def can_be_ordered(self) -> bool:
        """Whether it has lines, and all of them can be bought."""
        return bool(self.lines) and all(line.can_be_bought for line in self.lines)
