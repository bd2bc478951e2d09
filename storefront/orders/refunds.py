"""Partial refunds of an order: money, and units that are restocked or not.

Refunds and decisions about returns lock the order's row first, so they run one after the other. The limits are in the
WHERE of each UPDATE all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db import audit_log, outbox
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.orders.events import REFUND_LETTER, REFUND_MONEY, REFUND_RESTOCK
from storefront.orders.mapping import line_item
from storefront.orders.models import AuditEntry, Item, Message, Order
from storefront.orders.refund_models import OrderRefund, OrderReturn, RefundLine
from storefront.orders.refund_values import (
    MAX_REASON_LENGTH,
    ON_THE_WAY,
    REFUNDABLE,
    AmountNotShown,
    BackLine,
    IdempotencyConflict,
    NotRefundable,
    RefundRequest,
    RefundTerms,
    RefundView,
    TooMuchBack,
    digest_of,
)
from storefront.orders.status import add_event, change_status, lock_order
from storefront.orders.values import LineItem, OrderId, OrderStatus, OrderView, is_cash_due

MAX_ENTRY_LENGTH = 255  # characters of an entry of the timeline


def refund(order_id: str, request: RefundRequest, *, key: str, actor: str, by: str = "the shop") -> int:
    """Refund a part of an order, once for each key; payment, restock and e-mail are queued in the same transaction.

    The refund of its last unit closes the order.

    :param key: idempotency key of the form
    :param actor: the staff member, for the audit log
    :param by: the same, as the shopper reads it in the timeline
    :return: the number of the refund
    :raise UnknownOrder: no order has this number
    :raise NotRefundable: it is not confirmed yet, or cancelled
    :raise NothingToRefund: neither units nor money were named
    :raise TooMuchBack: fewer units, or less money, are left
    :raise AmountNotShown: it comes to another amount than the one confirmed
    :raise TooLittleBack: it closes an order whose cash is not collected yet, and names less than what is left
    :raise IdempotencyConflict: the key was used with other contents
    """
    try:
        return _refund(order_id, request, key, actor, by)
    except IntegrityError:  # another request used the key at this moment: it is found now
        return _refund(order_id, request, key, actor, by)


@retry_on_deadlock
def _refund(order_id: str, request: RefundRequest, key: str, actor: str, by: str) -> int:
    digest = digest_of(order_id, request.digest)
    with transaction("orders") as session:
        order = lock_order(session, order_id)
        known = session.execute(select(OrderRefund.id, OrderRefund.digest).where(OrderRefund.key == key)).first()
        if known is not None and known.digest != digest:
            raise IdempotencyConflict(key)
        if known is not None:
            return int(known.id)
        return create_refund(session, order, request, key=key, digest=digest, actor=actor, by=by)


def create_refund(
    session: Session, order: Order, request: RefundRequest, *, key: str, digest: str, actor: str, by: str
) -> int:
    """Create a refund within the caller's transaction, which holds the order's row lock.

    :param digest: of the request, to recognise a repeat of `key`
    :return: its number
    :raise NotRefundable: the order is not confirmed yet, or cancelled
    :raise NothingToRefund: neither units nor money were named
    :raise TooMuchBack: fewer units, or less money, are left
    :raise AmountNotShown: it comes to another amount than the one confirmed
    :raise TooLittleBack: see `refund`
    """
    terms = terms_in(session, order)
    amount = terms.amount_of(request)
    if request.shown is not None and request.shown != amount:
        raise AmountNotShown(amount)
    units = {item: count for item, count in request.units.items() if count}
    with_shipping = request.with_shipping and bool(terms.shipping_left)
    _count_refund(session, order, terms, units, amount, with_shipping)
    row = OrderRefund(
        order_id=order.id,
        key=key,
        digest=digest,
        amount=amount.minor,
        currency=amount.currency,
        is_with_shipping=with_shipping,
        is_restocked=request.restock and bool(units),
        lowers_due=_is_still_due(order),
        reason=request.reason[:MAX_REASON_LENGTH],
        actor=actor[: audit_log.MAX_ACTOR_LENGTH],
        created_at=utc_now(),
    )
    session.add(row)
    session.flush()
    session.add_all(RefundLine(refund_id=row.id, item_id=item, quantity=count) for item, count in units.items())
    bought = {item.id or 0: item for item in terms.items}
    named = units_named((bought[item], count) for item, count in units.items())
    note = f"Refund{': ' if named else ''}{named}"[:MAX_ENTRY_LENGTH]
    if not terms.closes(units):
        add_event(session, order.id, terms.status, by=by, note=note)
    elif not change_status(session, order, OrderStatus.REFUNDED, by=by, note=note):
        raise NotRefundable(terms.status)  # cannot be: the row is locked
    _announce(session, order, row, _by_sku(bought, units), shipped=terms.status in ON_THE_WAY)
    detail = f"{amount.amount} {amount.currency}{', ' if named else ''}{named}"
    detail += f"{', restocked' if row.is_restocked else ''}{': ' if request.reason else ''}{request.reason}"
    audit_log.record(session, AuditEntry, actor=actor, what="refund", subject=order.order_id, detail=detail)
    return row.id


def terms_in(session: Session, order: Order) -> RefundTerms:
    """The terms of an order within the caller's transaction, which holds its row lock."""
    mine = select(Item).where(Item.order_id == order.id).order_by(Item.id)
    rows = session.scalars(mine).all()
    currency = order.currency
    return RefundTerms(
        status=OrderStatus(order.status),
        items=tuple(line_item(row, currency) for row in rows),
        subtotal=Money(order.subtotal, currency),
        shipping=Money(order.shipping, currency),
        grand_total=Money(order.total_amount, currency),
        refunded=Money(order.refunded_amount, currency),
        is_shipping_refunded=order.is_shipping_refunded,
        is_cash_due=is_cash_due(order.payment_type, OrderStatus(order.status), order.cash_received_at),
    )


