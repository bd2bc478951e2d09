"""The first page of the staff: what was sold, what there is, what needs somebody; and all their desks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, request
from flask.typing import ResponseReturnValue

from storefront.accounts.values import Role
from storefront.catalog import inventory
from storefront.catalog import service as catalog
from storefront.catalog.inventory.admin import StockFilter
from storefront.checkout import service as checkout
from storefront.core import clock
from storefront.core.money import Money
from storefront.db.dead_letters import dead_letters_by_schema
from storefront.orders import service as orders
from storefront.staff import any_staff, bp
from storefront.staff.charts import bar_chart, shares
from storefront.web import session as web_session
from storefront.web.responses import render_page

PERIODS = (7, 30, 90)  # days
BEST_OF = 30  # days
RESTOCK_SHOWN = 5


@bp.app_template_filter("clock")
def time_of_day(moment: datetime) -> str:
    """16:05, in the shop's time zone."""
    return f"{clock.in_shop_time(moment):%H:%M}"


@bp.get("")
@any_staff
def dashboard() -> ResponseReturnValue:
    """The figures that somebody's desks are about, and where they may go."""
    asked = request.args.get("days", type=int)
    days = asked if asked in PERIODS else BEST_OF
    shown: dict[str, Any] = {"days": days, "periods": PERIODS}
    if web_session.works_as(Role.ORDER_STAFF):
        shown |= _of_orders(days)
    if web_session.works_as(Role.STOCK_STAFF):
        shown |= _of_stock()
    shown["missing"] = _missing(shown)
    return render_page("staff/dashboard.html", fragment="staff/_dashboard.html", **shown)


def _missing(shown: dict[str, Any]) -> list[str]:
    """What a shop needs before it opens and does not have, as `_first_steps.html` names it; settings are an admin's."""
    worth_saying = {"goods": not shown.get("is_on_sale", True)}
    if web_session.works_as(Role.ADMIN):
        worth_saying["address"] = not current_app.config["SHOP_ADDRESS"]
        worth_saying["payments"] = current_app.config["PAYMENT_PROVIDER"] == "sandbox"
    return [step for step, is_missing in worth_saying.items() if is_missing]


def _of_orders(days: int) -> dict[str, Any]:
    sold = orders.sales(days)
    revenue_chart = bar_chart([day.revenue.minor for day in sold.days])
    return {
        "sales": sold,
        "best": orders.best_sellers(BEST_OF),
        "best_of": BEST_OF,
        "order_chart": bar_chart([day.orders for day in sold.days]),
        "revenue_chart": revenue_chart,
        "revenue_top": Money(revenue_chart.top, sold.revenue.currency),
        "revenue_half": Money(revenue_chart.top // 2, sold.revenue.currency),
        "unfinished": checkout.count_unfinished(),
        "undelivered": sum(messages.count() for messages in dead_letters_by_schema().values()),
    }


def _of_stock() -> dict[str, Any]:
    page = inventory.admin.restock_list(size=RESTOCK_SHOWN)
    out, low, inactive = (page.counts[kind] for kind in (StockFilter.OUT, StockFilter.LOW, StockFilter.INACTIVE))
    stocked = page.counts[StockFilter.ALL] - out - low - inactive
    return {
        "restock": page,
        "worth": catalog.reports.stock_worth(),
        "stocked": stocked,
        "is_on_sale": stocked + low > 0,
        "stock_shares": shares([stocked, low, out, inactive]),
    }
