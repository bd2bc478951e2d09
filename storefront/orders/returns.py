"""Returns: requested by shoppers, approved or declined by staff. A unit is in one return or refund at most.

A return is also how a customer withdraws from the contract: in every status from the confirmation to the end of the
period after the delivery (Directive 2011/83/EU, art. 9), be the parcel packed, on its way or delivered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.core.clock import day_of, today, utc_now
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
    WITHDRAWABLE,
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
from storefront.orders.refunds import MAX_ENTRY_LENGTH, create_refund, terms_in, units_named
from storefront.orders.status import add_event, lock_order
from storefront.orders.values import LineItem, OrderId, OrderStatus, OrderView

MAX_LISTED = 100
SETTLED = "The whole order is closed and refunded, this return with it."


def return_eligibility(order: OrderView) -> ReturnEligibility | None:
    """Which units of an order may be returned today; None when there are none."""
    return _eligibility(order.status, order.items, order.delivered_at, order.estimated_on)


def _eligibility(
    status: OrderStatus, items: Sequence[LineItem], delivered_at: datetime | None, estimated_on: date
) -> ReturnEligibility | None:
    """The period starts on the day after delivery, and its last day counts in full."""
    left = tuple(item for item in items if item.units_left)
    if status not in WITHDRAWABLE or not left:
        return None
    until = None
    if status is OrderStatus.DELIVERED:
        until = (day_of(delivered_at) if delivered_at else estimated_on) + RETURN_PERIOD
        if today() > until:
            return None
    return ReturnEligibility(left, until, status in ON_THE_WAY)


def request_return(
    order_id: str, units: Mapping[int, int], *, reason: ReturnReason, note: str = "", key: str, by: str = "you"
) -> int:
    """Request the return of units, once for each key, and queue the e-mail that acknowledges it.

    :param units: by id of the line item
    :param note: the shopper's comment
    :param key: idempotency key of the form
    :param by: who requests it, as the shopper reads it in the timeline
    :return: the number of the return
    :raise UnknownOrder: no order has this number
    :raise NotReturnable: no unit was named, or some cannot be returned, or no longer
    :raise IdempotencyConflict: the key was used with other contents
    """
    wanted = {item: count for item, count in units.items() if count}
    try:
        return _request(order_id, wanted, reason, note, key, by)
    except IntegrityError:  # another request used the key at this moment: it is found now
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
        eligibility = _eligibility(
            OrderStatus(order.status), list(bought.values()), delivered_at, order.estimated_delivery
        )
        if eligibility is None or not units or units.keys() - bought.keys():
            raise NotReturnable(order_id)
        for item, count in sorted(units.items()):
            _claim(session, order, item, count)
        row = OrderReturn(
            order_id=order.id,
            key=key,
            digest=digest,
            state=ReturnState.REQUESTED,
            reason=reason,
            note=note[:MAX_NOTE_LENGTH],
            requested_at=utc_now(),
        )
        session.add(row)
        session.flush()
        session.add_all(ReturnLine(return_id=row.id, item_id=item, quantity=count) for item, count in units.items())
        named = units_named((bought[item], count) for item, count in units.items())
        _add_note(session, order, f"Return requested: {named}", by)
        _announce(session, order, row.id, ReturnState.REQUESTED)
        return row.id


def _bought(session: Session, order: Order) -> dict[int, LineItem]:
    mine = select(Item).where(Item.order_id == order.id).order_by(Item.id)
    rows = session.scalars(mine)
    return {row.id: line_item(row, order.currency) for row in rows}


def _delivered_at(session: Session, order: Order) -> datetime | None:
    first = select(func.min(OrderEvent.at)).where(OrderEvent.order_id == order.id)
    return session.scalar(first.where(OrderEvent.status == OrderStatus.DELIVERED))


def _claim(session: Session, order: Order, item: int, count: int) -> None:
    """Put units into a return, if they are in no other one and not refunded; the UPDATE decides."""
    are_left = Item.refunded + Item.in_return + count <= Item.quantity
    taken = update(Item).where(Item.id == item, Item.order_id == order.id, are_left)
    taken = taken.values(in_return=Item.in_return + count)
    if count < 0 or not rows_changed(session.execute(taken)):
        raise NotReturnable(order.order_id)


def _release_units(session: Session, return_id: int) -> dict[int, int]:
    """Take the units of a decided return out of it.

    :return: units by id of the line item
    """
    lines = select(ReturnLine.item_id, ReturnLine.quantity).where(ReturnLine.return_id == return_id)
    units = {row.item_id: row.quantity for row in session.execute(lines.order_by(ReturnLine.item_id))}
    for item, count in units.items():
        freed = update(Item).where(Item.id == item).values(in_return=Item.in_return - count)
        session.execute(freed)
    return units


def _add_note(session: Session, order: Order, note: str, by: str) -> None:
    add_event(session, order.id, OrderStatus(order.status), by=by, note=note[:MAX_ENTRY_LENGTH])


def _announce(session: Session, order: Order, return_id: int, state: ReturnState) -> None:
    payload = {"order": order.order_id, "checkout": order.checkout_id, "return": return_id, "state": state.value}
    outbox.publish(session, Message, RETURN_LETTER, return_key(order.order_id, return_id, state), payload)


def return_key(order_id: str, return_id: int, state: ReturnState) -> str:
    """The key of the outbox message about a return's new state."""
    return f"{RETURN_LETTER}/{order_id}/{return_id}/{state}"


# ------------------------------------------------------------------------------------------ decisions


