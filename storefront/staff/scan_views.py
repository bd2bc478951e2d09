"""Receiving a delivery by scanner: a code, its quantity, and the next code.

Every entry is a request of its own, and says with which line it was made: so a browser may send them one after the
other while the next is typed, and a form without JavaScript does the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask import abort, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, StringField
from wtforms.validators import Length, Regexp

from storefront.catalog import inventory
from storefront.catalog.inventory.admin import (
    SCAN,
    Adjustment,
    BadQuantity,
    NextCode,
    NoQuantity,
    Reason,
    SameCode,
    StockConflict,
    StockRow,
    Units,
    read_entry,
)
from storefront.staff import bp, stock_staff
from storefront.staff.stock_forms import idempotency_key, text_from
from storefront.web import session as web_session
from storefront.web.form_fields import PageForm, squeeze
from storefront.web.responses import render_page, wants_fragment

MAX_CODE_LENGTH = 100  # characters, as of a SKU
MAX_SCANS = inventory.admin.MAX_AT_ONCE
MAX_WAITING = 50  # lines shown that still need a quantity


def _trimmed(text: str | None) -> str:
    """Only blanks around a figure are left out: what is within it may make it another one."""
    return (text or "").strip()


class ScanForm(PageForm):
    """An entry into the quantity of an open line."""

    key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}\Z")])
    code = StringField("SKU or barcode", [Length(max=MAX_CODE_LENGTH)], filters=[squeeze])
    quantity = StringField("Quantity received", [Length(max=MAX_CODE_LENGTH)], filters=[_trimmed])


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the page carries from entry to entry.

    :ivar row: the open line
    :ivar scans: how many times it was scanned, from 1
    :ivar waiting: SKUs of lines that were left without a quantity, oldest first
    """

    row: StockRow | None = None
    scans: int = 1
    waiting: tuple[str, ...] = ()

    def opened(self, row: StockRow) -> Receipt:
        return Receipt(row, 1, tuple(sku for sku in self.waiting if sku != row.sku))

    def left(self) -> Receipt:
        """Leave the open line without a quantity."""
        assert self.row is not None  # noqa: S101 - for the type checker
        return replace(self, waiting=(*self.waiting, self.row.sku)[-MAX_WAITING:])

    def closed(self) -> Receipt:
        return Receipt(None, 1, self.waiting)


def _receipt_from(values: MultiDict[str, str], row: StockRow | None) -> Receipt:
    scans = values.get("scans", "1")
    waiting = [sku[:MAX_CODE_LENGTH] for sku in values.getlist("waiting")][-MAX_WAITING:]
    is_count = scans.isascii() and scans.isdecimal() and len(scans) <= len(str(MAX_SCANS))
    receipt = Receipt(None, 1, tuple(dict.fromkeys(waiting)))
    return replace(receipt.opened(row), scans=max(1, min(int(scans), MAX_SCANS)) if is_count else 1) if row else receipt


@bp.get("/stock/scan")
@stock_staff
def scan() -> ResponseReturnValue:
    """Open the line of a scanned code, and ask for the quantity."""
    code = text_from(request.args, "code", MAX_CODE_LENGTH)
    row = inventory.admin.find_by_code(code) if code else None
    problem = f"No SKU or barcode matches {code}" if code and row is None else ""
    return _show(_receipt_from(request.args, row), problem=problem, status=404 if problem else 200)


def _show(
    receipt: Receipt, *, problem: str = "", status: int = 200, notice: str = "", typed: str = ""
) -> ResponseReturnValue:
    """Show the open line, or ask for the next code.

    :param typed: what was entered as its quantity and refused
    """
    waiting = {row.sku: row for row in inventory.admin.rows_by_sku(receipt.waiting)} if receipt.waiting else {}
    return render_page(
        "staff/stock/scan.html",
        fragment="staff/stock/_scan.html",
        status=status,
        form=ScanForm(formdata=None, key=secrets.token_hex(16), quantity=typed),
        receipt=receipt,
        waiting=[waiting[sku] for sku in receipt.waiting if sku in waiting],
        problem=problem,
        notice=notice,
        scans=inventory.admin.recent_scans(web_session.current_actor()),
    )


@bp.post("/stock/scan")
@stock_staff
def receive_scan() -> ResponseReturnValue:
    """Take an entry into the quantity of an open line: a quantity, the code of the next line, or the same once more."""
    form = ScanForm()
    if not form.validate():
        abort(400)
    row = inventory.admin.find_by_code(form.code.data or "")
    receipt = _receipt_from(request.form, row)
    if row is None:
        return _show(receipt, problem=f"No SKU or barcode matches {form.code.data}", status=404)
    typed = form.quantity.data or ""
    try:
        entry = read_entry(typed, row, scans=receipt.scans, locale=current_app.config["SHOP_LOCALE"])
        return _take(receipt, row, entry, form.key.data or "")
    except NoQuantity:
        problem = f"Enter the quantity of {row.sku}, or scan it again to count. Nothing was received"
        return _show(receipt, problem=problem, status=422)
    except BadQuantity as error:
        return _show(receipt, problem=f"{row.sku}, “{typed}”: {error}. Nothing was received", status=422, typed=typed)
    except StockConflict:
        problem = f"Nothing was received: {row.sku} would exceed the maximum stock"
        return _show(receipt, problem=problem, status=409, typed=typed)


def _take(receipt: Receipt, row: StockRow, entry: Units | NextCode | SameCode, key: str) -> ResponseReturnValue:
    """Carry out an entry.

    :raise StockConflict: the units would exceed the maximum stock
    """
    if isinstance(entry, SameCode):
        return _go_on(replace(receipt, scans=min(entry.scans, MAX_SCANS)), [])
    if isinstance(entry, Units):
        return _go_on(receipt.closed(), [_receive(row, entry.count, key)])
    if entry.counted is None:
        left = f"{row.sku} has no quantity yet. {entry.row.sku} is the next line"
        return _go_on(receipt.left().opened(entry.row), [left])
    return _go_on(receipt.closed().opened(entry.row), [_receive(row, entry.counted, key)])


def _receive(row: StockRow, units: int, key: str) -> str:
    """Add units to the stock, and say so."""
    change = Adjustment(row.id, row.on_hand, row.reorder_level, delta=units)
    reference = idempotency_key(SCAN, key, row.id, units)
    inventory.admin.adjust([change], reference=reference, reason=Reason.RECEIVED, actor=web_session.current_actor())
    return f"{units:,} of {row.title} received"


def _go_on(receipt: Receipt, notices: Sequence[str]) -> ResponseReturnValue:
    """Show what comes next; without JavaScript by a redirect."""
    if wants_fragment():
        row = inventory.admin.find_by_code(receipt.row.sku) if receipt.row else None
        return _show(replace(receipt, row=row), notice=" ".join(notices))
    for notice in notices:
        flash(notice, "notice")
    code, scans = (receipt.row.sku, receipt.scans) if receipt.row else (None, None)
    return redirect(url_for(".scan", code=code, scans=scans, waiting=receipt.waiting), 303)
