"""Values and errors of refunds and returns, and the calculation of what a part of an order is worth."""

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
# The customer may withdraw from the contract: from its conclusion, not only from the delivery on (art. 9).
WITHDRAWABLE = frozenset({OrderStatus.CONFIRMED, OrderStatus.PROCESSING}) | ON_THE_WAY
REFUNDABLE = WITHDRAWABLE | {OrderStatus.REFUNDED}  # of the last, money that is left after all units were refunded


class ReturnState(StrEnum):
    """The state of a return; all but `requested` are final."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class ReturnReason(StrEnum):
    """Why units are returned. The law requires no reason, so `none` is one of them."""

    NONE = "none"
    UNWANTED = "unwanted"
    UNSUITABLE = "unsuitable"
    DAMAGED = "damaged"
    WRONG = "wrong"


class NothingToRefund(DomainError):
    """A refund of no units and no money."""


class TooMuchBack(DomainError):
    """More units or more money than are left of an order.

    :ivar left: the largest amount that can be refunded
    """

    def __init__(self, left: Money) -> None:
        super().__init__(left)
        self.left = left


class AmountNotShown(DomainError):
    """The refund comes to another amount than the one that was confirmed: nothing was done.

    :ivar amount: what the refund comes to now
    """

    def __init__(self, amount: Money) -> None:
        super().__init__(amount)
        self.amount = amount


class TooLittleBack(DomainError):
    """An amount below what is left, for all units of an order whose cash is not collected yet: nothing will be.

    :ivar left: the amount that is not collected
    """

    def __init__(self, left: Money) -> None:
        super().__init__(left)
        self.left = left


class NotRefundable(DomainError):
    """An order that is not confirmed yet, cancelled, or came back undelivered.

    :ivar current: its status
    """

    def __init__(self, current: OrderStatus) -> None:
        super().__init__(current)
        self.current = current


class IdempotencyConflict(DomainError):
    """A form's idempotency key was used before with other contents: nothing was done."""


class NotReturnable(DomainError):
    """These units cannot be returned: the order is not confirmed or is closed, too late, or in another return."""


class UnknownReturn(NotFoundError):
    """There is no return with this number that the caller may see."""


class ReturnDecided(DomainError):
    """A return is not open any more.

    :ivar state: its final state
    """

    def __init__(self, state: ReturnState) -> None:
        super().__init__(state)
        self.state = state


