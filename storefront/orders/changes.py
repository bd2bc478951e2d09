"""Changes of an order after it was placed: its shipping address, delivery date and tracking number."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storefront.core.addresses import PostalAddress, checked_address
from storefront.db import audit_log
from storefront.db.session import retry_on_deadlock, transaction
from storefront.orders.models import AuditEntry, Order, OrderEvent
from storefront.orders.status import add_event, lock_order
from storefront.orders.values import OrderStatus, TooLateToChange

MAX_TRACKING_NUMBER_LENGTH = 64  # characters

_NOT_PACKED_YET = frozenset({OrderStatus.PENDING, OrderStatus.CONFIRMED})


@retry_on_deadlock
def change_address(order_id: str, address: PostalAddress, *, by: str) -> None:
    """Change the shipping address of an order that is not being packed yet.

    :param by: who does it, as the shopper reads it in the timeline
    :raise UndeliverableAddress: it does not fit its country
    :raise UnknownOrder: no order has this number
    :raise TooLateToChange: it is being packed, shipped, delivered or cancelled
    """
    address = checked_address(address)
    with transaction("orders") as session:
        order = lock_order(session, order_id)
        if order.status not in _NOT_PACKED_YET:
            raise TooLateToChange(OrderStatus(order.status))
        order.shipping_full_name = address.full_name
        order.shipping_phone = address.phone
        order.shipping_address_line1 = address.line1
        order.shipping_address_line2 = address.line2
        order.shipping_city = address.city
        order.shipping_state = address.state
        order.shipping_zip_code = address.postal_code
        order.shipping_country = address.country
        add_event(session, order.id, OrderStatus(order.status), by=by, note="Shipping address changed")


@retry_on_deadlock
def set_tracking(order_id: str, number: str, *, by: str, carrier: str = "", actor: str = "") -> None:
    """Set an order's tracking number; the same number again changes nothing.

    :param number: at most `MAX_TRACKING_NUMBER_LENGTH` characters
    :param carrier: its name; empty to keep the current one
    :param actor: the staff member, for the audit log; empty when the shopper or the shop acts
    :raise UnknownOrder: no order has this number
    """
    with transaction("orders") as session:
        order = lock_order(session, order_id)
        before = (_last(session, order, OrderEvent.carrier), _last(session, order, OrderEvent.tracking_number))
        after = (carrier or before[0], number)
        if after != before:
            entry = {"note": "Tracking number added", "carrier": after[0], "tracking": after[1]}
            add_event(session, order.id, OrderStatus(order.status), by=by, **entry)
            if actor:
                detail = " ".join(filter(None, after))
                audit_log.record(
                    session, AuditEntry, actor=actor, what="tracking number", subject=order_id, detail=detail
                )


def _last(session: Session, order: Order, column: InstrumentedAttribute[str]) -> str:
    """The latest value of a column in the order's timeline that is not empty."""
    values = select(column).where(OrderEvent.order_id == order.id, column != "").order_by(OrderEvent.id.desc())
    return session.scalar(values.limit(1)) or ""


@retry_on_deadlock
def expect_on(order_id: str, day: date, *, actor: str = "") -> None:
    """Change the estimated delivery date.

    :param actor: the staff member, for the audit log; empty when the shopper or the shop acts
    :raise UnknownOrder: no order has this number
    """
    with transaction("orders") as session:
        order = lock_order(session, order_id)
        if actor and order.estimated_delivery != day:
            detail = f"from {order.estimated_delivery} to {day}"
            audit_log.record(session, AuditEntry, actor=actor, what="day of arrival", subject=order_id, detail=detail)
        order.estimated_delivery = day
