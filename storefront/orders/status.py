"""The life of an order: confirmed, packed, sent, delivered, or cancelled; each step once, whoever comes first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storefront.core.clock import utc_now
from storefront.db import audit_log, outbox
from storefront.db.session import retry_on_deadlock, rows_changed, transaction
from storefront.orders.events import (
    CANCELLED_LETTER,
    CANCELLED_REFUND,
    CANCELLED_RESTOCK,
    ORDER_PLACED,
    STATUS_TOPIC,
)
from storefront.orders.models import AuditEntry, Item, Message, Order, OrderEvent
from storefront.orders.values import NEXT_STEPS, OrderStatus, StepNotAllowed, UnknownOrder

NOTES = {
    OrderStatus.PENDING: "Order received",
    OrderStatus.CONFIRMED: "Order confirmed",
    OrderStatus.PROCESSING: "Being packed",
    OrderStatus.SHIPPED: "Handed to the courier",
    OrderStatus.DELIVERED: "Delivered",
    OrderStatus.CANCELLED: "Order cancelled",
}


@retry_on_deadlock
def confirm_order(checkout: str) -> None:
    """The money is safe: confirm the order and, in the same transaction, leave word for the mail."""
    with transaction("orders") as session:
        order = session.scalars(select(Order).where(Order.checkout_id == checkout)).one()
        if _step(session, order, OrderStatus.CONFIRMED, by="the shop"):
            _announce(session, order, ORDER_PLACED)


@retry_on_deadlock
def cancel_order(checkout: str, note: str) -> None:
    """Cancel the order of a checkout that fell through; without one there is nothing to do."""
    with transaction("orders") as session:
        order = session.scalar(select(Order).where(Order.checkout_id == checkout))
        if order is not None:
            _step(session, order, OrderStatus.CANCELLED, by="the shop", note=note)


@retry_on_deadlock
def cancel(
    order_id: str, *, by: str, note: str = "", may_be_packed: bool = False, restock: bool = True, actor: str = ""
) -> None:
    """Cancel an order that was confirmed; its goods and its money go back, once, whoever asks and how often.

    What was refunded in part before is not given back again: neither the money nor the units.

    :param by: who does it, as the shopper reads it in the timeline
    :param may_be_packed: staff may cancel what is being packed, a customer may not
    :param restock: its goods go on the shelf again
    :param actor: who of the staff does it, as their trail names them; empty for none of them
    :raise UnknownOrder: there is none of this number
    :raise StepNotAllowed: it is not confirmed yet, or too far on its way; cancelled already included
    """
    allowed = {OrderStatus.CONFIRMED, OrderStatus.PROCESSING} if may_be_packed else {OrderStatus.CONFIRMED}
    with transaction("orders") as session:
        order = _get(session, order_id)
        if not _step(session, order, OrderStatus.CANCELLED, allowed, by=by, note=note):
            raise _not_allowed(session, order, OrderStatus.CANCELLED)
        chosen = update(Order).where(Order.id == order.id).values(is_restocked=restock)
        session.execute(chosen)
        _announce(session, order, CANCELLED_REFUND, **_money_kept(session, order))
        if restock:
            _announce(session, order, CANCELLED_RESTOCK, units=_units_kept(session, order))
        _announce(session, order, CANCELLED_LETTER)
        if actor:
            detail = f"{'goods back on the shelf' if restock else 'goods written off'}{': ' if note else ''}{note}"
            audit_log.record(session, AuditEntry, actor=actor, what="cancelled", subject=order.order_id, detail=detail)


def _money_kept(session: Session, order: Order) -> dict[str, Any]:
    """What was paid and not given back in part; the order is the transaction's own by now."""
    kept = select(Order.total_amount, Order.refunded_amount).where(Order.id == order.id)
    total, refunded = session.execute(kept).one()
    return {"amount": total - refunded, "currency": order.currency}


