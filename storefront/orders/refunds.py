"""A part of an order goes back: money, and units that go on the shelf again or do not.

The order's row is locked first, by whoever gives something back, cancels or decides on a return: so they come one after
the other. What must hold stands in each UPDATE all the same.
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
    BackLine,
    IdempotencyConflict,
    NothingToRefund,
    NotRefundable,
    RefundRequest,
    RefundTerms,
    RefundView,
    TooMuchBack,
    digest_of,
)
from storefront.orders.status import add_event, lock_order
from storefront.orders.values import LineItem, OrderId, OrderStatus, OrderView

MAX_ENTRY_LENGTH = 255  # characters of an entry of the timeline


def refund(order_id: str, request: RefundRequest, *, key: str, actor: str, by: str = "the shop") -> int:
    """Give a part of an order back, once: whoever must act on it hears of it in the same transaction.

    :param key: of the form; sent again with the same contents it is the same refund
    :param actor: who of the staff does it, as their trail names them
    :param by: the same, as the shopper reads it in the timeline
    :return: the number of the refund
    :raise UnknownOrder: there is none of this number
    :raise NotRefundable: it is not paid for yet, or cancelled
    :raise NothingToRefund: neither a unit nor money was named
    :raise TooMuchBack: fewer units, or less money, are left
    :raise OtherContents: the form was sent before, with other contents
    """
    try:
        return _refund(order_id, request, key, actor, by)
    except IntegrityError:  # the form was sent for another order at this moment: it is found now
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
    """Promise a refund within the caller's transaction, which has the order locked.

    :return: its number
    """
    terms = _terms_in(session, order)
    if terms.status not in REFUNDABLE:
        raise NotRefundable(terms.status)
    units = {item: count for item, count in request.units.items() if count}
    with_shipping = request.with_shipping and bool(terms.shipping_left)
    worth = terms.worth_of(units, with_shipping=with_shipping)
    amount = worth if request.amount is None else request.amount
    if amount.minor < 0 or amount > terms.left:
        raise TooMuchBack(terms.left)
    if not amount and not units:
        raise NothingToRefund
    _move_figures(session, order, terms, units, amount, with_shipping)
    given = OrderRefund(
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
    session.add(given)
    session.flush()
    session.add_all(RefundLine(refund_id=given.id, item_id=item, quantity=count) for item, count in units.items())
    bought = {item.id or 0: item for item in terms.items}
    named = units_named((bought[item], count) for item, count in units.items())
    add_event(session, order.id, terms.status, by=by, note=f"Refund{': ' if named else ''}{named}"[:MAX_ENTRY_LENGTH])
    _announce(session, order, given, _by_sku(bought, units))
    detail = f"{amount.amount} {amount.currency}{', ' if named else ''}{named}"
    detail += f"{', back on the shelf' if given.is_restocked else ''}{': ' if request.reason else ''}{request.reason}"
    audit_log.record(session, AuditEntry, actor=actor, what="refund", subject=order.order_id, detail=detail)
    return given.id


def _terms_in(session: Session, order: Order) -> RefundTerms:
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
    )


def _move_figures(
    session: Session, order: Order, terms: RefundTerms, units: Mapping[int, int], amount: Money, with_shipping: bool
) -> None:
    """Count what goes back, if so much is left: the statements decide."""
    with_it = {"is_shipping_refunded": True} if with_shipping else {}
    enough = Order.refunded_amount + amount.minor <= Order.total_amount
    money = update(Order).where(Order.id == order.id, Order.status.in_(REFUNDABLE), enough)
    money = money.values(refunded_amount=Order.refunded_amount + amount.minor, **with_it)
    if not rows_changed(session.execute(money)):
        raise TooMuchBack(terms.left)
    for item, count in sorted(units.items()):
        are_left = Item.refunded + Item.in_return + count <= Item.quantity
        goods = update(Item).where(Item.id == item, Item.order_id == order.id, are_left)
        goods = goods.values(refunded=Item.refunded + count)
        if not rows_changed(session.execute(goods)):
            raise TooMuchBack(terms.left)


def _is_still_due(order: Order) -> bool:
    """Cash is collected on delivery; whoever pays later owes it to a lender, who is told."""
    return order.payment_type == "bnpl" or (order.payment_type == "cod" and order.status != OrderStatus.DELIVERED)


def _by_sku(bought: Mapping[int, LineItem], units: Mapping[int, int]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for item, count in units.items():
        found[bought[item].sku] += count
    return found


def units_named(goods: Iterable[tuple[LineItem, int]]) -> str:
    """Goods with their count, as the timeline has them: "2 × Clay Mug, Blue; 1 × Iron Pan"."""
    return "; ".join(f"{count} × {item.name}{', ' if item.option else ''}{item.option}" for item, count in goods)


def _announce(session: Session, order: Order, given: OrderRefund, units: Mapping[str, int]) -> None:
    """Leave word for each who must act, so that one who fails does not make the others act again."""

    def post(topic: str, **more: object) -> None:
        word = {"order": order.order_id, "checkout": order.checkout_id, "refund": given.id, **more}
        outbox.publish(session, Message, topic, refund_key(topic, order.order_id, given.id), word)

    if given.amount:
        post(REFUND_MONEY, amount=given.amount, currency=given.currency)
    if given.is_restocked:
        # Goods that never left us were not sold after all.
        why = "return" if order.status in ON_THE_WAY else "cancellation"
        post(REFUND_RESTOCK, units=dict(units), reason=why, actor=given.actor)
    post(REFUND_LETTER)


def refund_key(topic: str, order_id: str, refund_id: int) -> str:
    """The key of what is announced of a refund."""
    return f"{topic}/{order_id}/{refund_id}"


def refunds_of(order: OrderView) -> list[RefundView]:
    """What was given back of an order in part, oldest first; nothing is asked where nothing was."""
    if not order.refunded and not any(item.refunded for item in order.items):
        return []
    return _views(OrderRefund.order_id == order.row_id)


def refunds_to(customer: int) -> list[RefundView]:
    """What was given back in part of all orders of an account, oldest first, by two selects."""
    return _views(Order.customer_id == customer)


def get_refund(refund_id: int) -> RefundView:
    """One refund.

    :raise LookupError: there is none of this number
    """
    found = _views(OrderRefund.id == refund_id)
    if not found:
        raise LookupError(refund_id)
    return found[0]


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
