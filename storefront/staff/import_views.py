"""Stock imports: a CSV file is uploaded, checked, reviewed, then applied by the worker."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import unescape

from flask import get_template_attribute, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import FileField

from storefront.catalog import inventory
from storefront.catalog.inventory.admin import BadSheet, ImportLine, NotCsv, RepeatedImport, SheetFault, UnappliedRow
from storefront.messaging import job_progress
from storefront.messaging.job_queue import enqueue
from storefront.staff import bp, stock_staff
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH
from storefront.staff.stock_views import send_csv
from storefront.web import session as web_session
from storefront.web.form_fields import PageForm
from storefront.web.request_body import in_words
from storefront.web.responses import redirect_or_hx, render_page
from storefront.web.route_options import max_upload

FORM_OVERHEAD = 16 * 1024  # bytes of CSRF token and boundaries

FAULT_TEXTS = {
    SheetFault.EMPTY: "The file is empty.",
    SheetFault.ENCODING: "Line {} is not valid UTF-8. Save the file as “CSV UTF-8” and upload it again.",
    SheetFault.NO_SKU_COLUMN: "There is no column named sku or barcode. The first line must name the columns; "
    "it reads: {}.",
    SheetFault.UNKNOWN_COLUMNS: "Unknown columns: {}. Rename or remove them.",
    SheetFault.UNNAMED_COLUMN: "Column {} has no name, but text on line {}. Name it or remove it.",
    SheetFault.COLUMN_TWICE: "Duplicate columns: {}.",
    SheetFault.NOTHING_TO_CHANGE: "Nothing to change: add a column count, delta or low_stock_level.",
    SheetFault.TOO_MANY_LINES: "The file has more than {} lines. Split it and upload the parts.",
    SheetFault.BROKEN: "Line {} cannot be read: a cell is too long.",
}


class UploadForm(PageForm):
    file = FileField("CSV file")


@bp.get("/stock/imports")
@stock_staff
def imports() -> ResponseReturnValue:
    """Show the upload form and the recent imports."""
    return _show(UploadForm(formdata=None))


def _show(form: UploadForm, problem: str = "", status: int = 200) -> ResponseReturnValue:
    recent = inventory.admin.recent_imports()
    return render_page("staff/stock/imports.html", status=status, form=form, problem=problem, imports=recent)


@bp.post("/stock/imports")
@max_upload(inventory.admin.MAX_BYTES + FORM_OVERHEAD)
@stock_staff
def upload_import() -> ResponseReturnValue:
    """Check a file and store its lines; stock does not change yet."""
    form = UploadForm()
    file = request.files.get("file")
    if file is None or not file.filename:
        return _show(form, "Choose a CSV file first.", 422)
    content = file.stream.read(inventory.admin.MAX_BYTES + 1)
    if len(content) > inventory.admin.MAX_BYTES:
        return _show(form, f"The file is larger than {in_words(inventory.admin.MAX_BYTES)}. Split it.", 413)
    try:
        import_id = inventory.admin.check_file(content, file_name=file.filename, actor=web_session.current_actor())
    except NotCsv as error:
        return _show(form, f"This is {error.kind}, not a CSV file. Save it as CSV and upload that.", 415)
    except BadSheet as error:
        return _show(
            form,
            _fault_text(error),
            422,
        )
    return redirect_or_hx(url_for(".show_import", import_id=import_id))


def _fault_text(error: BadSheet) -> str:
    details = error.detail.split("/") if error.fault is SheetFault.UNNAMED_COLUMN else [error.detail]
    return FAULT_TEXTS[error.fault].format(*details)


@bp.get("/stock/imports/<id:import_id>")
@stock_staff
def show_import(import_id: int) -> ResponseReturnValue:
    """Show an import: its preview, its progress, or its result."""
    return _show_import(import_id)


def _show_import(import_id: int, *, is_unconfirmed: bool = False) -> ResponseReturnValue:
    """Show an import.

    :param is_unconfirmed: it was to be applied, but nobody said that the same delivery came again
    """
    page = inventory.admin.show_import(import_id, request.args.get("at", "")[:MAX_CURSOR_LENGTH])
    return render_page(
        "staff/stock/import.html",
        fragment="staff/stock/_import.html",
        status=422 if is_unconfirmed else 200,
        page=page,
        imported=page.imported,
        done=job_progress.get(inventory.admin.progress_key(import_id)) if page.imported.is_busy else None,
        is_unconfirmed=is_unconfirmed,
    )


@bp.post("/stock/imports/<id:import_id>/application")
@stock_staff
def apply_import(import_id: int) -> ResponseReturnValue:
    """Queue a checked file to be applied by the worker; a second click applies nothing."""
    inventory.admin.get_import(import_id)
    skip_problems, is_repeat = (request.form.get(name) == "yes" for name in ("skip_problems", "is_repeat"))
    try:
        is_queued = inventory.admin.start_import(import_id, skip_problems=skip_problems, is_repeat=is_repeat)
    except RepeatedImport:
        return _show_import(import_id, is_unconfirmed=True)
    if is_queued:
        enqueue("import_stock", import_id)
    return redirect_or_hx(url_for(".show_import", import_id=import_id))


@bp.get("/stock/imports/<id:import_id>/problems.csv")
@stock_staff
def export_problems(import_id: int) -> ResponseReturnValue:
    """Send the rows of a file that have problems as a CSV file, each with its line and problem."""
    heading, rows = inventory.admin.unapplied_rows(import_id)
    explain = get_template_attribute("staff/stock/_labels.html", "problem_words")
    return send_csv(
        "not-imported", [*heading, "line", "problem"], (_problem_row(row, heading, explain) for row in rows)
    )


def _problem_row(row: UnappliedRow, heading: Sequence[str], explain: Callable[[ImportLine], str]) -> list[object]:
    """Lay out a row so that line and problem stand below their headings, wherever it ends."""
    cells = [_number_or_text(cell) for cell in row.cells]
    words = unescape(re.sub(r"<[^>]*>", "", explain(row.line))).strip()
    return [*cells, *[""] * (len(heading) - len(cells)), row.line.line, words]


def _number_or_text(cell: str) -> object:
    """Return a signed number as a number, which needs no protection against formulas."""
    return int(cell) if re.fullmatch(r"[+-][0-9]{1,9}", cell) else cell
