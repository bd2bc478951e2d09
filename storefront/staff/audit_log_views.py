"""The trail: who of the staff did what, to what, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from storefront.accounts import service as accounts
from storefront.core.clock import start_of_day
from storefront.db.audit_log import AuditQuery
from storefront.staff import admin, bp
from storefront.staff.audit_log import AuditRow, export_audit_log, read_audit_log
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH, day_from, text_from
from storefront.staff.stock_views import send_csv
from storefront.web.responses import render_page

MAX_SUBJECT_LENGTH = 254  # characters
EXPORTED = ("when", "who", "what", "to", "detail", "noted in", "number")


@bp.get("/trail")
@admin
def audit_log() -> ResponseReturnValue:
    """A page of the trail, of everything or of what is asked for."""
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
        asked_url=lambda **asked: url_for("staff.audit_log", **asked),
    )


@bp.get("/trail.csv")
@admin
def download_audit_log() -> ResponseReturnValue:
    """The same as a CSV file, without pages."""
    return send_csv("staff-trail", EXPORTED, map(_exported, export_audit_log(_criteria(request.args))))


def _exported(row: AuditRow) -> Sequence[object]:
    act = row.act
    return (f"{act.at:%Y-%m-%dT%H:%M:%SZ}", act.actor, act.what, act.subject, act.detail, row.source, act.id)


def _criteria(args: MultiDict[str, str]) -> AuditQuery:
    """What the address asks for; days are those of the shop's time zone, and what is no day does not restrict."""
    since, until = day_from(args, "since"), day_from(args, "until")
    return AuditQuery(
        actor=text_from(args, "who", 80),
        subject=text_from(args, "to", MAX_SUBJECT_LENGTH),
        since=start_of_day(since) if since else None,
        until=start_of_day(until + timedelta(days=1)) if until else None,
    )


def _url(endpoint: str = "staff.audit_log", **more: str) -> str:
    """The address with what is asked for now, at the first page unless `more` names another."""
    asked: dict[str, Any] = {
        "who": text_from(request.args, "who", 80),
        "to": text_from(request.args, "to", MAX_SUBJECT_LENGTH),
        "since": day_from(request.args, "since"),
        "until": day_from(request.args, "until"),
        **more,
    }
    given: dict[str, Any] = {name: str(value) for name, value in asked.items() if value}
    return url_for(endpoint, **given)
