"""Values and errors of the orders' public functions."""

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
    """Whether a text from a URL or a form has the form of an order number."""
    return _NUMBER.fullmatch(text) is not None


class OrderStatus(StrEnum):
    """The status of an order."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    UNDELIVERED = "undelivered"  # the parcel came back: refused at the door, or nobody was there
    REFUNDED = "refunded"  # all its units were refunded


OPEN = (OrderStatus.PENDING, OrderStatus.CONFIRMED, OrderStatus.PROCESSING, OrderStatus.SHIPPED)
UNDELIVERED_NOTE = "Came back undelivered"  # in the timeline, unless staff give a reason
# Closed without a sale: what was left of the payment goes back, or is not collected.
CALLED_OFF = frozenset({OrderStatus.CANCELLED, OrderStatus.UNDELIVERED})

# The statuses that may follow each status.
NEXT_STEPS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING: frozenset({OrderStatus.CONFIRMED, OrderStatus.CANCELLED}),
    OrderStatus.CONFIRMED: frozenset({OrderStatus.PROCESSING, OrderStatus.CANCELLED, OrderStatus.REFUNDED}),
    OrderStatus.PROCESSING: frozenset({OrderStatus.SHIPPED, OrderStatus.CANCELLED, OrderStatus.REFUNDED}),
    OrderStatus.SHIPPED: frozenset({OrderStatus.DELIVERED, OrderStatus.UNDELIVERED, OrderStatus.REFUNDED}),
    OrderStatus.DELIVERED: frozenset({OrderStatus.REFUNDED}),
    OrderStatus.CANCELLED: frozenset(),
    OrderStatus.UNDELIVERED: frozenset(),
    OrderStatus.REFUNDED: frozenset(),
}


# Where the courier may have collected the cash of an order. What is left after the refund of all units counts, too.
CASH_COLLECTED = frozenset({OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.REFUNDED})

HELD_TOPIC = "order-held"  # of the timeline entry that says that staff check an order before it is confirmed


def is_cash_due(payment_kind: str, status: OrderStatus, cash_received_at: datetime | None) -> bool:
    """Whether the courier has still to collect the money of an order.

    :param cash_received_at: when staff noted the cash; a customer has paid once the order is delivered, noted or not
    """
    return payment_kind == "cod" and status in OPEN and cash_received_at is None


class UnknownOrder(NotFoundError):
    """There is no order with this number that the caller may see."""


class StepNotAllowed(DomainError):
    """An order cannot change from its status to another.

    :ivar current: its status
    :ivar wanted: the status asked for
    """

    def __init__(self, current: OrderStatus, wanted: OrderStatus) -> None:
        super().__init__(f"{current} to {wanted}")
        self.current = current
        self.wanted = wanted


class WithdrawalOpen(DomainError):
    """An order must not be shipped in passing: staff have to decide first about its customer's withdrawal."""


class CashNotExpected(DomainError):
    """No cash is to be received for an order: it is not paid on delivery, not shipped yet, closed, or costs nothing.

    :ivar current: its status
    """

    def __init__(self, current: OrderStatus) -> None:
        super().__init__(current)
        self.current = current


class TooLateToChange(DomainError):
    """An order cannot be changed any more: it is being packed, shipped, delivered or cancelled.

    :ivar current: its status
    """

    def __init__(self, current: OrderStatus) -> None:
        super().__init__(current)
        self.current = current


