"""The staff's list of orders: search, filters, counts, board and export.

Other packages use it as `orders.admin_list`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, and_, case, func, select, union_all

from storefront.core import clock
from storefront.core.money import Money
from storefront.db import audit_log
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.db.pagination import PageCursors, SortKeys, paginate
from storefront.db.session import read_session
from storefront.orders.carriers import CARRIERS, MAX_CARRIER_LENGTH
from storefront.orders.models import AuditEntry, Item, Order
from storefront.orders.queries import WITH_INVOICE, views_of
from storefront.orders.search import matches_of
from storefront.orders.values import CASH_COLLECTED, OPEN, OrderId, OrderStatus, OrderView

__all__ = [
    "CARRIERS",
    "MAX_AT_ONCE",
    "MAX_CARRIER_LENGTH",
    "AdminOrder",
    "AdminOrderPage",
    "Board",
    "OrderFilter",
    "OrderQuery",
    "acts_of",
    "export_orders",
    "list_orders",
    "show_board",
]

PAGE_SIZE = 50
ROWS_AT_ONCE = 500  # of an export
MAX_AT_ONCE = 100  # orders of one batch
MAX_CARDS = 25  # of one column of the board
MAX_AUDIT_ENTRIES = 100  # shown of one order

# Staff can note that the cash of these arrived, see `OrderView.awaits_cash`.
_AWAITS_CASH = and_(
    Order.payment_type == "cod",
    Order.cash_received_at.is_(None),
    Order.status.in_(CASH_COLLECTED),
    Order.refunded_amount < Order.total_amount,
)


class OrderFilter(StrEnum):
    """Which orders are listed; a filter for one status has its name."""

    TO_SEND = "to-send"  # confirmed or being packed
    LATE = "late"  # open after their estimated delivery date
    PENDING = "pending"
    CONFIRMED = "confirmed"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    UNDELIVERED = "undelivered"
    REFUNDED = "refunded"
    CASH_DUE = "cash-due"  # paid on delivery, shipped, and the cash did not arrive yet
    ALL = "all"

    @property
    def statuses(self) -> tuple[OrderStatus, ...]:
        """The statuses it includes."""
        if self is OrderFilter.ALL:
            return tuple(OrderStatus)
        if self is OrderFilter.LATE:
            return OPEN
        if self is OrderFilter.CASH_DUE:
            return tuple(status for status in OrderStatus if status in CASH_COLLECTED)
        if self is OrderFilter.TO_SEND:
            return (OrderStatus.CONFIRMED, OrderStatus.PROCESSING)
        return (OrderStatus(self.value),)


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Which orders to list.

    :ivar words: each must be part of a number, e-mail address, name or phone number, or the start of a SKU
    :ivar since: first day on which it was placed, in the shop's time zone
    :ivar until: last such day
    :ivar cursor: of the page; empty for the first
    """

    words: str = ""
    filter: OrderFilter = OrderFilter.TO_SEND
    since: date | None = None
    until: date | None = None
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class AdminOrder:
    """An order in the staff's list.

    :ivar is_late: open after its estimated delivery date
    :ivar name: of the recipient
    :ivar first_item: the name of one of its products
    """

    id: OrderId
    checkout_id: str
    status: OrderStatus
    placed_at: datetime
    estimated_on: date
    is_late: bool
    name: str
    email: str
    city: str
    grand_total: Money
    payment_kind: str
    unit_count: int
    first_item: str

    @property
    def is_open(self) -> bool:
        """Whether it is still to be confirmed, packed, shipped or delivered."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class AdminOrderPage:
    """A page of the list.

    :ivar counts: orders of the whole shop, by filter
    """

    criteria: OrderQuery
    orders: tuple[AdminOrder, ...]
    counts: dict[OrderFilter, int]
    paged: PageCursors


@dataclass(frozen=True, slots=True)
class Board:
    """The list as a board with a column for each status.

    :ivar columns: the first `MAX_CARDS` orders of each status
    :ivar counts: orders of the whole shop, by filter
    """

    criteria: OrderQuery
    columns: dict[OrderStatus, tuple[AdminOrder, ...]]
    counts: dict[OrderFilter, int]


def list_orders(criteria: OrderQuery) -> AdminOrderPage:
    """Read a page of the list, by three selects: orders to work on oldest first, others newest first."""
    rows, paged = paginate(_chosen(select(Order), criteria), _keys(criteria), criteria.cursor, PAGE_SIZE)
    return AdminOrderPage(criteria, tuple(_admin_orders([row.Order for row in rows])), _counts(), paged)


def show_board(criteria: OrderQuery) -> Board:
    """Read the same orders by status, by three selects."""
    firsts = [_first_of(status, criteria).subquery() for status in criteria.filter.statuses]
    ids = union_all(*(select(first.c.id) for first in firsts)).subquery()
    chosen = select(Order).join(ids, ids.c.id == Order.id).order_by(Order.order_date, Order.id)
    orders = _admin_orders(read_session().scalars(chosen).all())
    columns = {}
    for status in criteria.filter.statuses:
        cards = [order for order in orders if order.status is status]
        columns[status] = tuple(cards if status in OPEN else reversed(cards))
    return Board(criteria, columns, _counts())


def _first_of(status: OrderStatus, criteria: OrderQuery) -> Select[int]:
    """The first orders of a column: the oldest of an open status, the newest of others."""
    chosen = _chosen(select(Order.id), criteria).where(Order.status == status)
    order = (Order.order_date, Order.id) if status in OPEN else (Order.order_date.desc(), Order.id.desc())
    return chosen.order_by(*order).limit(MAX_CARDS)


def export_orders(criteria: OrderQuery) -> Iterator[list[OrderView]]:
    """Read every order of a query in batches, so that no transaction stays open while the file is sent."""
    cursor = ""
    while True:
        asked = _chosen(select(Order), criteria).options(WITH_INVOICE)
        rows, paged = paginate(asked, _keys(criteria), cursor, ROWS_AT_ONCE)
        orders = views_of([row.Order for row in rows])
        read_session().rollback()
        yield orders
        cursor = paged.next
        if not cursor:
            return


def _keys(criteria: OrderQuery) -> SortKeys:
    """Sort by the time of the order, as plain columns or, for a selective query, as expressions.

    Expressions keep the database from walking the whole index of order times to find a few matching rows.
    """
    is_work = criteria.filter in {OrderFilter.TO_SEND, OrderFilter.LATE}
    keys = SortKeys((Order.order_date, Order.id), (datetime, int), is_descending=not is_work)
    if is_work or criteria.words:
        return replace(keys, columns=(func.coalesce(Order.order_date, Order.order_date), Order.id + 0))
    return keys


def _chosen(orders: Select[Any], criteria: OrderQuery) -> Select[Any]:
    if criteria.filter is not OrderFilter.ALL:
        orders = orders.where(Order.status.in_(criteria.filter.statuses))
    if criteria.filter is OrderFilter.LATE:
        orders = orders.where(Order.estimated_delivery < clock.today())
    if criteria.since:
        orders = orders.where(Order.order_date >= clock.start_of_day(criteria.since))
    if criteria.until:
        orders = orders.where(Order.order_date < clock.start_of_day(criteria.until + timedelta(days=1)))
    if criteria.filter is OrderFilter.CASH_DUE:
        orders = orders.where(_AWAITS_CASH)
    whole = " ".join(criteria.words.split())
    with_sku = select(Item.order_id).where(Item.sku.in_(sorted({whole, whole.upper()})))  # it may hold blanks
    if " " in whole and read_session().scalar(with_sku.limit(1)) is not None:
        return orders.where(Order.id.in_(with_sku))
    for matches in matches_of(criteria.words):
        orders = orders.join(matches, matches.c.id == Order.id)
    return orders


def _counts() -> dict[OrderFilter, int]:
    """Count the orders of the shop by filter, by one select on indexes."""
    is_late = case((Order.estimated_delivery < clock.today(), 1), else_=0)
    cash_due = select(func.count()).select_from(Order).where(_AWAITS_CASH).correlate(None).scalar_subquery()
    asked = select(Order.status, func.count(), func.sum(is_late), cash_due).group_by(Order.status)
    rows = read_session().execute(asked).all()
    by_status = {OrderStatus(status): (count, int(late)) for status, count, late, _ in rows}
    position = {chosen: 1 if chosen is OrderFilter.LATE else 0 for chosen in OrderFilter}
    counts = {
        chosen: sum(by_status.get(status, (0, 0))[position[chosen]] for status in chosen.statuses)
        for chosen in OrderFilter
    }
    return counts | {OrderFilter.CASH_DUE: next((row[3] for row in rows), 0)}


def _admin_orders(orders: Sequence[Order]) -> list[AdminOrder]:
    today, units = clock.today(), _units([order.id for order in orders])
    return [
        AdminOrder(
            id=OrderId(order.order_id),
            checkout_id=order.checkout_id,
            status=OrderStatus(order.status),
            placed_at=order.order_date,
            estimated_on=order.estimated_delivery,
            is_late=order.status in OPEN and order.estimated_delivery < today,
            name=order.shipping_full_name,
            email=order.customer_email,
            city=order.shipping_city,
            grand_total=Money(order.total_amount, order.currency),
            payment_kind=order.payment_type,
            unit_count=units[order.id][0],
            first_item=units[order.id][1],
        )
        for order in orders
    ]


def _units(ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """The units of each order, and the name of one of its products."""
    if not ids:
        return {}
    asked = select(Item.order_id, func.sum(Item.quantity), func.min(Item.product_name)).where(Item.order_id.in_(ids))
    return {order: (int(units), name) for order, units, name in read_session().execute(asked.group_by(Item.order_id))}


def acts_of(order_id: str) -> list[AuditEntryView]:
    """Entries of the audit log about an order, oldest first."""
    return list(audit_log.entries(AuditEntry, AuditQuery(subject=order_id), MAX_AUDIT_ENTRIES))[::-1]
