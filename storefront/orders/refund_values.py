"""What passes through the orders' door about money and goods that go back, and what a part of an order is worth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from storefront.core.errors import DomainError, NotFoundError
from storefront.core.money import Money
from storefront.orders.values import LineItem, OrderId, OrderStatus, OrderView

RETURN_PERIOD = timedelta(days=14)  # Directive 2011/83/EU, art. 9
MAX_REASON_LENGTH = 200  # characters
MAX_NOTE_LENGTH = 500

ON_THE_WAY = frozenset({OrderStatus.SHIPPED, OrderStatus.DELIVERED})
REFUNDABLE = frozenset({OrderStatus.CONFIRMED, OrderStatus.PROCESSING}) | ON_THE_WAY


class ReturnState(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class ReturnReason(StrEnum):
    """Why goods come back. The law asks for none: `none` is a reason like the others."""

    NONE = "none"
    UNWANTED = "unwanted"
    UNSUITABLE = "unsuitable"
    DAMAGED = "damaged"
    WRONG = "wrong"


class NothingToRefund(DomainError):
    """A refund of no unit and of no money."""


class TooMuchBack(DomainError):
    """More units or more money than are left of an order.

    :ivar left: what could be given back at most
    """

    def __init__(self, left: Money) -> None:
        super().__init__(left)
        self.left = left


class NotRefundable(DomainError):
    """An order that was not paid for yet, or that was cancelled.

    :ivar current: where it is
    """

    def __init__(self, current: OrderStatus) -> None:
        super().__init__(current)
        self.current = current


class IdempotencyConflict(DomainError):
    """A form that was sent already was sent again with other contents: nothing was done."""


class NotReturnable(DomainError):
    """These units of an order cannot be sent back: not sent yet, too late, or on their way back already."""


class UnknownReturn(NotFoundError):
    """No return that the asker may see has this number."""


class ReturnDecided(DomainError):
    """A return is not open any more.

    :ivar state: what became of it
    """

    def __init__(self, state: ReturnState) -> None:
        super().__init__(state)
        self.state = state


def digest_of(*facts: object) -> str:
    """Stands for what a form said."""
    return hashlib.sha256("\n".join(map(repr, facts)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What somebody of the staff wants to give back.

    :ivar units: by id of the line item
    :ivar amount: None for what the units, and the delivery if it goes with them, are worth
    """

    units: Mapping[int, int]
    with_shipping: bool = False
    amount: Money | None = None
    reason: str = ""
    restock: bool = False

    @property
    def digest(self) -> str:
        facts = (sorted(self.units.items()), self.with_shipping, self.amount, self.reason, self.restock)
        return digest_of(*facts)


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """What of an order can still be given back, and what it is worth.

    The goods are worth what was paid for them: the subtotal with its tax and discount. That is spread over their units
    in the order of the lines, each unit beginning where the one before ended, rounded once: so whatever is given back
    in whatever order, all of it together is exactly what was paid.

    :ivar items: with the units refunded, or on their way back, so far
    :ivar refunded: money given back so far
    """

    status: OrderStatus
    items: tuple[LineItem, ...]
    subtotal: Money
    shipping: Money
    grand_total: Money
    refunded: Money
    is_shipping_refunded: bool

    @classmethod
    def of(cls, order: OrderView) -> RefundTerms:
        return cls(
            status=order.status,
            items=order.items,
            subtotal=order.subtotal,
            shipping=order.shipping,
            grand_total=order.grand_total,
            refunded=order.refunded,
            is_shipping_refunded=order.is_shipping_refunded,
        )

    @property
    def left(self) -> Money:
        """What was paid and not given back."""
        return self.grand_total - self.refunded

    @property
    def goods(self) -> Money:
        """What all units together are worth. A discount may be higher than what they cost."""
        return max(Money(0, self.grand_total.currency), self.grand_total - self.shipping)

    @property
    def shipping_left(self) -> Money:
        """What the delivery is worth, until it is given back."""
        nothing = Money(0, self.grand_total.currency)
        return nothing if self.is_shipping_refunded else min(self.shipping, self.grand_total)

    @property
    def can_be_refunded(self) -> bool:
        has_units = any(item.units_left for item in self.items)
        return self.status in REFUNDABLE and (bool(self.left) or has_units)

    def worth_of(self, units: Mapping[int, int], *, with_shipping: bool = False) -> Money:
        """What to give back for some units, never more than is left.

        :param units: by id of the line item
        :raise TooMuchBack: there are not so many left
        """
        unknown = units.keys() - {item.id for item in self.items}
        worth, before = self.shipping_left.minor if with_shipping else 0, 0
        for item in self.items:
            wanted = units.get(item.id or 0, 0)
            if unknown or not 0 <= wanted <= item.units_left:
                raise TooMuchBack(self.left)
            first = before + item.refunded * item.unit_price.minor
            worth += self._paid_until(first + wanted * item.unit_price.minor) - self._paid_until(first)
            before += item.line_total.minor
        return min(Money(worth, self.grand_total.currency), self.left)

    def worth_of_return(self, asked: ReturnView, *, with_shipping: bool = False) -> Money:
        """What to give back for a return that is open."""
        units = asked.units
        freed = tuple(replace(item, in_return=item.in_return - units.get(item.id or 0, 0)) for item in self.items)
        return replace(self, items=freed).worth_of(units, with_shipping=with_shipping)

    def _paid_until(self, price: int) -> int:
        """What was paid for the goods up to a point on the way from nothing to their subtotal, half up."""
        subtotal = self.subtotal.minor
        return (2 * self.goods.minor * price + subtotal) // (2 * subtotal) if subtotal else 0


@dataclass(frozen=True, slots=True)
class BackLine:
    """Units of a line item that were refunded, or come back."""

    item: LineItem
    quantity: int


@dataclass(frozen=True, slots=True)
class RefundView:
    """A refund of a part of an order.

    :ivar lowers_due: it was not paid yet: so much less is asked for
    :ivar returned: the number of the return that it follows from
    """

    id: int
    order_id: OrderId
    amount: Money
    lines: tuple[BackLine, ...]
    is_with_shipping: bool
    is_restocked: bool
    lowers_due: bool
    reason: str
    actor: str
    created_at: datetime
    returned: int | None


@dataclass(frozen=True, slots=True)
class ReturnView:
    """Goods that a shopper wants to send back, and what became of it.

    :ivar note: the shopper's words
    :ivar answer: the staff's, to the shopper
    :ivar refunded: what was given back for it
    """

    id: int
    order_id: OrderId
    state: ReturnState
    reason: ReturnReason
    note: str
    answer: str
    lines: tuple[BackLine, ...]
    requested_at: datetime
    decided_at: datetime | None
    refunded: Money | None = None

    @property
    def is_open(self) -> bool:
        return self.state is ReturnState.REQUESTED

    @property
    def units(self) -> dict[int, int]:
        """By id of the line item."""
        return {line.item.id or 0: line.quantity for line in self.lines}

    @property
    def unit_count(self) -> int:
        return sum(line.quantity for line in self.lines)


@dataclass(frozen=True, slots=True)
class ReturnEligibility:
    """Which units of an order may be sent back.

    :ivar until: the last day; None while the parcel is on its way
    """

    items: tuple[LineItem, ...]
    until: date | None