@dataclass(frozen=True, slots=True)
class LineItem:
    """A line item of an order, as it was when it was bought.

    :ivar picture: source of its image, empty for none
    :ivar hue: of its placeholder tile, in degrees
    :ivar id: of its row; None before the order is created
    :ivar refunded: units that were refunded
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
        """Units that were not refunded: what the parcel contains."""
        return self.quantity - self.refunded

    @property
    def units_left(self) -> int:
        """Units that can still be refunded or returned."""
        return self.quantity - self.refunded - self.in_return


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """Everything that `create_order` stores; later changes of the catalogue do not affect it.

    :ivar customer_id: None for a guest
    :ivar payment_provider: the lender, with `bnpl`
    """

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
    """An entry of an order's timeline.

    :ivar by: who did it, as the shopper reads it
    :ivar tracking_number: empty for none
    :ivar carrier: empty for none
    :ivar topic: of the e-mail about it; empty for none
    """

    status: OrderStatus
    at: datetime
    by: str
    note: str
    tracking_number: str
    carrier: str = ""
    topic: str = ""

    @property
    def tracking_url(self) -> str:
        """URL of the carrier's tracking page; empty for none."""
        return tracking_url(self.carrier, self.tracking_number)


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with its items and timeline, as pages, e-mails and the API show it.

    :ivar row_id: of its row; the API of the old system returns it beside the number
    :ivar checkout_id: the checkout that placed it, which also identifies its payment
    :ivar customer_id: the account it belongs to, None for a guest
    :ivar lender: who pays the shop, with `bnpl`
    :ivar timeline: oldest first
    :ivar refunded: by partial refunds; what a cancellation refunds is not included
    :ivar invoice_number: empty until its invoice is issued, or when the query did not ask for it
    :ivar cash_received_at: when staff noted that the cash collected on delivery arrived; None until then
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
    cash_received_at: datetime | None = None

    @property
    def kept(self) -> Money:
        """The total less partial refunds."""
        return self.grand_total - self.refunded

    @property
    def final_total(self) -> Money:
        """The total less all refunds: nothing for an order that was called off."""
        return Money(0, self.kept.currency) if self.is_called_off else self.kept

    @property
    def is_open(self) -> bool:
        """Whether it is still to be confirmed, packed, shipped or delivered."""
        return self.status in OPEN

    @property
    def is_called_off(self) -> bool:
        """Whether it was cancelled or came back undelivered."""
        return self.status in CALLED_OFF

    @property
    def called_off_at(self) -> datetime | None:
        """When it was cancelled or came back; None if it was neither."""
        return next((event.at for event in self.timeline if event.status in CALLED_OFF), None)

    @property
    def called_off_note(self) -> str:
        """Why it came back, as staff noted it; empty for the standard note."""
        notes = [event.note for event in self.timeline if event.status is OrderStatus.UNDELIVERED]
        return notes[0] if notes and notes[0] != UNDELIVERED_NOTE else ""

    @property
    def owes_nothing(self) -> bool:
        """Whether its customer paid nothing that could be refunded: to be collected on delivery, or by a lender."""
        return self.payment_kind == "bnpl" or (self.payment_kind == "cod" and self.cash_received_at is None)

    @property
    def delivered_at(self) -> datetime | None:
        """When it was delivered; None before, and for an imported order whose steps are unknown."""
        return next((event.at for event in self.timeline if event.status is OrderStatus.DELIVERED), None)

    @property
    def is_cash_due(self) -> bool:
        """Whether the courier has still to collect its money."""
        return is_cash_due(self.payment_kind, self.status, self.cash_received_at)

    @property
    def awaits_cash(self) -> bool:
        """Whether staff can note that the cash collected on delivery arrived."""
        is_open = self.cash_received_at is None and self.status in CASH_COLLECTED
        return self.payment_kind == "cod" and is_open and bool(self.kept)

    @property
    def units_in_return(self) -> int:
        """Units that the customer withdrew from and staff have not decided about."""
        return sum(item.in_return for item in self.items)

    @property
    def unit_count(self) -> int:
        """Units bought, refunded ones included."""
        return sum(item.quantity for item in self.items)

    @property
    def items_kept(self) -> tuple[LineItem, ...]:
        """Items of which some units were not refunded."""
        return tuple(item for item in self.items if item.units_kept)

    @property
    def tracking_number(self) -> str:
        """The latest tracking number; empty for none."""
        return next((event.tracking_number for event in reversed(self.timeline) if event.tracking_number), "")

    @property
    def carrier(self) -> str:
        """The latest carrier; empty for none."""
        return next((event.carrier for event in reversed(self.timeline) if event.carrier), "")

    @property
    def tracking_url(self) -> str:
        """URL of the carrier's tracking page; empty for none."""
        return tracking_url(self.carrier, self.tracking_number)

    @property
    def is_held(self) -> bool:
        """Whether staff must release it before it is confirmed."""
        return self.status is OrderStatus.PENDING and any(event.topic == HELD_TOPIC for event in self.timeline)

    @property
    def is_to_pack(self) -> bool:
        """Whether it is confirmed, not shipped yet, and not refunded completely."""
        return self.status in {OrderStatus.CONFIRMED, OrderStatus.PROCESSING} and bool(self.items_kept)

    @property
    def can_be_cancelled(self) -> bool:
        """Whether its customer may cancel it; staff may also while it is being packed."""
        return self.status is OrderStatus.CONFIRMED

    @property
    def confirmed_at(self) -> datetime | None:
        """When it was confirmed; from then on it has an invoice, even if it is cancelled later."""
        return next((event.at for event in self.timeline if event.status is OrderStatus.CONFIRMED), None)

    @property
    def next_step(self) -> OrderStatus | None:
        """The status that follows unless it is cancelled; None for a final one."""
        usual = [OrderStatus.CONFIRMED, OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED]
        return next((step for step in usual if step in NEXT_STEPS[self.status]), None)


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order in a list.

    :ivar customer_id: the account it belongs to, None for a guest
    :ivar line_count: number of its line items
    :ivar unit_count: units of all of them
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

    :ivar count: orders on all pages
    :ivar page: from 1
    """

    orders: tuple[OrderSummary, ...]
    count: int
    page: int
    page_count: int
