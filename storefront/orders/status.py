"""Changes of an order's status: each happens once, and records its timeline entry and messages in one transaction."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storefront.core.clock import utc_now
from storefront.db import audit_log, outbox
from storefront.db.session import retry_on_deadlock, rows_changed, transaction
from storefront.orders.events import CANCELLED_LETTER, ORDER_HELD, ORDER_PLACED, STATUS_TOPIC
from storefront.orders.models import AuditEntry, Item, Message, Order, OrderEvent
from storefront.orders.values import (
    NEXT_STEPS,
    UNDELIVERED_NOTE,
    OrderStatus,
    StepNotAllowed,
    UnknownOrder,
    WithdrawalOpen,
)

NOTES = {
    OrderStatus.PENDING: "Order received",
    OrderStatus.CONFIRMED: "Order confirmed",
    OrderStatus.PROCESSING: "Being packed",
    OrderStatus.SHIPPED: "Handed to the courier",
    OrderStatus.DELIVERED: "Delivered",
    OrderStatus.CANCELLED: "Order cancelled",
    OrderStatus.UNDELIVERED: UNDELIVERED_NOTE,
    OrderStatus.REFUNDED: "Refunded",
}

HELD_NOTE = "We check this order before we confirm it"


@retry_on_deadlock
def confirm_order(checkout: str, *, actor: str = "") -> None:
    """Confirm the order of a checkout after the capture, and queue its confirmation e-mail. Safe to repeat.

    :param actor: the staff member who released it, for the audit log; empty for an order that needed no release
    """
    with transaction("orders") as session:
        order = session.scalars(select(Order).where(Order.checkout_id == checkout)).one()
        if change_status(session, order, OrderStatus.CONFIRMED, by="the shop"):
            announce(session, order, ORDER_PLACED)
            if actor:
                audit_log.record(session, AuditEntry, actor=actor, what="released", subject=order.order_id, detail="")


@retry_on_deadlock
def hold_order(checkout: str) -> None:
    """Say in the timeline of a checkout's pending order, and by e-mail, that staff check it first. Safe to repeat."""
    with transaction("orders") as session:
        order = session.scalars(select(Order).where(Order.checkout_id == checkout)).one()
        if order.status == OrderStatus.PENDING and not _is_held(session, order):
            add_event(session, order.id, OrderStatus.PENDING, by="the shop", note=HELD_NOTE, topic=ORDER_HELD)
            announce(session, order, ORDER_HELD)


def _is_held(session: Session, order: Order) -> bool:
    said = select(OrderEvent.id).where(OrderEvent.order_id == order.id, OrderEvent.topic == ORDER_HELD)
    return session.scalar(said) is not None


@retry_on_deadlock
def cancel_order(checkout: str, note: str, *, actor: str = "") -> None:
    """Cancel the pending order of a checkout that failed, if there is one. Safe to repeat.

    A customer who was told that the order is checked first gets the e-mail about a cancelled one.

    :param note: for the timeline
    :param actor: the staff member who refused it, for the audit log; empty when a step failed
    """
    with transaction("orders") as session:
        order = session.scalar(select(Order).where(Order.checkout_id == checkout))
        if order is None or not change_status(session, order, OrderStatus.CANCELLED, by="the shop", note=note):
            return
        if _is_held(session, order):
            announce(session, order, CANCELLED_LETTER)
        if actor:
            audit_log.record(session, AuditEntry, actor=actor, what="refused", subject=order.order_id, detail=note)


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
    despite_withdrawal: bool = True,
) -> None:
    """Move an order to the next of `STAFF_STEPS` and queue the e-mail about it.

    :param status: the new status

    :param by: who does it, as the shopper reads it in the timeline
    :param note: for the timeline; empty for the standard one
    :param tracking: the carrier's tracking number
    :param carrier: its name, at most `MAX_CARRIER_LENGTH` characters
    :param actor: the staff member, for the audit log; empty when the shopper or the shop acts
    :param despite_withdrawal: ship it although its customer withdrew from a part of it
    :raise UnknownOrder: no order has this number
    :raise StepNotAllowed: this is not the next status, or not one that staff set
    :raise WithdrawalOpen: it would be shipped, and staff have to decide about a withdrawal first
    """
    topic = STATUS_TOPIC.get(status)
    entry = {"by": by, "note": note, "tracking": tracking, "carrier": carrier}
    with transaction("orders") as session:
        order = get_row(session, order_id)
        before = OrderStatus(order.status)
        if topic is None or not change_status(session, order, status, topic=topic, **entry):
            raise not_allowed(session, order, status)
        if status is OrderStatus.SHIPPED and not despite_withdrawal and _units_in_return(session, order):
            raise WithdrawalOpen(order_id)
        announce(session, order, topic)
        if actor:
            shipment = " ".join(filter(None, (carrier, tracking)))
            detail = f"from {before} to {status}{', ' if shipment else ''}{shipment}"
            audit_log.record(session, AuditEntry, actor=actor, what=status.value, subject=order.order_id, detail=detail)


def _units_in_return(session: Session, order: Order) -> int:
    return session.scalar(select(func.sum(Item.in_return)).where(Item.order_id == order.id)) or 0


def lock_order(session: Session, order_id: str) -> Order:
    """Read an order with its row lock, until the transaction ends.

    :raise UnknownOrder: no order has this number
    """
    asked = select(Order).where(Order.order_id == order_id).with_for_update()
    order = session.scalar(asked)
    if order is None:
        raise UnknownOrder(order_id)
    return order


def get_row(session: Session, order_id: str) -> Order:
    """Read an order without a lock.

    :raise UnknownOrder: no order has this number
    """
    order = session.scalar(select(Order).where(Order.order_id == order_id))
    if order is None:
        raise UnknownOrder(order_id)
    return order


def not_allowed(session: Session, order: Order, wanted: OrderStatus) -> StepNotAllowed:
    """The refusal of a change of status, with the present one."""
    session.refresh(order, ["status"])  # another transaction may have changed it
    return StepNotAllowed(OrderStatus(order.status), wanted)


def change_status(
    session: Session, order: Order, status: OrderStatus, before: Collection[OrderStatus] = (), /, **entry: str
) -> bool:
    """Change the status if it may change that way. The UPDATE decides between concurrent calls.

    :param before: statuses it may change from; empty for those of `NEXT_STEPS`
    :param entry: of the timeline, see `add_event`
    :return: whether this call changed it
    """
    before = before or [current for current, following in NEXT_STEPS.items() if status in following]
    allowed = update(Order).where(Order.id == order.id, Order.status.in_(before)).values(status=status)
    changed = rows_changed(session.execute(allowed)) == 1
    if changed:
        add_event(session, order.id, status, **entry)
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
    """Add an entry to an order's timeline, within the caller's transaction.

    :param order: id of its row
    :param by: who did it, as the shopper reads it
    :param note: empty for the standard one of `status`
    :param topic: of the outbox message published with it; empty for none
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


def announce(session: Session, order: Order, topic: str, **more: object) -> None:
    """Publish an outbox message about an order, within the caller's transaction."""
    payload = {"order": order.order_id, "checkout": order.checkout_id, **more}
    outbox.publish(session, Message, topic, f"{topic}/{order.order_id}", payload)
