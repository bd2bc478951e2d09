"""Sales by day and by product. Orders that are pending or called off are left out, refunds are deducted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, Integer, cast, func, literal_column, select, type_coerce

from storefront.core import clock
from storefront.core.cache import cached_query
from storefront.core.money import Money
from storefront.db.column_types import MinorUnits
from storefront.db.session import dialect_of, read_session
from storefront.orders.models import Item, Order
from storefront.orders.values import CALLED_OFF, OrderStatus

BEST_SHOWN = 10

# Orders are grouped by quarter of an hour: the largest unit that lies within one day in every time zone (India: +5:30).
QUARTER = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SOLD = Order.status.not_in((OrderStatus.PENDING, *CALLED_OFF))


@dataclass(frozen=True, slots=True)
class DaySales:
    """The sales of a day.

    :ivar orders: placed on this day, in the shop's time zone
    :ivar revenue: their totals less refunds
    """

    day: date
    orders: int
    revenue: Money


@dataclass(frozen=True, slots=True)
class Sales:
    """The sales of a number of days.

    :ivar days: oldest first, without a gap; the last is today
    :ivar as_of: when they were queried
    """

    days: tuple[DaySales, ...]
    as_of: datetime

    @property
    def orders(self) -> int:
        """Orders of all days."""
        return sum(day.orders for day in self.days)

    @property
    def revenue(self) -> Money:
        """Revenue of all days."""
        first, *rest = (day.revenue for day in self.days)
        return sum(rest, start=first)


@dataclass(frozen=True, slots=True)
class BestSeller:
    """A product with its sales.

    :ivar name: one of those it was sold under
    :ivar revenue: of its line items, before shipping, tax and refunds
    """

    product_id: int
    slug: str
    name: str
    units: int
    revenue: Money


@dataclass(frozen=True, slots=True)
class BestSellers:
    """The products that sold most units.

    :ivar as_of: when they were queried
    """

    products: tuple[BestSeller, ...]
    as_of: datetime


@cached_query
def sales(days: int) -> Sales:
    """Orders and revenue of each of the last days, by one select.

    :param days: 1 or more, today included
    """
    now, first = clock.utc_now(), _first_of(days)
    quarter = _quarter()
    left = type_coerce(func.sum(Order.total_amount - Order.refunded_amount), MinorUnits)
    chosen = select(quarter, func.count(Order.id), left)
    counts: dict[date, int] = defaultdict(int)
    sums: dict[date, int] = defaultdict(int)
    rows = read_session().execute(chosen.where(_SOLD, Order.order_date >= clock.start_of_day(first)).group_by(quarter))
    for number, count, total in rows:
        day = clock.day_of(EPOCH + int(number) * QUARTER)
        counts[day] += count
        sums[day] += total
    currency = current_app.config["CURRENCY"]
    every = (first + timedelta(days=number) for number in range(days))
    return Sales(tuple(DaySales(day, counts[day], Money(sums[day], currency)) for day in every), now)


def _first_of(days: int) -> date:
    return clock.today() - timedelta(days=days - 1)


def _quarter() -> ColumnElement[int]:
    """Quarters of an hour from 1970 to the order, as a column."""
    if dialect_of("orders") == "sqlite":
        return cast(func.strftime("%s", Order.order_date), Integer) // 900
    return func.timestampdiff(literal_column("MINUTE"), "1970-01-01", Order.order_date, type_=Integer) // 15


@cached_query
def best_sellers(days: int) -> BestSellers:
    """The `BEST_SHOWN` products that sold most units in the last days, by one select.

    :param days: as with `sales`
    """
    units, revenue = func.sum(Item.quantity), type_coerce(func.sum(Item.total), MinorUnits)
    chosen = (
        select(Item.product_id, func.max(Item.product_slug), func.max(Item.product_name), units, revenue)
        .join(Order, Order.id == Item.order_id)
        .where(_SOLD, Order.order_date >= clock.start_of_day(_first_of(days)))
        .group_by(Item.product_id)
        .order_by(units.desc(), revenue.desc(), Item.product_id)
    )
    currency = current_app.config["CURRENCY"]
    best = tuple(
        BestSeller(product_id, slug, name, int(sold), Money(total, currency))
        for product_id, slug, name, sold, total in read_session().execute(chosen.limit(BEST_SHOWN))
    )
    return BestSellers(best, clock.utc_now())