def _count_refund(
    session: Session, order: Order, terms: RefundTerms, units: Mapping[int, int], amount: Money, with_shipping: bool
) -> None:
    """Add to the order's and its items' refunded figures, if so much is left; each UPDATE decides.

    :raise TooMuchBack: less is left
    """
    shipping = {"is_shipping_refunded": True} if with_shipping else {}
    enough = Order.refunded_amount + amount.minor <= Order.total_amount
    money = update(Order).where(Order.id == order.id, Order.status.in_(REFUNDABLE), enough)
    money = money.values(refunded_amount=Order.refunded_amount + amount.minor, **shipping)
    if not rows_changed(session.execute(money)):
        raise TooMuchBack(terms.left)
    for item, count in sorted(units.items()):
        are_left = Item.refunded + Item.in_return + count <= Item.quantity
        counted = update(Item).where(Item.id == item, Item.order_id == order.id, are_left)
        counted = counted.values(refunded=Item.refunded + count)
        if not rows_changed(session.execute(counted)):
            raise TooMuchBack(terms.left)


def _is_still_due(order: Order) -> bool:
    """Whether the customer has still to pay: cash until it is collected, and what a lender is owed always."""
    is_due = is_cash_due(order.payment_type, OrderStatus(order.status), order.cash_received_at)
    return is_due or order.payment_type == "bnpl"


def _by_sku(bought: Mapping[int, LineItem], units: Mapping[int, int]) -> dict[str, int]:
    by_sku: dict[str, int] = defaultdict(int)
    for item, count in units.items():
        by_sku[bought[item].sku] += count
    return by_sku


def units_named(items: Iterable[tuple[LineItem, int]]) -> str:
    """Name items with their counts, for the timeline: "2 × Clay Mug, Blue; 1 × Iron Pan"."""
    return "; ".join(f"{count} × {item.name}{', ' if item.option else ''}{item.option}" for item, count in items)


def _announce(session: Session, order: Order, refund: OrderRefund, units: Mapping[str, int], *, shipped: bool) -> None:
    """Publish one message for each handler, so that a failure of one does not repeat the others."""

    def publish(topic: str, **more: object) -> None:
        payload = {"order": order.order_id, "checkout": order.checkout_id, "refund": refund.id, **more}
        outbox.publish(session, Message, topic, refund_key(topic, order.order_id, refund.id), payload)

    if refund.amount:
        publish(REFUND_MONEY, amount=refund.amount, currency=refund.currency)
    if refund.is_restocked:
        # Units that were never shipped were not sold after all.
        reason = "return" if shipped else "cancellation"
        publish(REFUND_RESTOCK, units=dict(units), reason=reason, actor=refund.actor)
    publish(REFUND_LETTER)


def refund_key(topic: str, order_id: str, refund_id: int) -> str:
    """The key of an outbox message about a refund."""
    return f"{topic}/{order_id}/{refund_id}"


def refunds_of(order: OrderView) -> list[RefundView]:
    """The partial refunds of an order, oldest first. An order without any needs no query."""
    if not order.refunded and not any(item.refunded for item in order.items):
        return []
    return _views(OrderRefund.order_id == order.row_id)


def refunds_to(customer: int) -> list[RefundView]:
    """The partial refunds of all orders of an account, oldest first, by two selects."""
    return _views(Order.customer_id == customer)


def get_refund(refund_id: int) -> RefundView:
    """Read one refund.

    :raise LookupError: there is no such refund
    """
    views = _views(OrderRefund.id == refund_id)
    if not views:
        raise LookupError(refund_id)
    return views[0]


def _views(condition: ColumnElement[bool]) -> list[RefundView]:
    asked = (
        select(OrderRefund, Order.order_id, OrderReturn.id)
        .join(Order, Order.id == OrderRefund.order_id)
        .outerjoin(OrderReturn, OrderReturn.refund_id == OrderRefund.id)
        .where(condition)
        .order_by(OrderRefund.id)
    )
    rows = read_session().execute(asked).all()
    lines: dict[int, list[BackLine]] = defaultdict(list)
    if not rows:
        return []
    asked_lines = select(RefundLine.refund_id, RefundLine.quantity, Item).join(Item, Item.id == RefundLine.item_id)
    currencies = {row.id: row.currency for row, _, _ in rows}
    for refund_id, count, item in read_session().execute(
        asked_lines.where(RefundLine.refund_id.in_(currencies)).order_by(RefundLine.id)
    ):
        lines[refund_id].append(BackLine(line_item(item, currencies[refund_id]), count))
    return [_view(row, number, returned, lines[row.id]) for row, number, returned in rows]


def _view(row: OrderRefund, number: str, returned: int | None, lines: Sequence[BackLine]) -> RefundView:
    return RefundView(
        id=row.id,
        order_id=OrderId(number),
        amount=Money(row.amount, row.currency),
        lines=tuple(lines),
        is_with_shipping=row.is_with_shipping,
        is_restocked=row.is_restocked,
        lowers_due=row.lowers_due,
        reason=row.reason,
        actor=row.actor,
        created_at=row.created_at,
        returned=returned,
    )
