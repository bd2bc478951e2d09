"""Goods that shoppers send back: asked for here, decided by the staff, each unit once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.core.clock import in_shop_time, today, utc_now
from storefront.core.money import Money
from storefront.db import audit_log, outbox
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.orders.events import RETURN_LETTER
from storefront.orders.mapping import line_item
from storefront.orders.models import AuditEntry, Item, Message, Order, OrderEvent
from storefront.orders.refund_models import OrderRefund, OrderReturn, ReturnLine
from storefront.orders.refund_values import (
    MAX_NOTE_LENGTH,
    ON_THE_WAY,
    RETURN_PERIOD,
    BackLine,
    IdempotencyConflict,
    NotReturnable,
    RefundRequest,
    ReturnDecided,
    ReturnEligibility,
    ReturnReason,
    ReturnState,
    ReturnView,
    UnknownReturn,
    digest_of,
)
from storefront.orders.refunds import MAX_ENTRY_LENGTH, create_refund, units_named
from storefront.orders.status import add_event, lock_order
from storefront.orders.values import LineItem, OrderId, OrderStatus, OrderView

MAX_LISTED = 100


def return_eligibility(order: OrderView) -> ReturnEligibility | None:
    """What of an order its shopper may send back today; None when nothing."""
    delivered = [event.at for event in order.timeline if event.status is OrderStatus.DELIVERED]
    return _offer(order.status, order.items, delivered[0] if delivered else None, order.estimated_on)


def _offer(
    status: OrderStatus, items: Sequence[LineItem], delivered_at: datetime | None, estimated_on: date
) -> ReturnEligibility | None:
    """The day of delivery does not count, and the last one does, to its end."""
    left = tuple(item for item in items if item.units_left)
    if status not in ON_THE_WAY or not left:
        return None
    until = None
    if status is OrderStatus.DELIVERED:
        until = (in_shop_time(delivered_at).date() if delivered_at else estimated_on) + RETURN_PERIOD
        if today() > until:
            return None
    return ReturnEligibility(left, until)


def request_return(
    order_id: str, units: Mapping[int, int], *, reason: ReturnReason, note: str = "", key: str, by: str = "you"
) -> int:
    """Ask to send units back; a receipt leaves at once.

    :param units: by id of the line item
    :param note: the shopper's own words
    :param key: of the form; sent again with the same contents it is the same return
    :param by: who asks, as the shopper reads it in the timeline
    :return: the number of the return
    :raise UnknownOrder: there is none of this number
    :raise NotReturnable: no unit was named, or one that cannot be sent back, or not any more
    :raise OtherContents: the form was sent before, with other contents
    """
    wanted = {item: count for item, count in units.items() if count}
    try:
        return _request(order_id, wanted, reason, note, key, by)
    except IntegrityError:  # the form was sent for another order at this moment: it is found now
        return _request(order_id, wanted, reason, note, key, by)


@retry_on_deadlock
def _request(order_id: str, units: Mapping[int, int], reason: ReturnReason, note: str, key: str, by: str) -> int:
    digest = digest_of(order_id, sorted(units.items()), reason.value, note)
    with transaction("orders") as session:
        order = lock_order(session, order_id)
        known = session.execute(select(OrderReturn.id, OrderReturn.digest).where(OrderReturn.key == key)).first()
        if known is not None and known.digest != digest:
            raise IdempotencyConflict(key)
        if known is not None:
            return int(known.id)
        bought = _bought(session, order)
        delivered_at = _delivered_at(session, order)
        offer = _offer(OrderStatus(order.status), list(bought.values()), delivered_at, order.estimated_delivery)
        if offer is None or not units or units.keys() - bought.keys():
            raise NotReturnable(order_id)
        for item, count in sorted(units.items()):
            _claim(session, order, item, count)
        asked = OrderReturn(
            order_id=order.id,
            key=key,
            digest=digest,
            state=ReturnState.REQUESTED,
            reason=reason,
            note=note[:MAX_NOTE_LENGTH],
            requested_at=utc_now(),
        )
        session.add(asked)
        session.flush()
        session.add_all(ReturnLine(return_id=asked.id, item_id=item, quantity=count) for item, count in units.items())
        named = units_named((bought[item], count) for item, count in units.items())
        _tell(session, order, f"Return requested: {named}", by)
        _announce(session, order, asked.id, ReturnState.REQUESTED)
        return asked.id


def _bought(session: Session, order: Order) -> dict[int, LineItem]:
    mine = select(Item).where(Item.order_id == order.id).order_by(Item.id)
    rows = session.scalars(mine)
    return {row.id: line_item(row, order.currency) for row in rows}


def _delivered_at(session: Session, order: Order) -> datetime | None:
    came = select(func.min(OrderEvent.at)).where(OrderEvent.order_id == order.id)
    return session.scalar(came.where(OrderEvent.status == OrderStatus.DELIVERED))


def _claim(session: Session, order: Order, item: int, count: int) -> None:
    """Take units for a return, if neither money nor another return has them: the statement decides."""
    are_left = Item.refunded + Item.in_return + count <= Item.quantity
    taken = update(Item).where(Item.id == item, Item.order_id == order.id, are_left)
    taken = taken.values(in_return=Item.in_return + count)
    if count < 0 or not rows_changed(session.execute(taken)):
        raise NotReturnable(order.order_id)


def _let_go(session: Session, return_id: int) -> dict[int, int]:
    """Units of a return that is decided are no longer its.

    :return: them, by line item
    """
    lines = select(ReturnLine.item_id, ReturnLine.quantity).where(ReturnLine.return_id == return_id)
    units = {row.item_id: row.quantity for row in session.execute(lines.order_by(ReturnLine.item_id))}
    for item, count in units.items():
        freed = update(Item).where(Item.id == item).values(in_return=Item.in_return - count)
        session.execute(freed)
    return units


def _tell(session: Session, order: Order, note: str, by: str) -> None:
    add_event(session, order.id, OrderStatus(order.status), by=by, note=note[:MAX_ENTRY_LENGTH])


def _announce(session: Session, order: Order, return_id: int, state: ReturnState) -> None:
    word = {"order": order.order_id, "checkout": order.checkout_id, "return": return_id, "state": state.value}
    outbox.publish(session, Message, RETURN_LETTER, return_key(order.order_id, return_id, state), word)


def return_key(order_id: str, return_id: int, state: ReturnState) -> str:
    """The key of what is announced of a return."""
    return f"{RETURN_LETTER}/{order_id}/{return_id}/{state}"


# ------------------------------------------------------------------------------------------ deciding


def withdraw_return(order_id: str, return_id: int, *, by: str = "you") -> None:
    """The shopper keeps the goods after all; asked twice it is withdrawn once.

    :raise UnknownReturn: the order has none of this number
    :raise ReturnDecided: the staff were first
    """
    _close(return_id, ReturnState.WITHDRAWN, order_id=order_id, by=by)


def decline_return(return_id: int, answer: str, *, actor: str, by: str = "the shop") -> None:
    """The goods are not taken back. :param answer: why, in words for the shopper

    :raise UnknownReturn: there is none of this number
    :raise ReturnDecided: it is not open any more; declined already included
    """
    _close(return_id, ReturnState.DECLINED, answer=answer, actor=actor, by=by)


@retry_on_deadlock
def _close(
    return_id: int, state: ReturnState, *, by: str, order_id: str = "", answer: str = "", actor: str = ""
) -> None:
    with transaction("orders") as session:
        order = _order_of(session, return_id, order_id)
        _decide(session, return_id, state, answer=answer[:MAX_NOTE_LENGTH])
        _let_go(session, return_id)
        _tell(session, order, "Return declined" if state is ReturnState.DECLINED else "Return withdrawn", by)
        _announce(session, order, return_id, state)
        if actor:
            detail = f"return {return_id} declined: {answer}"
            audit_log.record(session, AuditEntry, actor=actor, what="return", subject=order.order_id, detail=detail)


def _order_of(session: Session, return_id: int, order_id: str = "") -> Order:
    """The order of a return, locked.

    :param order_id: which it must be
    """
    asked = select(Order.order_id).join(OrderReturn, OrderReturn.order_id == Order.id)
    number = session.scalar(asked.where(OrderReturn.id == return_id))
    if number is None or (order_id and number != order_id):
        raise UnknownReturn(return_id)
    return lock_order(session, number)


def _decide(session: Session, return_id: int, state: ReturnState, *, answer: str = "") -> None:
    """Once, whoever comes first."""
    is_open = (OrderReturn.id == return_id, OrderReturn.state == ReturnState.REQUESTED)
    decided = update(OrderReturn).where(*is_open).values(state=state, answer=answer, decided_at=utc_now())
    if not rows_changed(session.execute(decided)):
        found = session.scalars(select(OrderReturn.state).where(OrderReturn.id == return_id)).one()
        raise ReturnDecided(ReturnState(found))


@retry_on_deadlock
def approve_return(
    return_id: int,
    *,
    restock: bool,
    with_shipping: bool = False,
    amount: Money | None = None,
    actor: str,
    by: str = "the shop",
) -> int:
    """Take the goods back and give their money back, once.

    :param restock: they go on the shelf again
    :param amount: None for what they are worth
    :return: the number of the refund
    :raise UnknownReturn: there is none of this number
    :raise ReturnDecided: it is not open any more; approved already included
    :raise TooMuchBack: less money is left
    """
    with transaction("orders") as session:
        order = _order_of(session, return_id)
        _decide(session, return_id, ReturnState.APPROVED)
        units = _let_go(session, return_id)
        request = RefundRequest(units, with_shipping, amount, f"Return no. {return_id}", restock)
        key = f"return/{return_id}"
        given = create_refund(session, order, request, key=key, digest=digest_of(key), actor=actor, by=by)
        linked = update(OrderReturn).where(OrderReturn.id == return_id).values(refund_id=given)
        session.execute(linked)
        return given


# ------------------------------------------------------------------------------------------- reading


def returns_of(order: OrderView) -> list[ReturnView]:
    """What was asked to be sent back of an order, oldest first."""
    if order.status not in ON_THE_WAY:
        return []  # nothing was sent that could come back
    return _views(OrderReturn.order_id == order.row_id)


def returns_by(customer: int) -> list[ReturnView]:
    """What was asked to be sent back of all orders of an account, oldest first, by two selects."""
    return _views(Order.customer_id == customer)


def get_return(return_id: int) -> ReturnView:
    """One return.

    :raise UnknownReturn: there is none of this number
    """
    found = _views(OrderReturn.id == return_id)
    if not found:
        raise UnknownReturn(return_id)
    return found[0]


def list_returns(state: ReturnState) -> list[ReturnView]:
    """Returns in a state, `MAX_LISTED` at most: those that wait oldest first, the others newest first."""
    waits = state is ReturnState.REQUESTED
    return _views(OrderReturn.state == state, OrderReturn.id.asc() if waits else OrderReturn.id.desc(), MAX_LISTED)


def count_open_returns() -> int:
    """Returns that wait for the staff."""
    waiting = select(func.count(OrderReturn.id)).where(OrderReturn.state == ReturnState.REQUESTED)
    return read_session().scalar(waiting) or 0


def _views(
    condition: ColumnElement[bool], order: ColumnElement[int] | None = None, most: int | None = None
) -> list[ReturnView]:
    asked = (
        select(OrderReturn, Order.order_id, Order.currency, OrderRefund.amount)
        .join(Order, Order.id == OrderReturn.order_id)
        .outerjoin(OrderRefund, OrderRefund.id == OrderReturn.refund_id)
        .where(condition)
        .order_by(OrderReturn.id if order is None else order)
        .limit(most)
    )
    rows = read_session().execute(asked).all()
    lines = _lines_of({row.id: currency for row, _, currency, _ in rows})
    return [_view(row, number, currency, amount, lines[row.id]) for row, number, currency, amount in rows]


def _lines_of(currencies: Mapping[int, str]) -> dict[int, list[BackLine]]:
    lines: dict[int, list[BackLine]] = defaultdict(list)
    if not currencies:
        return lines
    asked = select(ReturnLine.return_id, ReturnLine.quantity, Item).join(Item, Item.id == ReturnLine.item_id)
    asked = asked.where(ReturnLine.return_id.in_(currencies)).order_by(ReturnLine.id)
    for return_id, count, item in read_session().execute(asked):
        lines[return_id].append(BackLine(line_item(item, currencies[return_id]), count))
    return lines


def _view(row: OrderReturn, number: str, currency: str, amount: int | None, lines: Sequence[BackLine]) -> ReturnView:
    return ReturnView(
        id=row.id,
        order_id=OrderId(number),
        state=ReturnState(row.state),
        reason=ReturnReason(row.reason),
        note=row.note,
        answer=row.answer,
        lines=tuple(lines),
        requested_at=row.requested_at,
        decided_at=row.decided_at,
        refunded=None if amount is None else Money(amount, currency),
    )
