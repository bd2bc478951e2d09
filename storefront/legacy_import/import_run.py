"""The state of one import: source, report, progress, and the steps that all kinds of rows share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TypeVar

from storefront.core.clock import utc_now
from storefront.db.import_log import BatchResult
from storefront.db.session import MAX_INTEGER
from storefront.legacy_import.column_names import Names
from storefront.legacy_import.report import Report
from storefront.legacy_import.source import BATCH, OldSystem, OldTable, Row
from storefront.legacy_import.values import Notes, UnusableValue, moment, whole

DATES = frozenset({"created_at", "updated_at", "placed_at"})  # our names of columns that say when a row was created
Value = TypeVar("Value")
Bar = AbstractContextManager[Callable[[int], None]]


@dataclass(slots=True)
class Run:
    """One import.

    :ivar zone: time zone of the old servers
    :ivar bar: opens a progress bar, given the kind of rows and their number
    :ivar notes: per row, what is left out or changed; reported once the row is imported
    """

    system: OldSystem
    report: Report
    zone: tzinfo
    currency: str
    bar: Callable[[str, int], Bar]
    notes: dict[tuple[str, int], Notes] = field(default_factory=dict)

    def table(self, kind: str, names: Names) -> OldTable | None:
        """Find the table of a kind of rows; a missing one is reported."""
        table = self.system.find(names)
        if table is None:
            self.report.missing.append(f"{kind} (of {', '.join(names.tables)}, with {', '.join(names.needed)})")
        elif (dates := DATES & names.columns.keys()) and not any(table.has(column) for column in dates):
            self.report.undated.append(kind)
        return table

    def batches(self, kind: str, names: Names, size: int = BATCH) -> Iterator[list[Row]]:
        """Yield all rows of a kind, in batches."""
        if (table := self.table(kind, names)) is not None:
            yield from self.batches_of(kind, table, size)

    def batches_of(self, kind: str, table: OldTable, size: int = BATCH) -> Iterator[list[Row]]:
        """Yield all rows of a table in batches, with a progress bar."""
        with self.bar(kind, table.count()) as advance:
            for rows in table.batches(size):
                self.report.read(kind, len(rows))
                yield rows
                advance(len(rows))

    def build(self, kind: str, rows: Sequence[Row], make: Callable[[Row, Notes], Value]) -> list[Value]:
        """Convert rows; those that cannot be converted are reported with the reason."""
        values = []
        for row in rows:
            notes = Notes()
            try:
                values.append(make(row, notes))
            except UnusableValue as error:
                self.report.skip(kind, row["id"], error.reason)
            else:
                self.notes[kind, identity(row)] = notes
        return values

    def report_batch(self, kind: str, result: BatchResult) -> None:
        """Report the result of a batch, with the notes about its imported rows."""
        self.report.add(kind, result)
        for row in result.added:
            for note in self.notes.get((kind, row), ()):
                self.report.note(kind, row, note)
        self.notes.clear()

    def at(self, row: Row, notes: Notes, *columns: str) -> datetime:
        """When a row was created, by the first column that has a date; the current time if none has, with a note."""
        for column in columns:
            if (found := moment(row.get(column), self.zone)) is not None:
                if column != columns[0]:
                    notes.append(f"it has no date: that of its {column.replace('_', ' ')} was taken")
                return found
        if any(column in row for column in columns):  # else `table` has reported it once for all rows
            notes.append("it has no date: dated now")
        return utc_now()


def identity(row: Row) -> int:
    """The id of a row.

    :raise UnusableValue: it has none, or an invalid one
    """
    return number(row, "id")


def number(row: Row, column: str) -> int:
    """The id in a column of a row.

    :raise UnusableValue: there is none, or an invalid one
    """
    value = whole(row.get(column))
    if value is None or not 1 <= value <= MAX_INTEGER:
        raise UnusableValue(f"its {column} is missing or invalid")
    return value


def numbers(rows: Sequence[Row], column: str) -> set[int]:
    """The valid ids in a column."""
    values = (whole(row.get(column)) for row in rows)
    return {each for each in values if each is not None and 1 <= each <= MAX_INTEGER}


def grouped(rows: Sequence[Row], column: str) -> Mapping[str, list[Row]]:
    """Group rows by a column, as text: the services store the same id in columns of different types."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row[column]), []).append(row)
    return groups


def with_owners(rows: Sequence[Row], parents: OldTable | None, column: str) -> list[Row]:
    """Add the user id, and the date, to rows that lack it, from the cart or wishlist that a column refers to."""
    if parents is None or not rows or "user_id" in rows[0]:
        return list(rows)
    owners = {str(row["id"]): row for row in parents.rows_of("id", numbers(rows, column))}
    return [{"user_id": None, **owners.get(str(row.get(column)), {}), **row} for row in rows]
