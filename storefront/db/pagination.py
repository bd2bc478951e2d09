"""Keyset pagination: a page is found by the sort key it begins after, so that every page costs the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, literal, or_, tuple_, type_coerce
from sqlalchemy.orm import QueryableAttribute

from storefront.db.session import read_session

MAX_INTEGER = 2**53  # exclusive limit of integers in a cursor; ids and prices stay below it

Key = ColumnElement[Any] | QueryableAttribute[Any]


@dataclass(frozen=True, slots=True)
class PageCursors:
    """Cursors of the previous and the next page; empty where there is none."""

    previous: str
    next: str


@dataclass(frozen=True, slots=True)
class SortKeys:
    """The columns that rows are sorted by; the last one must be unique.

    :ivar kinds: the Python type of each column; cursors with values of other types are ignored
    """

    columns: tuple[Key, ...]
    kinds: tuple[type, ...]
    is_descending: bool = False

    def sorted_afterwards(self) -> SortKeys:
        """The same order by expressions without an index, so that the database filters first, then sorts few rows."""
        plain = zip(self.columns, self.kinds, strict=True)
        columns = (type_coerce(column + ("" if kind is str else 0), column.type) for column, kind in plain)
        return replace(self, columns=tuple(columns))


def paginate(
    chosen: Select[*tuple[Any, ...]], keys: SortKeys, cursor: str, size: int
) -> tuple[list[Row[Any]], PageCursors]:
    """Read one page of a select; an invalid cursor gives the first page.

    :param size: rows of a page
    :return: the rows in order, and the cursors of the pages before and after
    """
    start = _read(cursor, keys.kinds)
    is_backwards = bool(start and start[0])
    chosen = chosen.add_columns(*(column.label(f"key_{i}") for i, column in enumerate(keys.columns)))
    is_descending = keys.is_descending != is_backwards
    if start:
        is_sqlite = read_session().get_bind(clause=chosen).dialect.name == "sqlite"
        chosen = chosen.where(_beyond(keys.columns, start[1], is_descending, is_sqlite))
    order = [column.desc() if is_descending else column.asc() for column in keys.columns]
    results = list(read_session().execute(chosen.order_by(*order).limit(size + 1)))
    has_more, rows = len(results) > size, results[:size]
    if is_backwards:
        rows.reverse()
    has_previous = has_more if is_backwards else bool(start)
    has_next = bool(rows) if is_backwards else has_more
    return rows, PageCursors(
        previous=_write(rows[0], len(keys.columns), is_backwards=True) if rows and has_previous else "",
        next=_write(rows[-1], len(keys.columns), is_backwards=False) if rows and has_next else "",
    )


def _beyond(columns: Sequence[Key], values: Sequence[Any], is_descending: bool, is_sqlite: bool) -> ColumnElement[bool]:
    """Condition: the row comes after a position, written so that each database can use its index."""
    if is_sqlite:
        row, position = tuple_(*columns), tuple_(*(literal(v, c.type) for c, v in zip(columns, values, strict=True)))
        return row < position if is_descending else row > position
    alternatives = []
    for index, (column, value) in enumerate(zip(columns, values, strict=True)):
        same = [c == v for c, v in zip(columns[:index], values[:index], strict=True)]
        alternatives.append(and_(*same, column < value if is_descending else column > value))
    return or_(*alternatives)


def _write(row: Row[Any], key_count: int, *, is_backwards: bool) -> str:
    return encode_cursor([is_backwards, *(getattr(row, f"key_{i}") for i in range(key_count))])


def _read(cursor: str, kinds: Sequence[type]) -> tuple[bool, list[Any]] | None:
    values = decode_cursor(cursor, (bool, *kinds))
    return (values[0], values[1:]) if values else None


def encode_cursor(values: Sequence[object]) -> str:
    """Encode values for a URL: booleans, strings, integers, datetimes."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[type]) -> list[Any] | None:
    """Decode a cursor made by `encode_cursor`; None for any other text.

    :param kinds: the type of each value
    """
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_value(value, kind) for value, kind in zip(plain, kinds, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _value(plain: Any, kind: type) -> Any:
    """Convert a JSON value for comparison with a column.

    :raise ValueError: it is of another type
    """
    value: Any = datetime.fromisoformat(plain).astimezone(UTC) if kind is datetime else plain
    is_of_kind = type(value) is kind  # bool is no int here
    if not is_of_kind or (kind is int and abs(value) >= MAX_INTEGER):
        raise ValueError(plain)
    if kind is str:
        value.encode()  # raises for a lone surrogate, which JSON can express and databases refuse
    return value
