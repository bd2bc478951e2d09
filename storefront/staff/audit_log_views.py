"""The audit log page and its CSV export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from storefront.accounts import service as accounts
from storefront.core.clock import shop_timestamp, start_of_day
from storefront.db.audit_log import AuditQuery
from storefront.orders import service as orders
from storefront.staff import admin, bp
from storefront.staff.audit_log import AuditRow, export_audit_log, read_audit_log
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH, day_from, text_from
from storefront.staff.stock_views import send_csv
from storefront.web.responses import render_page

MAX_SUBJECT_LENGTH = 254  # characters
CSV_COLUMNS = ("when", "who", "what", "to", "detail", "noted in", "number")


@bp.get("/audit-log")
@admin
def audit_log() -> ResponseReturnValue:
    """Show a page of the audit log, filtered by actor, subject and days."""
    criteria, cursor = _criteria(request.args), request.args.get("at", "")[:MAX_CURSOR_LENGTH]
    return render_page(
        "staff/audit_log/entries.html",
        fragment="staff/audit_log/_entries.html",
        page=read_audit_log(criteria, cursor),
        criteria=criteria,
        is_first=not cursor,
        staff=accounts.staff_members(),
        since=day_from(request.args, "since"),
        until=day_from(request.args, "until"),
        first_url=_url(),
        page_url=lambda cursor: _url(at=cursor),
        csv_url=_url("staff.download_audit_log"),
        filter_url=lambda **filters: url_for("staff.audit_log", **filters),
    )


@bp.get("/audit-log.csv")
@admin
def download_audit_log() -> ResponseReturnValue:
    """Send the filtered audit log as a CSV file, without pagination."""
    return send_csv("audit-log", CSV_COLUMNS, map(_csv_row, export_audit_log(_criteria(request.args))))


def _csv_row(row: AuditRow) -> Sequence[object]:
    entry = row.entry
    return (shop_timestamp(entry.at), entry.actor, entry.what, entry.subject, entry.detail, row.source, entry.id)


def _criteria(args: MultiDict[str, str]) -> AuditQuery:
    """Read the filter from the query string. Days are in the shop's time zone; invalid ones do not restrict."""
    since, until = day_from(args, "since"), day_from(args, "until")
    return AuditQuery(
        actor=text_from(args, "who", 80),
        subject=_subject(text_from(args, "to", MAX_SUBJECT_LENGTH)),
        since=start_of_day(since) if since else None,
        until=start_of_day(until + timedelta(days=1)) if until else None,
    )


def _subject(typed: str) -> str:
    """What the entries are about: an order's number may be typed in any spelling."""
    return orders.find_number(typed) or typed if typed else ""


def _url(endpoint: str = "staff.audit_log", **more: str) -> str:
    """Build the URL with the current filter, at the first page unless `more` has a cursor."""
    filters: dict[str, Any] = {
        "who": text_from(request.args, "who", 80),
        "to": text_from(request.args, "to", MAX_SUBJECT_LENGTH),
        "since": day_from(request.args, "since"),
        "until": day_from(request.args, "until"),
        **more,
    }
    query: dict[str, Any] = {name: str(value) for name, value in filters.items() if value}
    return url_for(endpoint, **query)
