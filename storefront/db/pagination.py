"""Pages by where they begin, not by how many rows come before: the thousandth costs what the first does."""

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

MAX_INTEGER = 2**53  # what a column holds stays below it: numbers of rows, and minor units of a price

Key = ColumnElement[Any] | QueryableAttribute[Any]


@dataclass(frozen=True, slots=True)
class PageCursors:
    """Cursors of the pages beside one; empty where there is none."""

    previous: str
    next: str


@dataclass(frozen=True, slots=True)
class SortKeys:
    """What rows are ordered by; the last key is unique.

    :ivar kinds: a type for each, which a cursor's values must have
    """

    columns: tuple[Key, ...]
    kinds: tuple[type, ...]
    is_descending: bool = False

    def sorted_afterwards(self) -> SortKeys:
        """The same order, but as no index has it: a few rows are found first, not looked for all along an index."""
        plain = zip(self.columns, self.kinds, strict=True)
        columns = (type_coerce(column + ("" if kind is str else 0), column.type) for column, kind in plain)
        return replace(self, columns=tuple(columns))


def paginate(
    chosen: Select[*tuple[Any, ...]], keys: SortKeys, cursor: str, size: int
) -> tuple[list[Row[Any]], PageCursors]:
    """One page of a select. A cursor that is none of ours is the first page.

    :return: rows in order, and the cursors of the pages beside them
    """
    start = _read(cursor, keys.kinds)
    is_backwards = bool(start and start[0])
    chosen = chosen.add_columns(*(column.label(f"key_{i}") for i, column in enumerate(keys.columns)))
    is_descending = keys.is_descending != is_backwards
    if start:
        is_sqlite = read_session().get_bind(clause=chosen).dialect.name == "sqlite"
        chosen = chosen.where(_beyond(keys.columns, start[1], is_descending, is_sqlite))
    order = [column.desc() if is_descending else column.asc() for column in keys.columns]
    found = list(read_session().execute(chosen.order_by(*order).limit(size + 1)))
    has_more, rows = len(found) > size, found[:size]
    if is_backwards:
        rows.reverse()
    has_previous = has_more if is_backwards else bool(start)
    has_next = bool(rows) if is_backwards else has_more
    return rows, PageCursors(
        previous=_write(rows[0], len(keys.columns), is_backwards=True) if rows and has_previous else "",
        next=_write(rows[-1], len(keys.columns), is_backwards=False) if rows and has_next else "",
    )


def _beyond(columns: Sequence[Key], values: Sequence[Any], is_descending: bool, is_sqlite: bool) -> ColumnElement[bool]:
    """What comes after a row, put so that each database finds it in its index."""
    if is_sqlite:
        here, there = tuple_(*columns), tuple_(*(literal(v, c.type) for c, v in zip(columns, values, strict=True)))
        return here < there if is_descending else here > there
    alternatives = []
    for place, (column, value) in enumerate(zip(columns, values, strict=True)):
        same = [c == v for c, v in zip(columns[:place], values[:place], strict=True)]
        alternatives.append(and_(*same, column < value if is_descending else column > value))
    return or_(*alternatives)


def _write(row: Row[Any], key_count: int, *, is_backwards: bool) -> str:
    return encode_cursor([is_backwards, *(getattr(row, f"key_{i}") for i in range(key_count))])


def _read(cursor: str, kinds: Sequence[type]) -> tuple[bool, list[Any]] | None:
    found = decode_cursor(cursor, (bool, *kinds))
    return (found[0], found[1:]) if found else None


def encode_cursor(values: Sequence[object]) -> str:
    """Values as an address carries them: truths, texts, whole numbers, moments."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[type]) -> list[Any] | None:
    """What `packed` made a cursor of; None of any other text.

    :param kinds: a type for each value
    """
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_value(value, kind) for value, kind in zip(plain, kinds, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _value(plain: Any, kind: type) -> Any:
    """A value that a column can be compared with.

    :raise ValueError: it is another's
    """
    value: Any = datetime.fromisoformat(plain).astimezone(UTC) if kind is datetime else plain
    is_ours = type(value) is kind  # a truth is no number here
    if not is_ours or (kind is int and abs(value) >= MAX_INTEGER):
        raise ValueError(plain)
    if kind is str:
        value.encode()  # half a character, which JSON can spell and no database takes, fails here
    return value
