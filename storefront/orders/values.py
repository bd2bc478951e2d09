"""What passes through the orders' door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from storefront.errors import DomainError
from storefront.money import Money

OrderId = NewType("OrderId", str)


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


class UnknownOrder(DomainError):
    """No order that the asker may see has this number."""


class StepNotAllowed(DomainError):
    """An order cannot go from where it is to there."""

    def __init__(self, current: OrderStatus, wanted: OrderStatus) -> None:
        super().__init__(f"{current} to {wanted}")
        self.current = current
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class DeliveryAddress:
    """Where an order goes."""

    full_name: str
    phone: str
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class LineItem:
    """What was bought, as it was then."""

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


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """Everything `create_order` writes down; nothing of it changes when the catalogue does."""

    customer_id: int | None
    email: str
    phone: str
    address: DeliveryAddress
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
    """One entry of the timeline. :ivar by: who did it, as a shopper may read it"""

    status: OrderStatus
    at: datetime
    by: str
    note: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as its page, its mail and its tracking show it.

    :ivar customer_id: the account it belongs to, None for a guest's
    :ivar timeline: oldest first
    """

    id: OrderId
    customer_id: int | None
    status: OrderStatus
    placed_at: datetime
    estimated_on: date
    email: str
    phone: str
    address: DeliveryAddress
    items: tuple[LineItem, ...]
    subtotal: Money
    shipping: Money
    tax: Money
    discount: Money
    grand_total: Money
    payment_kind: str
    payment_details: str
    timeline: tuple[TrackingEvent, ...]

    @property
    def unit_count(self) -> int:
        return sum(item.quantity for item in self.items)

    @property
    def can_be_cancelled(self) -> bool:
        """By its customer; staff may do so a little longer."""
        return self.status is OrderStatus.CONFIRMED

    @property
    def next_step(self) -> OrderStatus | None:
        """The step that comes next when all goes well."""
        happy = [OrderStatus.CONFIRMED, OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED]
        return next((step for step in happy if step in NEXT_STEPS[self.status]), None)


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """A row of a list of orders."""

    id: OrderId
    status: OrderStatus
    placed_at: datetime
    grand_total: Money
    unit_count: int
    first_item: str
