"""Files of stock figures: uploaded, looked through, then applied by the worker."""

from __future__ import annotations

from flask import abort, request, url_for
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
from storefront.web.responses import redirect_or_hx, render_page
from storefront.web.route_options import max_upload

FORM_AROUND_A_FILE = 16 * 1024  # bytes: token and boundaries

FAULTS = {
    SheetFault.EMPTY: "The file is empty.",
    SheetFault.ENCODING: "Line {} holds letters that are not UTF-8. Save the file as “CSV UTF-8” and upload it again.",
    SheetFault.NO_SKU_COLUMN: "No column is called sku. The first line names the columns; it reads: {}.",
    SheetFault.UNKNOWN_COLUMNS: "These columns are unknown: {}. Rename them or take them out.",
    SheetFault.COLUMN_TWICE: "These columns stand there twice: {}.",
    SheetFault.NOTHING_TO_CHANGE: "There is nothing to change: give it a column count, delta or low_stock_level.",
    SheetFault.TOO_MANY_LINES: "The file has more than {} lines. Upload it in parts.",
    SheetFault.BROKEN: "Line {} cannot be read: a quote that is never closed, or a cell far too long.",
}


class UploadForm(FlaskForm):
    file = FileField("CSV file")


@bp.get("/stock/imports")
@stock_staff
def imports() -> ResponseReturnValue:
    """Where a file is uploaded, and what came of the last ones."""
    return _show(UploadForm(formdata=None))


def _show(form: UploadForm, problem: str = "", status: int = 200) -> ResponseReturnValue:
    recent = inventory.admin.recent_imports()
    return render_page("staff/stock/imports.html", status=status, form=form, problem=problem, imports=recent)


@bp.post("/stock/imports")
@max_upload(inventory.admin.MAX_BYTES + FORM_AROUND_A_FILE)
@stock_staff
def upload_import() -> ResponseReturnValue:
    """Check a file; nothing is changed by that."""
    form = UploadForm()
    file = request.files.get("file")
    if file is None or not file.filename:
        return _show(form, "Choose a CSV file first.", 422)
    content = file.stream.read(inventory.admin.MAX_BYTES + 1)
    if len(content) > inventory.admin.MAX_BYTES:
        abort(413)
    try:
        import_id = inventory.admin.check_file(content, file_name=file.filename, actor=web_session.current_actor())
    except NotCsv as other:
        return _show(form, f"This is {other.kind}, not a CSV file. Save it as CSV and upload that.", 415)
    except BadSheet as bad:
        return _show(form, FAULTS[bad.fault].format(bad.detail), 422)
    return redirect_or_hx(url_for(".show_import", import_id=import_id))


@bp.get("/stock/imports/<id:import_id>")
@stock_staff
def show_import(import_id: int) -> ResponseReturnValue:
    """What a file would change, how far its import is, or what came of it."""
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
    """Have the worker apply a file that was checked; pressed twice it is applied once."""
    inventory.admin.get_import(import_id)
    if inventory.admin.start_import(import_id):
        enqueue("import_stock", import_id)
    return redirect_or_hx(url_for(".show_import", import_id=import_id))
