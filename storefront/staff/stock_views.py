"""Stock: the list with its editable rows, undo, the restock list, and the CSV export."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, flash, redirect, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from storefront.catalog import inventory
from storefront.catalog.inventory.admin import (
    Reason,
    Rejection,
    RejectionKind,
    StockConflict,
    StockPage,
    StockQuery,
    StockRow,
)
from storefront.core.clock import today
from storefront.core.csv_files import csv_lines
from storefront.core.urls import safe_next_path
from storefront.staff import bp, stock_staff
from storefront.staff.stock_forms import (
    REASONS,
    StockForm,
    TypedRow,
    idempotency_key,
    read_rows,
    stock_query,
    stock_url,
    text_from,
)
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.responses import redirect_or_hx, render_page, wants_fragment

bp.add_app_template_global(stock_url)

NOTHING_APPLIED = "Nothing was changed: correct {} below."


@bp.get("/stock")
@stock_staff
def stock() -> ResponseReturnValue:
    """Show the stock list, with the changes of the last submit above it."""
    page = inventory.admin.list_stock(stock_query(request.args))
    return _show_list(page, form=StockForm(formdata=None, key=secrets.token_hex(16)))


def _show_list(
    page: StockPage,
    *,
    form: StockForm,
    status: int = 200,
    typed: Mapping[int, TypedRow] | None = None,
    refusals: Mapping[int, Rejection] | None = None,
    problem: str = "",
    done: str = "",
    notice: str = "",
) -> ResponseReturnValue:
    done = done or text_from(request.args, "done", 64)
    return render_page(
        "staff/stock/list.html",
        fragment="staff/stock/_after_change.html" if request.method == "POST" else "staff/stock/_list.html",
        status=status,
        page=page,
        form=form,
        reasons=REASONS,
        typed=typed or {},
        refusals=refusals or {},
        problem=problem,
        done=inventory.admin.movements_of(done) if done else (),
        notice=notice,
    )


@bp.post("/stock")
@stock_staff
def change_stock() -> ResponseReturnValue:
    """Apply the changes entered into the rows, all or none."""
    criteria, form, rows = stock_query(request.args), StockForm(), read_rows(request.form)
    if not form.validate():
        abort(400)
    if any(row.problem for row in rows.values()):
        return _refuse(criteria, form, rows, {}, status=422)
    changes = [row.change for row in rows.values() if row.change]
    if not changes:
        return _refuse(criteria, form, rows, {}, status=422)
    reference = idempotency_key("desk/", form.key.data or "", form.reason.data, *changes)
    try:
        is_new = inventory.admin.adjust(
            changes, reference=reference, reason=Reason(form.reason.data or ""), actor=web_session.current_actor()
        )
    except StockConflict as conflict:
        return _refuse(criteria, form, rows, conflict.refusals, status=409)
    notice = f"{plural(len(changes), 'row')} changed" if is_new else "These changes were already saved"
    if wants_fragment():
        fresh = StockForm(formdata=None, key=secrets.token_hex(16), reason=form.reason.data)
        return _show_list(inventory.admin.list_stock(criteria), form=fresh, done=reference, notice=notice)
    flash(notice, "notice")
    return redirect(stock_url(criteria, done=reference), 303)


def _refuse(
    criteria: StockQuery,
    form: StockForm,
    rows: Mapping[int, TypedRow],
    refusals: Mapping[int, Rejection],
    *,
    status: int,
) -> ResponseReturnValue:
    """Show the submitted rows with their current stock and what was entered, even those outside the filter now."""
    current = inventory.admin.rows_by_id(rows)
    listed = inventory.admin.list_stock(criteria)
    page = StockPage(criteria, tuple(current[i] for i in rows if i in current), listed.counts, listed.paged)
    wrong = len(refusals) + sum(bool(row.problem) for row in rows.values())
    problem = NOTHING_APPLIED.format(plural(wrong, "row")) if wrong else "Nothing was changed: no row has a change."
    gone = [refusal for refusal in refusals.values() if refusal.kind is RejectionKind.GONE]
    if gone:
        problem += f" {plural(len(gone), 'row')} no longer {'exists' if len(gone) == 1 else 'exist'}."
    return _show_list(page, form=form, status=status, typed=rows, refusals=refusals, problem=problem)


@bp.post("/stock/movements/<id:movement_id>/reversal")
@stock_staff
def undo_movement(movement_id: int) -> ResponseReturnValue:
    """Undo a movement with a reversing one; a second click changes nothing."""
    back = safe_next_path(request.form.get("back")) or url_for(".movements")
    try:
        inventory.admin.undo(movement_id, actor=web_session.current_actor())
    except StockConflict as conflict:
        (refusal,) = conflict.refusals.values()
        flash(_cannot_undo(refusal), "problem")
    except inventory.admin.NotUndoable:
        flash("Only changes made by staff can be undone here.", "problem")
    else:
        flash("Movement undone", "notice")
    return redirect_or_hx(back)


def _cannot_undo(refusal: Rejection) -> str:
    row = refusal.row
    if row is None or refusal.kind is not RejectionKind.SHORT:
        return "Nothing was changed: this movement cannot be undone."
    return f"Nothing was changed: only {row.available:,} of {row.sku} are available now."


# --------------------------------------------------------------------------------------------- restocking


@bp.get("/stock/restock")
@stock_staff
def restock() -> ResponseReturnValue:
    """List what to reorder, by days of stock left."""
    page = inventory.admin.restock_list(text_from(request.args, "at", 1000))
    return render_page("staff/stock/restock.html", fragment="staff/stock/_restock.html", page=page)


CSV_COLUMNS = (
    "sku",
    "name",
    "barcode",
    "state",
    "on_hand",
    "reserved",
    "available",
    "level",
    "sold_30_days",
    "days_left",
    "count",
    "delta",
    "reason",
    "low_stock_level",
)


@bp.get("/stock.csv")
@stock_staff
def export_stock() -> ResponseReturnValue:
    """Send every SKU as a CSV file, with empty columns to fill in for an import."""
    return send_csv("stock", CSV_COLUMNS, (_csv_row(row) for row in inventory.admin.export_stock()))


def _csv_row(row: StockRow) -> Sequence[object]:
    state = row.stock_status.name.lower()
    figures = (row.on_hand, row.reserved, row.available, row.reorder_level, row.sold_30, row.days_left)
    return (row.sku, row.title, row.barcode, state, *figures, "", "", "", "")


def send_csv(name: str, header: Sequence[str], rows: Any) -> Response:
    """Stream rows as a CSV file.

    :param name: start of the file name, before today's date
    """
    response = Response(stream_with_context(csv_lines(header, rows)), mimetype="text/csv")
    file_name = f"{name}-{today():%Y-%m-%d}.csv"
    response.headers["Content-Disposition"] = f"attachment; filename={file_name}"
    return response
