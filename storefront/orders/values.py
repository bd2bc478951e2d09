"""What passes through the orders' door."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from storefront.core.addresses import PostalAddress
from storefront.core.errors import DomainError, NotFoundError
from storefront.core.money import Money
from storefront.orders.carriers import tracking_url

OrderId = NewType("OrderId", str)

MAX_ORDER_ID_LENGTH = 50  # characters; contract/openapi.yaml orderId
_NUMBER = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_ORDER_ID_LENGTH - 1}}}")


def is_order_id(text: str) -> bool:
    """Whether an order can have this number, which addresses and forms carry."""
    return _NUMBER.fullmatch(text) is not None


class OrderStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


NEXT_STEPS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.CONFIRMED, OrderStatus.CANCELLED}),
    OrderStatus.CONFIRMED: frozenset({OrderStatus.PROCESSING, OrderStatus.CANCELLED}),
    OrderStatus.PROCESSING: frozenset({OrderStatus.SHIPPED, OrderStatus.CANCELLED}),
    OrderStatus.SHIPPED: frozenset({OrderStatus.DELIVERED}),
    OrderStatus.DELIVERED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}


class UnknownOrder(NotFoundError):
    """No order that the asker may see has this number."""


class StepNotAllowed(DomainError):
    """An order cannot go from where it is to there."""

    def __init__(self, current: OrderStatus, wanted: OrderStatus) -> None:
        super().__init__(f"{current} to {wanted}")
        self.current = current
        self.wanted = wanted


class TooLateToChange(DomainError):
    """An order is too far on its way, or cancelled.

    :ivar current: where it is
    """

    def __init__(self, current: OrderStatus) -> None:
        super().__init__(current)
        self.current = current


@dataclass(frozen=True, slots=True)
class LineItem:
    """What was bought, as it was then.

    :ivar id: of its row, once the order is written down
    :ivar refunded: units whose money was given back
    :ivar in_return: units in a return that is not decided yet
    """

    product_id: int
    slug: str
    sku: str
    name: str
    option: str
    picture: str
    hue: int
    unit_price: Money
    quantity: int
    line_total: Money
    id: int | None = field(default=None, compare=False)
    refunded: int = field(default=0, compare=False)
    in_return: int = field(default=0, compare=False)

    @property
    def units_kept(self) -> int:
        """Units that were bought and not refunded: what a parcel holds."""
        return self.quantity - self.refunded

    @property
    def units_left(self) -> int:
        """Units that can still be refunded, or sent back."""
        return self.quantity - self.refunded - self.in_return


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """Everything `create_order` writes down; nothing of it changes when the catalogue does."""

    customer_id: int | None
    email: str
    phone: str
    address: PostalAddress
    items: tuple[LineItem, ...]
    subtotal: Money
    shipping: Money
    tax: Money
    discount: Money
    grand_total: Money
    payment_kind: str
    payment_details: str
    payment_provider: str


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """One entry of the timeline.

    :ivar by: who did it, as a shopper may read it
    :ivar carrier: who brings the parcel
    """

    status: OrderStatus
    at: datetime
    by: str
    note: str
    tracking_number: str
    carrier: str = ""

    @property
    def tracking_url(self) -> str:
        """The carrier's page about the parcel; empty where it has none that a number leads to."""
        return tracking_url(self.carrier, self.tracking_number)


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as its page, its mail and its tracking show it.

    :ivar row_id: of its row, which the old system's answers show beside its number
    :ivar checkout_id: the checkout that placed it, by which its payment is known
    :ivar customer_id: the account it belongs to, None for a guest's
    :ivar lender: who pays first, with `bnpl`
    :ivar timeline: oldest first
    :ivar refunded: given back of it in part; what a cancellation gives back comes on top
    :ivar invoice_number: empty until its invoice is issued; asked for one order, and for a file of many
    """

    id: OrderId
    row_id: int
    checkout_id: str
    customer_id: int | None
    status: OrderStatus
    placed_at: datetime
    estimated_on: date
    email: str
    phone: str
    address: PostalAddress
    items: tuple[LineItem, ...]
    subtotal: Money
    shipping: Money
    tax: Money
    discount: Money
    grand_total: Money
    payment_kind: str
    payment_details: str
    lender: str
    timeline: tuple[TrackingEvent, ...]
    refunded: Money
    is_shipping_refunded: bool = False
    invoice_number: str = ""

    @property
    def kept(self) -> Money:
        """What was paid, or is to be, less what was given back of it in part."""
        return self.grand_total - self.refunded

    @property
    def final_total(self) -> Money:
        """What was paid, or is to be, less everything that was given back."""
        return Money(0, self.kept.currency) if self.status is OrderStatus.CANCELLED else self.kept

    @property
    def unit_count(self) -> int:
        return sum(item.quantity for item in self.items)

    @property
    def items_kept(self) -> tuple[LineItem, ...]:
        """What was bought and not refunded to the last unit."""
        return tuple(item for item in self.items if item.units_kept)

    @property
    def tracking_number(self) -> str:
        """The courier's, the last one that was noted; empty until there is one."""
        return next((event.tracking_number for event in reversed(self.timeline) if event.tracking_number), "")

    @property
    def carrier(self) -> str:
        """Who brings it, the last one that was named; empty until there is one."""
        return next((event.carrier for event in reversed(self.timeline) if event.carrier), "")

    @property
    def tracking_url(self) -> str:
        """The carrier's page about the parcel; empty where there is none."""
        return tracking_url(self.carrier, self.tracking_number)

    @property
    def is_to_pack(self) -> bool:
        """Whether its money is safe, it has not left, and something of it was not refunded."""
        return self.status in {OrderStatus.CONFIRMED, OrderStatus.PROCESSING} and bool(self.items_kept)

    @property
    def can_be_cancelled(self) -> bool:
        """By its customer; staff may do so a little longer."""
        return self.status is OrderStatus.CONFIRMED

    @property
    def confirmed_at(self) -> datetime | None:
        """When it became certain; from then on it has an invoice, also if it is cancelled later."""
        return next((event.at for event in self.timeline if event.status is OrderStatus.CONFIRMED), None)

    @property
    def next_step(self) -> OrderStatus | None:
        """The step that comes next when all goes well."""
        happy = [OrderStatus.CONFIRMED, OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED]
        return next((step for step in happy if step in NEXT_STEPS[self.status]), None)


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """A row of a list of orders.

    :ivar customer_id: the account it belongs to, None for a guest's
    :ivar line_count: of how many line items
    :ivar first_item: the name of one of them
    """

    id: OrderId
    customer_id: int | None
    status: OrderStatus
    placed_at: datetime
    grand_total: Money
    line_count: int
    unit_count: int
    first_item: str


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of an account's orders.

    :ivar count: of all that match
    :ivar page: from 1
    """

    orders: tuple[OrderSummary, ...]
    count: int
    page: int
    page_count: int
