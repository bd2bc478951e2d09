"""Credit notes, which correct an invoice: one for each refund of money, and one for the rest when it is called off.

They are calculated from the order and its refunds, always at the same positions. What is stored when a credit note is
issued, such as its number, is in `invoices`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from storefront.core.errors import NotFoundError
from storefront.core.money import Money
from storefront.orders.refund_values import BackLine, RefundView
from storefront.orders.refunds import refunds_of
from storefront.orders.values import OrderStatus, OrderView

_PAID_LATER = frozenset({"cod", "bnpl"})  # kinds of payment not collected by the shop when it is called off


class UnknownCreditNote(NotFoundError):
    """An order has no credit note at this position."""


@dataclass(frozen=True, slots=True)
class CreditNote:
    """The correction of an invoice by an amount.

    :ivar position: within its order, from 1
    :ivar credited_at: when it was refunded or cancelled
    :ivar delivery: the part of the amount that was paid for the delivery
    :ivar tax: the part of the amount that is tax on the products
    :ivar lowers_due: the order was not paid yet: the amount due is reduced instead
    :ivar refund: None for the rest of an order that was called off
    :ivar is_undelivered: the rest is refunded because the parcel came back
    """

    position: int
    credited_at: datetime
    amount: Money
    lines: tuple[BackLine, ...]
    delivery: Money
    tax: Money
    lowers_due: bool
    refund: RefundView | None
    is_undelivered: bool = False

    @property
    def goods(self) -> Money:
        """The part of the amount that was paid for products, without tax."""
        return self.amount - self.delivery - self.tax


@dataclass(frozen=True, slots=True)
class _Credit:
    """A credit note before its position and its tax are known."""

    at: datetime
    amount: Money
    lines: tuple[BackLine, ...]
    is_with_shipping: bool
    lowers_due: bool
    refund: RefundView | None = None


def credit_notes_of(order: OrderView, refunds: Sequence[RefundView] | None = None) -> tuple[CreditNote, ...]:
    """The credit notes of an order, oldest first.

    Tax is rounded cumulatively: the notes together have exactly the tax of all that was refunded.

    :param refunds: all of the order, oldest first; None to query them
    """
    notes, goods_before, shipping = [], 0, order.shipping
    known = refunds_of(order) if refunds is None else refunds
    for position, credit in enumerate(_credits(order, known), 1):
        delivery = min(credit.amount, shipping) if credit.is_with_shipping else Money(0, shipping.currency)
        goods = goods_before + (credit.amount - delivery).minor
        note = CreditNote(
            position=position,
            credited_at=credit.at,
            amount=credit.amount,
            lines=credit.lines,
            delivery=delivery,
            tax=_tax_until(order, goods) - _tax_until(order, goods_before),
            lowers_due=credit.lowers_due,
            refund=credit.refund,
            is_undelivered=credit.refund is None and order.status is OrderStatus.UNDELIVERED,
        )
        notes.append(note)
        goods_before = goods
    return tuple(notes)


def _credits(order: OrderView, refunds: Sequence[RefundView]) -> Iterator[_Credit]:
    for refund in refunds:
        if refund.amount:
            yield _Credit(
                refund.created_at, refund.amount, refund.lines, refund.is_with_shipping, refund.lowers_due, refund
            )
    if order.called_off_at and order.confirmed_at and order.kept:
        left = tuple(BackLine(item, item.units_kept) for item in order.items_kept)
        with_shipping = bool(order.shipping) and not order.is_shipping_refunded
        lowers_due = order.payment_kind in _PAID_LATER and not order.cash_received_at
        yield _Credit(order.called_off_at, order.kept, left, with_shipping, lowers_due)


def _tax_until(order: OrderView, goods: int) -> Money:
    """The tax contained in a part of what was paid for products.

    :param goods: that part in minor units; a goodwill refund may exceed the whole
    """
    whole = (order.grand_total - order.shipping).minor
    return order.tax.times_rate(Decimal(min(goods, whole)) / whole) if whole > 0 else Money(0, order.tax.currency)


def get_credit_note(order: OrderView, position: int, notes: Sequence[CreditNote] | None = None) -> CreditNote:
    """Find a credit note of an order.

    :param position: from 1
    :param notes: all of the order; None to query them
    :raise UnknownCreditNote: it has fewer
    """
    for note in credit_notes_of(order) if notes is None else notes:
        if note.position == position:
            return note
    raise UnknownCreditNote(position)
