"""The ledger of the stock: every movement with who, when and why."""

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
from storefront.core.clock import start_of_day
from storefront.staff import bp, stock_staff
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH, day_from, text_from
from storefront.staff.stock_views import send_csv
from storefront.web.responses import render_page

REASONS_SHOWN = (
    "sale",
    "cancellation",
    "return",
    "initial",
    "api",
    *inventory.admin.Reason,
    inventory.admin.UNDO,
    inventory.admin.LEVEL,
)
EXPORTED = ("when", "sku", "name", "change", "balance", "reason", "note", "who", "reference", "number", "undoes")


@bp.get("/stock/movements")
@stock_staff
def movements() -> ResponseReturnValue:
    """A page of the ledger, of everything or of what is asked for."""
    criteria = _criteria(request.args)
    return render_page(
        "staff/stock/movements.html",
        fragment="staff/stock/_movements.html",
        ledger=inventory.admin.list_movements(criteria),
        reasons=[str(reason) for reason in REASONS_SHOWN],
        since=day_from(request.args, "since"),
        until=day_from(request.args, "until"),
        here=_url(criteria),
        page_url=lambda cursor: _url(replace(criteria, cursor=cursor)),
        csv_url=_url(replace(criteria, cursor=""), "staff.export_movements"),
    )


@bp.get("/stock/movements.csv")
@stock_staff
def export_movements() -> ResponseReturnValue:
    """The same ledger as a CSV file, without pages."""
    rows = inventory.admin.export_movements(_criteria(request.args))
    return send_csv("stock-movements", EXPORTED, map(_exported, rows))


def _exported(row: Movement) -> Sequence[object]:
    when = row.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    what = (row.sku, row.title, row.delta, row.balance, row.reason, row.note, row.actor, row.reference)
    return (when, *what, row.id, row.undoes_id)


def _criteria(args: MultiDict[str, str]) -> LedgerCriteria:
    """What the address asks for; days are those of the shop's time zone, and what is no day does not restrict."""
    since, until = day_from(args, "since"), day_from(args, "until")
    return LedgerCriteria(
        sku=text_from(args, "sku", 64),
        actor=text_from(args, "who", 80),
        reason=text_from(args, "why", 24),
        reference=text_from(args, "reference", 64),
        since=start_of_day(since) if since else None,
        until=start_of_day(until + timedelta(days=1)) if until else None,
        cursor=args.get("at", "")[:MAX_CURSOR_LENGTH],
    )


def _url(criteria: LedgerCriteria, endpoint: str = "staff.movements") -> str:
    asked: dict[str, Any] = {
        "sku": criteria.sku,
        "who": criteria.actor,
        "why": criteria.reason,
        "reference": criteria.reference,
        "since": day_from(request.args, "since"),
        "until": day_from(request.args, "until"),
        "at": criteria.cursor,
    }
    given: dict[str, Any] = {name: str(value) for name, value in asked.items() if value}
    return url_for(endpoint, **given)
