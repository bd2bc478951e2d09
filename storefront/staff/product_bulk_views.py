"""Bulk changes of products: selected in the list, previewed, then applied all or none."""

from __future__ import annotations

import re
import secrets
from decimal import Decimal
from typing import Any

from flask import abort, current_app, flash, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField
from wtforms.validators import Regexp

from storefront.catalog import products as catalog_products
from storefront.catalog.products.admin import BulkAct, BulkChange, BulkConflict, BulkImpossible, BulkLine, PriceEnding
from storefront.core.money import Money
from storefront.core.number_parsing import parse_decimal
from storefront.staff import bp, stock_staff
from storefront.staff.product_forms import KEY
from storefront.staff.variant_rows import on_one_line
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.form_fields import PageForm
from storefront.web.number_fields import NumberRefused, read_money, shop_locale
from storefront.web.responses import redirect_or_hx, render_page

MAX_PERCENT = 1000
PERCENT_PLACES = 2  # decimals

NOT_A_FIGURE = "Enter a number such as -10 or 5.5"
CHANGED_MEANWHILE = "Nothing was changed: {} changed since the preview. The current prices are shown below."
IMPOSSIBLE = "Nothing was changed: {} would fall to zero or exceed the maximum."


class BulkForm(PageForm):
    """The idempotency key of a bulk change; products and prices are read by `_selected` and `_seen`."""

    key = HiddenField(validators=[Regexp(KEY)])


def _selected(values: MultiDict[str, str]) -> list[int]:
    """Read the ids of the selected products, without duplicates."""
    values_sent = [
        *values.getlist("product"),
        *values.get("products", "").split(",", catalog_products.admin.MAX_PRODUCTS),
    ]
    ids = [int(value) for value in values_sent if re.fullmatch(r"[0-9]{1,9}", value)]
    return list(dict.fromkeys(ids))[: catalog_products.admin.MAX_PRODUCTS]


def _read(values: MultiDict[str, str]) -> tuple[BulkChange, str]:
    """Read the requested change.

    :return: the change, and what is wrong with it; empty when nothing is
    """
    act, ending = values.get("act", ""), values.get("ending", "")
    change = BulkChange(
        BulkAct(act) if act in set(BulkAct) else BulkAct.PUBLISH,
        ending=PriceEnding(ending) if ending in set(PriceEnding) else PriceEnding.ANY,
    )
    if not change.act.is_price:
        return change, ""
    try:
        figure = _figure(values.get("figure", ""), change.act)
    except NumberRefused as refusal:
        return change, f"{refusal}."
    if not figure:
        return change, f"{NOT_A_FIGURE}."
    if change.act is BulkAct.PERCENT and not -100 < figure <= MAX_PERCENT:
        return change, f"Enter a percentage above -100 and up to {MAX_PERCENT:,}."
    return BulkChange(change.act, figure, change.ending), ""


def _figure(typed: str, act: BulkAct) -> Decimal:
    """Read a percentage or an amount such as "-10" or "+5.5".

    :raise NumberRefused: it is none
    """
    signed = typed.strip().replace("\u2212", "-")
    unsigned = signed[1:] if signed[:1] in {"+", "-"} else signed
    if act is BulkAct.PERCENT:
        bare = unsigned.removesuffix("%")
        figure = parse_decimal(bare, places=PERCENT_PLACES, locale=shop_locale(), hint=NOT_A_FIGURE)
    else:
        currency = current_app.config["CURRENCY"]
        figure = read_money(unsigned, currency, most=Money(catalog_products.admin.MAX_MINOR_UNITS, currency)).amount
    return -figure if signed.startswith("-") else figure


@bp.get("/products/changes")
@stock_staff
def bulk_change() -> ResponseReturnValue:
    """Preview a bulk change."""
    ids = _selected(request.args)
    change, problem = _read(request.args)
    if not ids:
        problem = "Select at least one product."
    return _show(ids, change, request.args, problem=problem, status=422 if problem else 200)


def _show(
    ids: list[int],
    change: BulkChange,
    values: MultiDict[str, str],
    *,
    problem: str,
    status: int = 200,
    marked: tuple[BulkLine, ...] = (),
) -> ResponseReturnValue:
    has_figure = change.figure != 0 or not change.act.is_price
    lines = catalog_products.admin.preview(ids, change) if ids and has_figure else ()
    return render_page(
        "staff/products/changes.html",
        fragment="staff/products/_changes.html",
        status=status,
        ids=ids,
        change=change,
        figure=on_one_line(values.get("figure"))[:20],
        lines=lines,
        can_apply=bool(lines) and all(line.is_possible for line in lines),
        marked={line.variant_id for line in marked},
        problem=problem,
        form=BulkForm(formdata=None, key=secrets.token_hex(16)),
        heading=_heading(change, len(ids)),
    )


def _heading(change: BulkChange, count: int) -> str:
    products = plural(count, "product")
    if change.act is BulkAct.PUBLISH:
        return f"Publish {products}"
    if change.act is BulkAct.HIDE:
        return f"Hide {products}"
    return f"Change the prices of {products}"


@bp.post("/products/changes")
@stock_staff
def apply_bulk_change() -> ResponseReturnValue:
    """Apply a previewed change; a second click changes nothing."""
    form = BulkForm()
    if not form.validate():
        abort(400)
    ids = _selected(request.form)
    change, problem = _read(request.form)
    if problem or not ids:
        return _show(ids, change, request.form, problem=problem or "Select at least one product.", status=422)
    try:
        count = catalog_products.admin.apply_bulk(
            ids, change, seen=_seen(request.form), key=form.key.data or "", actor=web_session.current_actor()
        )
    except BulkConflict as conflict:
        problem = CHANGED_MEANWHILE.format(plural(len(conflict.lines), "price"))
        return _show(ids, change, request.form, problem=problem, status=409, marked=conflict.lines)
    except BulkImpossible as impossible:
        problem = IMPOSSIBLE.format(plural(len(impossible.lines), "price"))
        return _show(ids, change, request.form, problem=problem, status=422, marked=impossible.lines)
    flash(_done_text(change, count), "notice")
    return redirect_or_hx(url_for(".products"))


def _done_text(change: BulkChange, count: int | None) -> str:
    if count is None:
        return "This change was already made"
    if change.act.is_price:
        return f"{plural(count, 'price')} changed"
    return f"{plural(count, 'product')} {'published' if change.act is BulkAct.PUBLISH else 'hidden'}"


def _seen(form: MultiDict[str, str]) -> dict[int, int]:
    """Read the prices of the preview.

    :return: minor units by variant id
    """
    seen: dict[int, int] = {}
    for name in form:
        price: Any = re.fullmatch(r"[0-9]{1,14}", form[name])
        variant = re.fullmatch(r"price-([0-9]{1,9})", name)
        if variant and price:
            seen[int(variant[1])] = int(price[0])
    return seen
