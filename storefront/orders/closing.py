"""The end of an order: cancelled, came back undelivered, or its cash received. Each happens once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db import audit_log
from storefront.db.session import retry_on_deadlock, rows_changed, transaction
from storefront.orders.events import CANCELLED_LETTER, CANCELLED_REFUND, CANCELLED_RESTOCK, CASH_RECEIVED
from storefront.orders.models import AuditEntry, Item, Order
from storefront.orders.returns import settle_returns
from storefront.orders.status import announce, change_status, get_row, lock_order, not_allowed
from storefront.orders.values import CASH_COLLECTED, CashNotExpected, OrderStatus

_BEFORE_PACKING = frozenset({OrderStatus.CONFIRMED})
_BEFORE_SHIPPING = frozenset({OrderStatus.CONFIRMED, OrderStatus.PROCESSING})
_ON_ITS_WAY = frozenset({OrderStatus.SHIPPED})


@retry_on_deadlock
def cancel(
    order_id: str, *, by: str, note: str = "", may_be_packed: bool = False, restock: bool = True, actor: str = ""
) -> None:
    """Cancel a confirmed order: queue its refund, its restock and its e-mail, once.

    Partial refunds made before are left out of both the refund and the restock.

    :param by: who does it, as the shopper reads it in the timeline
    :param may_be_packed: allowed while the order is being packed: for staff, not for customers
    :param restock: whether its units are available for sale again
    :param actor: the staff member, for the audit log; empty when the shopper or the shop acts
    :raise UnknownOrder: no order has this number
    :raise StepNotAllowed: it is not confirmed yet, already shipped, or already cancelled
    """
    before = _BEFORE_SHIPPING if may_be_packed else _BEFORE_PACKING
    _call_off(order_id, OrderStatus.CANCELLED, before, by=by, note=note, restock=restock, actor=actor)


@retry_on_deadlock
def mark_undelivered(order_id: str, *, by: str, note: str = "", restock: bool, actor: str = "") -> None:
    """Close a shipped order whose parcel came back: refused at the door, or nobody was there.

    As with a cancellation, what is left of its payment goes back, or is not collected, and its customer is told once.

    :param by: who does it, as the shopper reads it in the timeline
    :param note: for the timeline; empty for the standard one
    :param restock: whether its units are available for sale again
    :param actor: the staff member, for the audit log
    :raise UnknownOrder: no order has this number
    :raise StepNotAllowed: it is not on its way, or came back already
    """
    _call_off(order_id, OrderStatus.UNDELIVERED, _ON_ITS_WAY, by=by, note=note, restock=restock, actor=actor)


def _call_off(
    order_id: str,
    status: OrderStatus,
    before: Collection[OrderStatus],
    *,
    by: str,
    note: str,
    restock: bool,
    actor: str,
) -> None:
    with transaction("orders") as session:
        order = get_row(session, order_id)
        if not change_status(session, order, status, before, by=by, note=note):
            raise not_allowed(session, order, status)
        session.execute(update(Order).where(Order.id == order.id).values(is_restocked=restock))
        announce(session, order, CANCELLED_REFUND, **_amount_left(session, order))
        if restock:
            reason = "return" if status is OrderStatus.UNDELIVERED else "cancellation"
            announce(session, order, CANCELLED_RESTOCK, units=_units_left(session, order), reason=reason)
        settle_returns(session, order)
        announce(session, order, CANCELLED_LETTER)
        if actor:
            detail = f"{'restocked' if restock else 'not restocked'}{': ' if note else ''}{note}"
            audit_log.record(session, AuditEntry, actor=actor, what=status.value, subject=order.order_id, detail=detail)


def _amount_left(session: Session, order: Order) -> dict[str, Any]:
    """What is left to refund. The UPDATE of the status has locked the row, so no refund can come in between."""
    amounts = select(Order.total_amount, Order.refunded_amount).where(Order.id == order.id)
    total, refunded = session.execute(amounts).one()
    return {"amount": total - refunded, "currency": order.currency}


def _units_left(session: Session, order: Order) -> dict[str, int]:
    """Units by SKU that were not refunded: each refund decided about restocking its own."""
    units: dict[str, int] = defaultdict(int)
    left = select(Item.sku, Item.quantity - Item.refunded).where(Item.order_id == order.id)
    for sku, count in session.execute(left.where(Item.quantity > Item.refunded)):
        units[sku] += count
    return units


@retry_on_deadlock
def receive_cash(order_id: str, *, actor: str) -> bool:
    """Note that the cash collected on delivery arrived: the payment is not due any more.

    :param actor: the staff member, for the audit log
    :return: whether this call noted it; False when it was noted before
    :raise UnknownOrder: no order has this number
    :raise CashNotExpected: it is not paid on delivery, not shipped yet, called off, or nothing is left to collect
    """
    with transaction("orders") as session:
        order = lock_order(session, order_id)
        if order.payment_type == "cod" and order.cash_received_at is not None:
            return False
        is_expected = (
            Order.payment_type == "cod",
            Order.cash_received_at.is_(None),
            Order.status.in_(CASH_COLLECTED),
            Order.refunded_amount < Order.total_amount,
        )
        noted = update(Order).where(Order.id == order.id, *is_expected).values(cash_received_at=utc_now())
        if not rows_changed(session.execute(noted)):
            raise CashNotExpected(OrderStatus(order.status))
        announce(session, order, CASH_RECEIVED)
        left = Money(order.total_amount - order.refunded_amount, order.currency)
        detail = f"{left.amount} {left.currency}"
        audit_log.record(session, AuditEntry, actor=actor, what="cash received", subject=order.order_id, detail=detail)
        return True
