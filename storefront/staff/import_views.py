"""Stock imports: a CSV file is uploaded, checked, reviewed, then applied by the worker."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import FileField

from storefront.catalog import inventory
from storefront.catalog.inventory.admin import BadSheet, NotCsv, SheetFault
from storefront.messaging import job_progress
from storefront.messaging.job_queue import enqueue
from storefront.staff import bp, stock_staff
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH
from storefront.web import session as web_session
from storefront.web.request_body import in_words
from storefront.web.responses import redirect_or_hx, render_page
from storefront.web.route_options import max_upload

FORM_OVERHEAD = 16 * 1024  # bytes of CSRF token and boundaries

FAULT_TEXTS = {
    SheetFault.EMPTY: "The file is empty.",
    SheetFault.ENCODING: "Line {} is not valid UTF-8. Save the file as “CSV UTF-8” and upload it again.",
    SheetFault.NO_SKU_COLUMN: "There is no column named sku. The first line must name the columns; it reads: {}.",
    SheetFault.UNKNOWN_COLUMNS: "Unknown columns: {}. Rename or remove them.",
    SheetFault.COLUMN_TWICE: "Duplicate columns: {}.",
    SheetFault.NOTHING_TO_CHANGE: "Nothing to change: add a column count, delta or low_stock_level.",
    SheetFault.TOO_MANY_LINES: "The file has more than {} lines. Split it and upload the parts.",
    SheetFault.BROKEN: "Line {} cannot be read: a quote is not closed, or a cell is too long.",
}


class UploadForm(FlaskForm):
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
        return _show(form, FAULT_TEXTS[error.fault].format(error.detail), 422)
    return redirect_or_hx(url_for(".show_import", import_id=import_id))


@bp.get("/stock/imports/<id:import_id>")
@stock_staff
def show_import(import_id: int) -> ResponseReturnValue:
    """Show an import: its preview, its progress, or its result."""
    page = inventory.admin.show_import(import_id, request.args.get("at", "")[:MAX_CURSOR_LENGTH])
    return render_page(
        "staff/stock/import.html",
        fragment="staff/stock/_import.html",
        page=page,
        imported=page.imported,
        done=job_progress.get(inventory.admin.progress_key(import_id)) if page.imported.is_busy else None,
    )


@bp.post("/stock/imports/<id:import_id>/application")
@stock_staff
def apply_import(import_id: int) -> ResponseReturnValue:
    """Queue a checked file to be applied by the worker; a second click applies nothing."""
    inventory.admin.get_import(import_id)
    if inventory.admin.start_import(import_id):
        enqueue("import_stock", import_id)
    return redirect_or_hx(url_for(".show_import", import_id=import_id))
