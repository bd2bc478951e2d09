"""The shop's day, in time zones west and east of Greenwich."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from storefront.core import clock
from storefront.orders import service as orders
from storefront.orders.service import admin_list
from storefront.orders.values import OrderStatus
from storefront.web.filters import day as day_words
from tests.factories.catalog import make_product
from tests.factories.refunds import ask_return, make_order_at
from tests.factories.shopping import make_snapshot, new_checkout_id
from tests.fakes import Clock

ROOT = Path(__file__).parents[2]
ZONES = [
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Auckland",
    "America/Los_Angeles",
    "America/St_Johns",
    "Pacific/Pago_Pago",
    "UTC",
]
# Half an hour after and before midnight, at the turn of a year, of a leap day, and on either side of Greenwich.
TIMES = [datetime(2027, 1, 1, 0, 30), datetime(2026, 12, 31, 23, 30), datetime(2028, 2, 29, 0, 30)]  # noqa: DTZ001


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("local", TIMES, ids=str)
def test_every_day_of_an_order_is_the_shops(
    app: Flask, monkeypatch: pytest.MonkeyPatch, now: Clock, zone: str, local: datetime
) -> None:
    """C4: numbers, "arrives by", sales, lateness and the period of returns go by the shop's day."""
    monkeypatch.setitem(app.config, "SHOP_TIMEZONE", zone)
    now.at = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    today = local.date()
    assert clock.today() == today
    assert clock.day_of(now.at) == today
    checkout = new_checkout_id()
    number = orders.create_order(checkout, make_snapshot())
    orders.confirm_order(checkout)
    assert number.startswith(f"ORD-{today:%y%m%d}")
    arrives_on = today + timedelta(days=app.config["DELIVERY_DAYS"])
    assert orders.get_order(number).estimated_on == orders.estimated_delivery_date() == arrives_on
    assert orders.sales(1).days[0].day == today
    assert orders.sales(1).orders == 1
    assert f"{today.year}" not in day_words(now.at)
    on_that_day = admin_list.OrderQuery(filter=admin_list.OrderFilter.ALL, since=today, until=today)
    assert number in [order.id for order in admin_list.list_orders(on_that_day).orders]
    late = admin_list.OrderQuery(filter=admin_list.OrderFilter.LATE)
    now.at += timedelta(days=app.config["DELIVERY_DAYS"])
    assert number not in [order.id for order in admin_list.list_orders(late).orders]
    now.at += timedelta(days=1)
    assert number in [order.id for order in admin_list.list_orders(late).orders]


@pytest.mark.parametrize("zone", ZONES)
def test_the_last_day_of_a_return_counts_in_full(
    app: Flask, monkeypatch: pytest.MonkeyPatch, now: Clock, zone: str
) -> None:
    """C4: from the day after the delivery to the end of the fourteenth, where the shop is."""
    monkeypatch.setitem(app.config, "SHOP_TIMEZONE", zone)
    delivered = datetime(2026, 12, 31, 0, 30, tzinfo=ZoneInfo(zone))
    now.at = delivered.astimezone(UTC)
    order = make_order_at(OrderStatus.DELIVERED, (make_product(), 1))
    last_day = date(2027, 1, 14)
    now.at = datetime(2027, 1, 14, 23, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    eligibility = orders.return_eligibility(order)
    assert eligibility is not None
    assert eligibility.until == last_day
    now.at += timedelta(hours=1)
    assert orders.return_eligibility(order) is None
    now.at -= timedelta(hours=1)
    assert ask_return(order, 1)


def test_only_the_clock_makes_days_out_of_moments() -> None:
    """C4: the next place that needs a day asks the clock for the shop's."""
    makes_a_day = re.compile(
        r"\.date\(\)|date\.today|:%[yYmd]+%?[mdbY%]*\}|strftime\(\"%Y-%m-%d\"\)|\.astimezone\(zone"
    )
    # The days of the old shop are kept as they were written there.
    others = {ROOT / "storefront" / path for path in ("core/clock.py", "legacy_import/values.py")}
    files = [path for path in (ROOT / "storefront").rglob("*.py") if path not in others]
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        for line in path.read_text().splitlines()
        if makes_a_day.search(line) and "today()" not in line
    ]
    assert found == []
