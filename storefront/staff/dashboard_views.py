"""The dashboard: sales, stock, what needs attention, and links to the pages of the staff area."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, request
from flask.typing import ResponseReturnValue

from storefront.accounts.values import Permission
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
DEFAULT_PERIOD = 30  # days
BEST_OF = 30  # days of sales that the best sellers are counted over
RESTOCK_SHOWN = 5


@bp.app_template_filter("clock")
def time_of_day(moment: datetime) -> str:
    """Format the time of day in the shop's time zone, such as 16:05."""
    return f"{clock.in_shop_time(moment):%H:%M}"


@bp.get("")
@any_staff
def dashboard() -> ResponseReturnValue:
    """Show the figures that the role of the staff member is about."""
    requested = request.args.get("days", type=int)
    days = requested if requested in PERIODS else DEFAULT_PERIOD
    context: dict[str, Any] = {"days": days, "periods": PERIODS}
    if web_session.may(Permission.CUSTOMERS):
        context |= _order_figures(days)
    if web_session.may(Permission.PRODUCTS):
        context |= _stock_figures()
    context["missing"] = _missing_setup(context)
    return render_page("staff/dashboard.html", fragment="staff/_dashboard.html", **context)


def _missing_setup(context: dict[str, Any]) -> list[str]:
    """List what the shop still lacks before it can open, as `_first_steps.html` names it; only admins see settings."""
    steps = {"products": not context.get("is_on_sale", True)}
    if web_session.may(Permission.ADMINISTRATION):
        steps["address"] = not current_app.config["SHOP_ADDRESS"]
        steps["payments"] = current_app.config["PAYMENT_PROVIDER"] == "sandbox"
    return [step for step, is_missing in steps.items() if is_missing]


def _order_figures(days: int) -> dict[str, Any]:
    sales = orders.sales(days)
    revenue_chart = bar_chart([day.revenue.minor for day in sales.days])
    return {
        "sales": sales,
        "best": orders.best_sellers(BEST_OF),
        "best_of": BEST_OF,
        "order_chart": bar_chart([day.orders for day in sales.days]),
        "revenue_chart": revenue_chart,
        "revenue_top": Money(revenue_chart.top, sales.revenue.currency),
        "revenue_half": Money(revenue_chart.top // 2, sales.revenue.currency),
        "unfinished": checkout.count_unfinished(),
        "undelivered": sum(messages.count() for messages in dead_letters_by_schema().values()),
    }


def _stock_figures() -> dict[str, Any]:
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
