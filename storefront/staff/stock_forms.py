"""Forms of the stock pages: the filter in the query string, the rows of the table."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, Regexp

from storefront.catalog import inventory
from storefront.catalog.inventory.admin import Adjustment, Reason, SortOrder, StockFilter, StockQuery
from storefront.core.number_parsing import NotANumber
from storefront.web.form_fields import PageForm
from storefront.web.number_fields import NumberRefused, read_quantity

MAX_QUERY_LENGTH = 100
MAX_CURSOR_LENGTH = (
    8000  # characters; a cursor may hold a product name, and percent-encoding takes up to 12 per character
)
MAX_ECHOED = 40  # characters of a typed figure that are shown again
MAX_LEVEL = 999_999  # units of a low-stock level
REASONS = (Reason.CORRECTION, Reason.RECEIVED, Reason.DAMAGED, Reason.LOST, Reason.FOUND)

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_SIGNS = {"+": 1, "-": -1, "=": 0}  # of a change of the stock; "=" precedes a counted quantity
_SEEN = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


def text_from(args: MultiDict[str, str], name: str, max_length: int = MAX_QUERY_LENGTH) -> str:
    """Read a text value without control characters, cut to `max_length`."""
    return _CONTROLS.sub(" ", args.get(name, "")).strip()[:max_length]


def day_from(args: MultiDict[str, str], name: str) -> date | None:
    """Read a date of the years 2000 to 2999; anything else is None."""
    try:
        day = date.fromisoformat(args.get(name, ""))
    except ValueError:
        return None
    return day if 2000 <= day.year < 3000 else None


def stock_query(args: MultiDict[str, str]) -> StockQuery:
    """Read the filter from the query string. Unknown values fall back to the default, so that old links still work."""
    show, sort = args.get("show", ""), args.get("sort", "")
    return StockQuery(
        words=text_from(args, "q"),
        filter=StockFilter(show) if show in set(StockFilter) else StockFilter.ALL,
        order=SortOrder(sort) if sort in set(SortOrder) else SortOrder.SKU,
        cursor=args.get("at", "")[:MAX_CURSOR_LENGTH],
    )


def stock_url(criteria: StockQuery, *, done: str = "", **changes: Any) -> str:
    """Build the URL of the stock list with a part of the filter changed; any change restarts at the first page.

    :param done: reference of the submit whose changes are listed above the table
    """
    changed = replace(criteria, **({"cursor": "", **changes} if changes else {}))
    return url_for(
        "staff.stock",
        q=changed.words or None,
        show=None if changed.filter is StockFilter.ALL else changed.filter.value,
        sort=None if changed.order is SortOrder.SKU else changed.order.value,
        at=changed.cursor or None,
        done=done or None,
    )


class StockForm(PageForm):
    """The fields of a whole submit: idempotency key and reason. Its rows are read by `read_rows`."""

    key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}\Z")])
    reason = StringField("Reason", [AnyOf(REASONS)], default=Reason.CORRECTION.value)


@dataclass(frozen=True, slots=True)
class TypedRow:
    """A row as submitted.

    :ivar change: None when nothing was entered, or when `problem` says what is wrong
    """

    variant_id: int
    typed: str
    level: str
    change: Adjustment | None
    problem: str = ""


def read_rows(form: MultiDict[str, str]) -> dict[int, TypedRow]:
    """Read the submitted rows, by variant id, in the order of the table."""
    rows = {}
    for name in form:
        variant = name.removeprefix("seen-")
        seen = _SEEN.fullmatch(form[name])
        if name != variant and seen and re.fullmatch(r"[0-9]{1,9}", variant):
            rows[int(variant)] = _read_row(form, int(variant), int(seen[1]), int(seen[2]))
    return rows


def _read_row(form: MultiDict[str, str], variant: int, seen: int, seen_level: int) -> TypedRow:
    typed = form.get(f"change-{variant}", "").replace("\u2212", "-").strip()
    level = form.get(f"level-{variant}", "").strip()
    shown = typed[:MAX_ECHOED], level[:MAX_ECHOED]
    change = Adjustment(variant, seen, seen_level)
    try:
        if level and (units := read_quantity(level, most=MAX_LEVEL)) != seen_level:
            change = replace(change, level=units)
    except NumberRefused as refusal:
        return TypedRow(variant, *shown, None, f"Low-stock level: {refusal}")
    try:
        change = replace(change, **_change_from(typed)) if typed else change
    except NumberRefused as refusal:
        return TypedRow(variant, *shown, None, str(refusal))
    is_empty = change.count is None and change.delta is None and change.level is None
    return TypedRow(variant, *shown, None if is_empty else change)


def _change_from(typed: str) -> dict[str, int]:
    """Read a change such as "+5", "-2" or "=12".

    :return: `count` or `delta`; nothing for a change by 0
    :raise NumberRefused: it is none
    """
    sign, units = typed[0], typed[1:].removeprefix(" ")
    if sign not in _SIGNS:
        raise NotANumber(_format_hint(typed))
    if sign == "=":
        return {"count": read_quantity(units, most=inventory.admin.MAX_UNITS)}
    delta = read_quantity(units, most=inventory.admin.MAX_AT_ONCE)
    return {"delta": _SIGNS[sign] * delta} if delta else {}


def _format_hint(typed: str) -> str:
    if typed.isdigit() and typed.isascii():
        return f"Enter +{typed} to add, -{typed} to remove, or ={typed} for a counted quantity"
    return "Enter +5 to add, -2 to remove, or =12 for a counted quantity"


def idempotency_key(kind: str, key: str, *facts: object) -> str:
    """Derive the idempotency key of a submit from the key of its form and what was entered.

    The same form sent twice with the same values gets the same key; with other values, after going back, another one.

    :param kind: prefix, such as "desk/"
    """
    digest = hashlib.sha256("\n".join([key, *map(repr, facts)]).encode()).hexdigest()
    return f"{kind}{digest[:32]}"
