"""The orders' door."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront import outbox
from storefront.clock import arrival_day, utc_now
from storefront.database import queries, retried, rows_changed, transaction
from storefront.money import Money
from storefront.orders import history
from storefront.orders.amendments import LONGEST_TRACKING_NUMBER, change_address, expect_on, note_tracking
from storefront.orders.audit import OrderFacts, facts, faults
from storefront.orders.events import CANCELLATION, ORDER_PLACED
from storefront.orders.history import (
    claim,
    count_claimable,
    forget_customer,
    has_received,
    key_of,
    orders_of,
    summaries,
)
from storefront.orders.models import Item, Message, Order, OrderEvent
from storefront.orders.values import (
    NEXT_STEPS,
    DeliveryAddress,
    LineItem,
    OrderId,
    OrderPage,
    OrderSnapshot,
    OrderStatus,
    OrderSummary,
    OrderView,
    StepNotAllowed,
    TooLateToChange,
    TrackingEvent,
    UnknownOrder,
)

__all__ = [
    "LONGEST_TRACKING_NUMBER",
    "DeliveryAddress",
    "LineItem",
    "OrderFacts",
    "OrderId",
    "OrderPage",
    "OrderSnapshot",
    "OrderStatus",
    "OrderSummary",
    "OrderView",
    "StepNotAllowed",
    "TooLateToChange",
    "UnknownOrder",
    "advance",
    "cancel",
    "cancel_order",
    "change_address",
    "claim",
    "confirm_order",
    "count_claimable",
    "create_order",
    "deliver_messages",
    "expect_on",
    "export_of",
    "facts",
    "faults",
    "forget_customer",
    "get_order",
    "has_received",
    "is_settled",
    "note_tracking",
    "orders_of",
    "summaries",
    "track",
]

NUMBERS_TRIED = 5  # a day has a million: when so many are refused in a row, the number is not what is wrong

_NOTES = {
    OrderStatus.PENDING: "Order received",
    OrderStatus.CONFIRMED: "Order confirmed",
    OrderStatus.PROCESSING: "Being packed",
    OrderStatus.SHIPPED: "Handed to the courier",
    OrderStatus.DELIVERED: "Delivered",
    OrderStatus.CANCELLED: "Order cancelled",
}


def _new_order_id() -> OrderId:
    """ORD- and twelve digits: the day, for people, and a random part, so that numbers cannot be guessed or counted."""
    return OrderId(f"ORD-{utc_now():%y%m%d}{secrets.randbelow(10**6):06d}")


def create_order(checkout: str, snapshot: OrderSnapshot) -> OrderId:
    """Write an order down, pending. One checkout has one order: asked again, it is the same."""
    for _ in range(NUMBERS_TRIED - 1):
        if existing := _find_number(checkout):
            return existing
        with suppress(IntegrityError):  # the number is taken, or another runner was first: look again
            return _create(checkout, snapshot, _new_order_id())
    return _find_number(checkout) or _create(checkout, snapshot, _new_order_id())


def _find_number(checkout: str) -> OrderId | None:
    found = queries().scalar(select(Order.order_id).where(Order.checkout_id == checkout))
    return OrderId(found) if found else None


def _create(checkout: str, snapshot: OrderSnapshot, order_id: OrderId) -> OrderId:
    address = snapshot.address
    with transaction("orders") as session:
        order = Order(
            order_id=order_id,
            checkout_id=checkout,
            customer_id=snapshot.customer_id,
            customer_email=snapshot.email,
            email_key=key_of(snapshot.email),
            subtotal=snapshot.subtotal.minor,
            shipping=snapshot.shipping.minor,
            tax=snapshot.tax.minor,
            discount=snapshot.discount.minor,
            total_amount=snapshot.grand_total.minor,
            currency=snapshot.grand_total.currency,
            status=OrderStatus.PENDING,
            order_date=utc_now(),
            estimated_delivery=arrival_day(),
            shipping_full_name=address.full_name,
            shipping_phone=snapshot.phone,
            shipping_address_line1=address.line1,
            shipping_address_line2=address.line2,
            shipping_city=address.city,
            shipping_state=address.state,
            shipping_zip_code=address.postal_code,
            shipping_country=address.country,
            payment_type=snapshot.payment_kind,
            payment_details=snapshot.payment_details,
            payment_provider=snapshot.payment_provider,
        )
        session.add(order)
        session.flush()
        session.add_all(_item(order.id, item) for item in snapshot.items)
        _note(session, order.id, OrderStatus.PENDING, by="the shop")
    return order_id


def _item(order: int, item: LineItem) -> Item:
    return Item(
        order_id=order,
        product_id=item.product_id,
        product_slug=item.slug,
        sku=item.sku,
        product_name=item.name,
        variant_name=item.option,
        product_image=item.picture,
        hue=item.hue,
        price=item.unit_price.minor,
        quantity=item.quantity,
        total=item.line_total.minor,
    )


def _note(session: Session, order: int, status: OrderStatus, *, by: str, note: str = "", tracking: str = "") -> None:
    session.add(
        OrderEvent(
            order_id=order,
            status=status,
            at=utc_now(),
            by=by,
            note=note or _NOTES[status],
            tracking_number=tracking,
        )
    )


def confirm_order(checkout: str) -> None:
    """The money is safe: confirm the order and, in the same transaction, leave word for the mail."""
    _confirm(checkout)
    outbox.hurry()


@retried
def _confirm(checkout: str) -> None:
    with transaction("orders") as session:
        order = session.scalars(select(Order).where(Order.checkout_id == checkout)).one()
        if _step(session, order, OrderStatus.CONFIRMED, by="the shop"):
            _announce(session, order, ORDER_PLACED)


def _announce(session: Session, order: Order, topic: str) -> None:
    payload = {"order": order.order_id, "checkout": order.checkout_id}
    outbox.post(session, Message, topic, f"{topic}/{order.order_id}", payload)


@retried
def cancel_order(checkout: str, note: str) -> None:
    """Cancel the order of a checkout that fell through; without one there is nothing to do."""
    with transaction("orders") as session:
        order = session.scalar(select(Order).where(Order.checkout_id == checkout))
        if order is not None:
            _step(session, order, OrderStatus.CANCELLED, by="the shop", note=note)


def cancel(order_id: str, *, by: str, note: str = "", may_be_packed: bool = False) -> None:
    """Cancel an order that was confirmed; its goods and its money go back, once, whoever asks and how often.

    :param by: who does it, as the shopper reads it in the timeline
    :param may_be_packed: staff may cancel what is being packed, a customer may not
    :raise UnknownOrder: there is none of this number
    :raise StepNotAllowed: it is not confirmed yet, or too far on its way; cancelled already included
    """
    _cancel(order_id, by, note, may_be_packed)
    outbox.hurry()


@retried
def _cancel(order_id: str, by: str, note: str, may_be_packed: bool) -> None:
    allowed = {OrderStatus.CONFIRMED, OrderStatus.PROCESSING} if may_be_packed else {OrderStatus.CONFIRMED}
    with transaction("orders") as session:
        order = session.scalar(select(Order).where(Order.order_id == order_id))
        if order is None:
            raise UnknownOrder(order_id)
        if not _step(session, order, OrderStatus.CANCELLED, by=by, note=note, before=allowed):
            session.refresh(order, ["status"])  # someone else may have been first
            raise StepNotAllowed(OrderStatus(order.status), OrderStatus.CANCELLED)
        for topic in CANCELLATION:
            _announce(session, order, topic)


@retried
def advance(order_id: str, status: OrderStatus, *, by: str, note: str = "", tracking: str = "") -> None:
    """Take an order to its next step.

    :param by: who does it, as the shopper reads it in the timeline
    :raise UnknownOrder: there is none of this number
    :raise StepNotAllowed: the order is not where this step begins
    """
    with transaction("orders") as session:
        order = session.scalar(select(Order).where(Order.order_id == order_id))
        if order is None:
            raise UnknownOrder(order_id)
        if not _step(session, order, status, by=by, note=note, tracking=tracking):
            raise StepNotAllowed(OrderStatus(order.status), status)


def _step(
    session: Session,
    order: Order,
    status: OrderStatus,
    *,
    by: str,
    note: str = "",
    tracking: str = "",
    before: Collection[OrderStatus] = (),
) -> bool:
    """Change the status if it may change so, once, whoever comes first.

    :param before: only from these, where not every step that `NEXT_STEPS` draws is allowed
    :return: whether this call did it
    """
    before = before or [current for current, following in NEXT_STEPS.items() if status in following]
    allowed = update(Order).where(Order.id == order.id, Order.status.in_(before)).values(status=status)
    changed = rows_changed(session.execute(allowed.execution_options(synchronize_session=False))) == 1
    if changed:
        _note(session, order.id, status, by=by, note=note, tracking=tracking)
    return changed


def deliver_messages(handlers: Mapping[str, outbox.Handler]) -> int:
    """Hand what the orders announced to its handlers. :return: how many messages were delivered"""
    return outbox.deliver("orders", Message, handlers)


def is_settled(order_id: str) -> bool:
    """Whether everybody who had to act on the order's cancellation has acted."""
    keys = [f"{topic}/{order_id}" for topic in CANCELLATION]
    open_ones = select(Message.id).where(Message.key.in_(keys), Message.delivered_at.is_(None))
    return queries().scalar(open_ones.limit(1)) is None