def withdraw_return(order_id: str, return_id: int, *, by: str = "you") -> None:
    """Withdraw a return for its shopper.

    :raise UnknownReturn: the order has no such return
    :raise ReturnDecided: it was decided before; withdrawn included
    """
    _close(return_id, ReturnState.WITHDRAWN, order_id=order_id, by=by)


def decline_return(return_id: int, answer: str, *, actor: str, by: str = "the shop") -> None:
    """Decline a return.

    :param answer: why, for the shopper
    :param actor: the staff member, for the audit log
    :raise UnknownReturn: there is no such return
    :raise ReturnDecided: it was decided before; declined included
    """
    _close(return_id, ReturnState.DECLINED, answer=answer, actor=actor, by=by)


@retry_on_deadlock
def _close(
    return_id: int, state: ReturnState, *, by: str, order_id: str = "", answer: str = "", actor: str = ""
) -> None:
    with transaction("orders") as session:
        order = _order_of(session, return_id, order_id)
        _decide(session, return_id, state, answer=answer[:MAX_NOTE_LENGTH])
        _release_units(session, return_id)
        _add_note(session, order, "Return declined" if state is ReturnState.DECLINED else "Return withdrawn", by)
        _announce(session, order, return_id, state)
        if actor:
            detail = f"return {return_id} declined: {answer}"
            audit_log.record(session, AuditEntry, actor=actor, what="return", subject=order.order_id, detail=detail)


def settle_returns(session: Session, order: Order) -> None:
    """Close the open returns of an order that is called off, within the caller's transaction; its e-mail tells of that.

    They end as withdrawn: all units go back with the rest of the order.
    """
    is_open = (OrderReturn.order_id == order.id, OrderReturn.state == ReturnState.REQUESTED)
    for return_id in session.scalars(select(OrderReturn.id).where(*is_open).order_by(OrderReturn.id)).all():
        _decide(session, return_id, ReturnState.WITHDRAWN, answer=SETTLED)
        _release_units(session, return_id)


def _order_of(session: Session, return_id: int, order_id: str = "") -> Order:
    """The order of a return, with its row lock.

    :param order_id: the order it must belong to; empty for any
    """
    asked = select(Order.order_id).join(OrderReturn, OrderReturn.order_id == Order.id)
    number = session.scalar(asked.where(OrderReturn.id == return_id))
    if number is None or (order_id and number != order_id):
        raise UnknownReturn(return_id)
    return lock_order(session, number)


def _decide(session: Session, return_id: int, state: ReturnState, *, answer: str = "") -> None:
    """Decide an open return. The UPDATE decides between concurrent calls."""
    is_open = (OrderReturn.id == return_id, OrderReturn.state == ReturnState.REQUESTED)
    decided = update(OrderReturn).where(*is_open).values(state=state, answer=answer, decided_at=utc_now())
    if not rows_changed(session.execute(decided)):
        state_now = session.scalars(select(OrderReturn.state).where(OrderReturn.id == return_id)).one()
        raise ReturnDecided(ReturnState(state_now))


@retry_on_deadlock
def approve_return(
    return_id: int,
    *,
    restock: bool,
    with_shipping: bool | None = None,
    amount: Money | None = None,
    shown: Money | None = None,
    actor: str,
    by: str = "the shop",
) -> int:
    """Approve a return and refund its units.

    :param restock: whether the units are available for sale again
    :param with_shipping: whether the delivery is refunded too; None for what the law says, see
        `RefundTerms.is_shipping_due`
    :param amount: None for what the units are worth
    :param shown: the amount that staff saw and confirmed; None for a caller who shows none
    :param actor: the staff member, for the audit log
    :return: the number of the refund
    :raise UnknownReturn: there is no such return
    :raise ReturnDecided: it was decided before; approved included
    :raise TooMuchBack: less money is left
    :raise AmountNotShown: the refund comes to another amount than the one confirmed
    :raise TooLittleBack: see `refund`
    """
    with transaction("orders") as session:
        order = _order_of(session, return_id)
        _decide(session, return_id, ReturnState.APPROVED)
        units = _release_units(session, return_id)
        with_shipping = terms_in(session, order).is_shipping_due(units) if with_shipping is None else with_shipping
        request = RefundRequest(units, with_shipping, amount, f"Return no. {return_id}", restock, shown)
        key = f"return/{return_id}"
        refund_id = create_refund(session, order, request, key=key, digest=digest_of(key), actor=actor, by=by)
        linked = update(OrderReturn).where(OrderReturn.id == return_id).values(refund_id=refund_id)
        session.execute(linked)
        return refund_id


# -------------------------------------------------------------------------------------------- queries


def returns_of(order: OrderView) -> list[ReturnView]:
    """The returns of an order, oldest first."""
    if order.status is OrderStatus.PENDING:
        return []  # nothing was bought yet
    return _views(OrderReturn.order_id == order.row_id)


def returns_by(customer: int) -> list[ReturnView]:
    """The returns of all orders of an account, oldest first, by two selects."""
    return _views(Order.customer_id == customer)


def get_return(return_id: int) -> ReturnView:
    """Read one return.

    :raise UnknownReturn: there is no such return
    """
    views = _views(OrderReturn.id == return_id)
    if not views:
        raise UnknownReturn(return_id)
    return views[0]


def list_returns(state: ReturnState) -> list[ReturnView]:
    """Returns in a state, at most `MAX_LISTED`: open ones oldest first, others newest first."""
    waits = state is ReturnState.REQUESTED
    return _views(OrderReturn.state == state, OrderReturn.id.asc() if waits else OrderReturn.id.desc(), MAX_LISTED)


def count_open_returns() -> int:
    """Count the returns that staff have to decide."""
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
