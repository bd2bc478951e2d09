"""Many products at once: chosen in the list, looked at, then changed all or none."""

from __future__ import annotations

import re
import secrets
from decimal import Decimal
from typing import Any

from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField
from wtforms.validators import Regexp

from storefront.catalog import products
from storefront.catalog.products.admin import BulkAct, BulkChange, BulkConflict, BulkImpossible, BulkLine, PriceEnding
from storefront.staff import bp, stock_staff
from storefront.staff.product_forms import KEY
from storefront.staff.variant_rows import on_one_line
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.responses import redirect_or_hx, render_page

_FIGURE = re.compile(r"([+-]?)([0-9]{1,9}(?:\.[0-9]{1,2})?)")
MAX_PERCENT = 1000

NOT_A_FIGURE = "Enter a figure such as -10 or 5.5."
CHANGED_MEANWHILE = "Nothing was changed: {} other than what was looked at. They stand below as they are now."
IMPOSSIBLE = "Nothing was changed: {} would come to nothing, or to more than a price may be."


class BulkForm(FlaskForm):
    """What belongs to the whole submit; products and prices are read by hand."""

    key = HiddenField(validators=[Regexp(KEY)])


def _chosen(values: MultiDict[str, str]) -> list[int]:
    """The products that were ticked."""
    given = [*values.getlist("product"), *values.get("products", "").split(",", products.admin.MAX_PRODUCTS)]
    found = [int(one) for one in given if re.fullmatch(r"[0-9]{1,9}", one)]
    return list(dict.fromkeys(found))[: products.admin.MAX_PRODUCTS]


def _read(values: MultiDict[str, str]) -> tuple[BulkChange, str]:
    """What is asked for, and what is wrong with it."""
    act, ending = values.get("act", ""), values.get("ending", "")
    change = BulkChange(
        BulkAct(act) if act in set(BulkAct) else BulkAct.PUBLISH,
        ending=PriceEnding(ending) if ending in set(PriceEnding) else PriceEnding.ANY,
    )
    if not change.act.is_price:
        return change, ""
    typed = _FIGURE.fullmatch(on_one_line(values.get("figure")).replace("\u2212", "-").removesuffix("%").strip())
    if typed is None or not Decimal(typed[2]):
        return change, NOT_A_FIGURE
    figure = Decimal(f"{typed[1]}{typed[2]}")
    if change.act is BulkAct.PERCENT and not -100 < figure <= MAX_PERCENT:
        return change, f"A percentage is above -100 and at most {MAX_PERCENT:,}."
    return BulkChange(change.act, figure, change.ending), ""


@bp.get("/products/changes")
@stock_staff
def bulk_change() -> ResponseReturnValue:
    """What a change of many products would do; nothing is changed by looking."""
    ids = _chosen(request.args)
    change, problem = _read(request.args)
    if not ids:
        problem = "No product was ticked."
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
    lines = products.admin.preview(ids, change) if ids and has_figure else ()
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
        heading=_in_words(change, len(ids)),
    )


def _in_words(change: BulkChange, count: int) -> str:
    goods = plural(count, "product")
    if change.act is BulkAct.PUBLISH:
        return f"Put {goods} on sale"
    if change.act is BulkAct.HIDE:
        return f"Hide {goods}"
    return f"Change the prices of {goods}"


@bp.post("/products/changes")
@stock_staff
def apply_bulk_change() -> ResponseReturnValue:
    """Make the change that was looked at; pressed twice it is made once."""
    form = BulkForm()
    if not form.validate():
        abort(400)
    ids = _chosen(request.form)
    change, problem = _read(request.form)
    if problem or not ids:
        return _show(ids, change, request.form, problem=problem or "No product was ticked.", status=422)
    try:
        count = products.admin.apply_bulk(
            ids, change, seen=_seen(request.form), key=form.key.data or "", actor=web_session.current_actor()
        )
    except BulkConflict as conflict:
        words = CHANGED_MEANWHILE.format(f"{plural(len(conflict.lines), 'price')} {_are(len(conflict.lines))}")
        return _show(ids, change, request.form, problem=words, status=409, marked=conflict.lines)
    except BulkImpossible as impossible:
        words = IMPOSSIBLE.format(plural(len(impossible.lines), "price"))
        return _show(ids, change, request.form, problem=words, status=422, marked=impossible.lines)
    flash(_done(change, count), "notice")
    return redirect_or_hx(url_for(".products"))


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _done(change: BulkChange, count: int | None) -> str:
    if count is None:
        return "This was done already"
    if change.act.is_price:
        return f"{plural(count, 'price')} changed"
    return f"{plural(count, 'product')} {'put on sale' if change.act is BulkAct.PUBLISH else 'hidden'}"


def _seen(form: MultiDict[str, str]) -> dict[int, int]:
    """The prices that were looked at, in minor units by variant."""
    seen: dict[int, int] = {}
    for name in form:
        price: Any = re.fullmatch(r"[0-9]{1,14}", form[name])
        variant = re.fullmatch(r"price-([0-9]{1,9})", name)
        if variant and price:
            seen[int(variant[1])] = int(price[0])
    return seen