def digest_of(*facts: object) -> str:
    """Digest of a form's contents, to tell a repeat from another request."""
    return hashlib.sha256("\n".join(map(repr, facts)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A partial refund as requested by staff.

    :ivar units: by id of the line item
    :ivar with_shipping: whether the delivery is refunded too
    :ivar amount: None for what the units and the delivery are worth
    :ivar restock: whether the units are available for sale again
    :ivar shown: the amount that staff saw and confirmed; None for a caller who shows none
    """

    units: Mapping[int, int]
    with_shipping: bool = False
    amount: Money | None = None
    reason: str = ""
    restock: bool = False
    shown: Money | None = None

    @property
    def digest(self) -> str:
        """Digest of all fields but `shown`, which changes nothing."""
        facts = (sorted(self.units.items()), self.with_shipping, self.amount, self.reason, self.restock)
        return digest_of(*facts)


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """What can still be refunded of an order, and what its units are worth.

    The units are worth what was paid for them: the subtotal with tax and discount. That amount is spread over them in
    the order of the lines by cumulative rounding: a unit is worth the rounded share up to its end less the rounded
    share up to its start. So refunds of all units, in any grouping, add up to exactly what was paid.

    :ivar items: with the units that are refunded or in a return
    :ivar refunded: by earlier refunds
    :ivar is_cash_due: the courier has still to collect the money
    """

    status: OrderStatus
    items: tuple[LineItem, ...]
    subtotal: Money
    shipping: Money
    grand_total: Money
    refunded: Money
    is_shipping_refunded: bool
    is_cash_due: bool = False

    @classmethod
    def of(cls, order: OrderView) -> RefundTerms:
        """The terms of an order as it is now."""
        return cls(
            status=order.status,
            items=order.items,
            subtotal=order.subtotal,
            shipping=order.shipping,
            grand_total=order.grand_total,
            refunded=order.refunded,
            is_shipping_refunded=order.is_shipping_refunded,
            is_cash_due=order.is_cash_due,
        )

    @property
    def left(self) -> Money:
        """What was paid and not refunded."""
        return self.grand_total - self.refunded

    @property
    def goods(self) -> Money:
        """What all units together are worth: at least nothing, as a discount may be higher than their price."""
        return max(Money(0, self.grand_total.currency), self.grand_total - self.shipping)

    @property
    def shipping_left(self) -> Money:
        """What the delivery is worth; nothing once it was refunded."""
        nothing = Money(0, self.grand_total.currency)
        return nothing if self.is_shipping_refunded else min(self.shipping, self.grand_total)

    @property
    def can_be_refunded(self) -> bool:
        """Whether its status allows refunds, and money or units are left."""
        has_units = any(item.units_left for item in self.items)
        return self.status in REFUNDABLE and (bool(self.left) or has_units)

    def closes(self, units: Mapping[int, int]) -> bool:
        """Whether no unit of the order is left after a refund of units; the order is closed by it.

        :param units: by id of the line item
        """
        left = sum(item.quantity - item.refunded for item in self.items)
        return left > 0 and left == sum(units.values())

    def is_shipping_due(self, units: Mapping[int, int]) -> bool:
        """Whether a withdrawal from units refunds the delivery, too (art. 13): whoever keeps nothing pays nothing.

        :param units: by id of the line item
        """
        return bool(self.shipping_left) and self.closes(units)

    def worth_of(self, units: Mapping[int, int], *, with_shipping: bool = False) -> Money:
        """What a refund of units comes to, at most what is left.

        Where it closes an order whose cash is not collected yet, that is all that is left: nothing will be collected.

        :param units: by id of the line item
        :param with_shipping: whether the delivery is refunded too
        :raise TooMuchBack: fewer units are left
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
        if self.is_cash_due and self.closes(units):
            return self.left
        return min(Money(worth, self.grand_total.currency), self.left)

    def amount_of(self, request: RefundRequest) -> Money:
        """What a refund comes to: the custom amount, or what its units and the delivery are worth.

        :raise NotRefundable: the order is not confirmed yet, or cancelled
        :raise NothingToRefund: neither units nor money were named
        :raise TooMuchBack: fewer units, or less money, are left
        :raise TooLittleBack: it closes an order whose cash is not collected yet, and names less than what is left
        """
        if self.status not in REFUNDABLE:
            raise NotRefundable(self.status)
        units = {item: count for item, count in request.units.items() if count}
        worth = self.worth_of(units, with_shipping=request.with_shipping)
        amount = worth if request.amount is None else request.amount
        if amount.minor < 0 or amount > self.left:
            raise TooMuchBack(self.left)
        if self.is_cash_due and self.closes(units) and amount < self.left:
            raise TooLittleBack(self.left)
        if not amount and not units:
            raise NothingToRefund
        return amount

    def worth_of_return(
        self, view: ReturnView, *, with_shipping: bool | None = None, amount: Money | None = None
    ) -> Money:
        """What a refund for an open return comes to, at most what is left.

        :param with_shipping: None for what the law says, see `is_shipping_due`
        :param amount: a custom amount
        :raise TooMuchBack: less than the custom amount is left
        :raise TooLittleBack: see `amount_of`
        """
        units = view.units
        with_shipping = self.is_shipping_due(units) if with_shipping is None else with_shipping
        items = tuple(replace(item, in_return=item.in_return - units.get(item.id or 0, 0)) for item in self.items)
        return replace(self, items=items).amount_of(RefundRequest(units, with_shipping, amount))

    def _paid_until(self, price: int) -> int:
        """What was paid for the units up to a running total of their prices, rounded half up.

        :param price: running total, 0 to the subtotal, in minor units
        """
        subtotal = self.subtotal.minor
        return (2 * self.goods.minor * price + subtotal) // (2 * subtotal) if subtotal else 0


@dataclass(frozen=True, slots=True)
class BackLine:
    """Units of a line item in a refund or a return."""

    item: LineItem
    quantity: int


@dataclass(frozen=True, slots=True)
class RefundView:
    """A partial refund of an order.

    :ivar is_with_shipping: whether the delivery was refunded too
    :ivar lowers_due: the order was not paid yet: the amount due is reduced instead
    :ivar actor: the staff member who made it
    :ivar returned: the number of the return it was made for, None for none
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
    """A return of units, and its outcome.

    :ivar note: the shopper's comment
    :ivar answer: why staff declined it, for the shopper
    :ivar decided_at: None while it is open
    :ivar refunded: what was refunded for it, None unless approved
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
        """Whether it is not decided yet."""
        return self.state is ReturnState.REQUESTED

    @property
    def units(self) -> dict[int, int]:
        """Units by id of the line item."""
        return {line.item.id or 0: line.quantity for line in self.lines}

    @property
    def unit_count(self) -> int:
        """Units of all lines."""
        return sum(line.quantity for line in self.lines)


@dataclass(frozen=True, slots=True)
class ReturnEligibility:
    """Which units of an order may be returned.

    :ivar items: those with units left
    :ivar until: the last day; None until the order is delivered
    :ivar is_shipped: the parcel left the shop, so that the goods have to come back
    """

    items: tuple[LineItem, ...]
    until: date | None
    is_shipped: bool = True
