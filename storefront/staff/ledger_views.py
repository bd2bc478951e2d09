"""The stock ledger: every movement with who, when and why, as a page and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from storefront.catalog import inventory
from storefront.catalog.inventory.admin import LedgerCriteria, Movement
from storefront.catalog.values import MAX_SKU_LENGTH
from storefront.core.clock import shop_timestamp, start_of_day
from storefront.staff import bp, stock_staff
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH, day_from, text_from
from storefront.staff.stock_views import send_csv
from storefront.web.responses import render_page

FILTER_REASONS = (
    "sale",
    "cancellation",
    "return",
    "initial",
    "api",
    *inventory.admin.Reason,
    inventory.admin.UNDO,
    inventory.admin.LEVEL,
)
CSV_COLUMNS = ("when", "sku", "name", "change", "balance", "reason", "note", "who", "reference", "number", "undoes")


@bp.get("/stock/movements")
@stock_staff
def movements() -> ResponseReturnValue:
    """Show a page of the ledger, filtered by SKU, actor, reason, reference and days."""
    criteria = _criteria(request.args)
    return render_page(
        "staff/stock/movements.html",
        fragment="staff/stock/_movements.html",
        ledger=inventory.admin.list_movements(criteria),
        reasons=[str(reason) for reason in FILTER_REASONS],
        since=day_from(request.args, "since"),
        until=day_from(request.args, "until"),
        here=_url(criteria),
        page_url=lambda cursor: _url(replace(criteria, cursor=cursor)),
        csv_url=_url(replace(criteria, cursor=""), "staff.export_movements"),
    )


@bp.get("/stock/movements.csv")
@stock_staff
def export_movements() -> ResponseReturnValue:
    """Send the filtered ledger as a CSV file, without pagination."""
    rows = inventory.admin.export_movements(_criteria(request.args))
    return send_csv("stock-movements", CSV_COLUMNS, map(_csv_row, rows))


def _csv_row(row: Movement) -> Sequence[object]:
    created_at = shop_timestamp(row.created_at)
    facts = (row.sku, row.title, row.delta, row.balance, row.reason, row.note, row.actor, row.reference)
    return (created_at, *facts, row.id, row.undoes_id)


def _criteria(args: MultiDict[str, str]) -> LedgerCriteria:
    """Read the filter from the query string. Days are in the shop's time zone; invalid ones do not restrict."""
    since, until = day_from(args, "since"), day_from(args, "until")
    return LedgerCriteria(
        sku=text_from(args, "sku", MAX_SKU_LENGTH),
        actor=text_from(args, "who", 80),
        reason=text_from(args, "why", 24),
        reference=text_from(args, "reference", 64),
        since=start_of_day(since) if since else None,
        until=start_of_day(until + timedelta(days=1)) if until else None,
        cursor=args.get("at", "")[:MAX_CURSOR_LENGTH],
    )


def _url(criteria: LedgerCriteria, endpoint: str = "staff.movements") -> str:
    filters: dict[str, Any] = {
        "sku": criteria.sku,
        "who": criteria.actor,
        "why": criteria.reason,
        "reference": criteria.reference,
        "since": day_from(request.args, "since"),
        "until": day_from(request.args, "until"),
        "at": criteria.cursor,
    }
    query: dict[str, Any] = {name: str(value) for name, value in filters.items() if value}
    return url_for(endpoint, **query)