def get_order(order_id: str) -> OrderView:
    """An order with its items and its timeline. Whether the asker may see it is the caller's to know.

    :raise UnknownOrder: there is none of this number
    """
    session = queries()
    order = session.scalar(select(Order).where(Order.order_id == order_id))
    if order is None:
        raise UnknownOrder(order_id)
    items = session.scalars(select(Item).where(Item.order_id == order.id).order_by(Item.id)).all()
    events = session.scalars(select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id)).all()
    return _view(order, items, events)


def _view(order: Order, items: Sequence[Item], events: Sequence[OrderEvent]) -> OrderView:
    currency = order.currency
    return OrderView(
        id=OrderId(order.order_id),
        row_id=order.id,
        checkout_id=order.checkout_id,
        customer_id=order.customer_id,
        status=OrderStatus(order.status),
        placed_at=order.order_date,
        estimated_on=order.estimated_delivery,
        email=order.customer_email,
        phone=order.shipping_phone,
        address=DeliveryAddress(
            full_name=order.shipping_full_name,
            phone=order.shipping_phone,
            line1=order.shipping_address_line1,
            line2=order.shipping_address_line2,
            city=order.shipping_city,
            state=order.shipping_state,
            postal_code=order.shipping_zip_code,
            country=order.shipping_country,
        ),
        items=tuple(_line_item(item, currency) for item in items),
        subtotal=Money(order.subtotal, currency),
        shipping=Money(order.shipping, currency),
        tax=Money(order.tax, currency),
        discount=Money(order.discount, currency),
        grand_total=Money(order.total_amount, currency),
        payment_kind=order.payment_type,
        payment_details=order.payment_details,
        lender=order.payment_provider,
        timeline=tuple(
            TrackingEvent(OrderStatus(event.status), event.at, event.by, event.note, event.tracking_number)
            for event in events
        ),
    )


def _line_item(item: Item, currency: str) -> LineItem:
    return LineItem(
        product_id=item.product_id,
        slug=item.product_slug,
        sku=item.sku,
        name=item.product_name,
        option=item.variant_name,
        picture=item.product_image,
        hue=item.hue,
        unit_price=Money(item.price, currency),
        quantity=item.quantity,
        line_total=Money(item.total, currency),
        id=item.id,
    )


def export_of(customer: int) -> list[OrderView]:
    """Every order of an account, oldest first."""
    return [_view(*rows) for rows in history.rows_of(customer)]


def track(order_id: str, email: str) -> OrderId:
    """Prove to know an order by its number and the e-mail address it was placed with.

    :raise UnknownOrder: the pair fits none; which of the two was wrong is not said
    """
    order = queries().scalar(select(Order).where(Order.order_id == order_id.strip().upper()))
    # Compared here: to MySQL "ásha" and "asha" are the same.
    if order is None or order.customer_email.lower() != email.strip().lower():
        raise UnknownOrder(order_id)
    return OrderId(order.order_id)