def _units_kept(session: Session, order: Order) -> dict[str, int]:
    """Units by SKU that were not refunded in part: what became of those was said with the refund."""
    units: dict[str, int] = defaultdict(int)
    kept = select(Item.sku, Item.quantity - Item.refunded).where(Item.order_id == order.id)
    for sku, count in session.execute(kept.where(Item.quantity > Item.refunded)):
        units[sku] += count
    return units


@retry_on_deadlock
def advance(
    order_id: str,
    status: OrderStatus,
    *,
    by: str,
    note: str = "",
    tracking: str = "",
    carrier: str = "",
    actor: str = "",
) -> None:
    """Take an order to the next of `STAFF_STEPS`; the shopper is written to, once.

    :param by: who does it, as the shopper reads it in the timeline
    :param tracking: the number by which the carrier knows the parcel
    :param carrier: who brings it, at most `MAX_CARRIER_LENGTH` characters
    :param actor: who of the staff does it, as their trail names them; empty for none of them
    :raise UnknownOrder: there is none of this number
    :raise StepNotAllowed: the order is not where this step begins, or it is none of the staff's
    """
    topic = STATUS_TOPIC.get(status)
    told = {"by": by, "note": note, "tracking": tracking, "carrier": carrier}
    with transaction("orders") as session:
        order = _get(session, order_id)
        before = OrderStatus(order.status)
        if topic is None or not _step(session, order, status, topic=topic, **told):
            raise _not_allowed(session, order, status)
        _announce(session, order, topic)
        if actor:
            parcel = " ".join(filter(None, (carrier, tracking)))
            detail = f"from {before} to {status}{', ' if parcel else ''}{parcel}"
            audit_log.record(session, AuditEntry, actor=actor, what=status.value, subject=order.order_id, detail=detail)


def lock_order(session: Session, order_id: str) -> Order:
    """An order that nobody else changes until the transaction ends.

    :raise UnknownOrder: there is none
    """
    asked = select(Order).where(Order.order_id == order_id).with_for_update()
    order = session.scalar(asked)
    if order is None:
        raise UnknownOrder(order_id)
    return order


def _get(session: Session, order_id: str) -> Order:
    order = session.scalar(select(Order).where(Order.order_id == order_id))
    if order is None:
        raise UnknownOrder(order_id)
    return order


def _not_allowed(session: Session, order: Order, wanted: OrderStatus) -> StepNotAllowed:
    session.refresh(order, ["status"])  # someone else may have been first
    return StepNotAllowed(OrderStatus(order.status), wanted)


def _step(
    session: Session, order: Order, status: OrderStatus, before: Collection[OrderStatus] = (), /, **told: str
) -> bool:
    """Change the status if it may change so, once, whoever comes first.

    :param before: only from these, where not every step that `NEXT_STEPS` draws is allowed
    :param told: what its entry of the timeline says, see `tell`
    :return: whether this call did it
    """
    before = before or [current for current, following in NEXT_STEPS.items() if status in following]
    allowed = update(Order).where(Order.id == order.id, Order.status.in_(before)).values(status=status)
    changed = rows_changed(session.execute(allowed)) == 1
    if changed:
        add_event(session, order.id, status, **told)
    return changed


def add_event(
    session: Session,
    order: int,
    status: OrderStatus,
    *,
    by: str,
    note: str = "",
    tracking: str = "",
    carrier: str = "",
    topic: str = "",
) -> None:
    """Write an entry of the timeline within the caller's transaction.

    :param topic: of the message that goes with it
    """
    session.add(
        OrderEvent(
            order_id=order,
            status=status,
            at=utc_now(),
            by=by,
            note=note or NOTES[status],
            tracking_number=tracking,
            carrier=carrier,
            topic=topic,
        )
    )


def _announce(session: Session, order: Order, topic: str, **more: object) -> None:
    payload = {"order": order.order_id, "checkout": order.checkout_id, **more}
    outbox.publish(session, Message, topic, f"{topic}/{order.order_id}", payload)
