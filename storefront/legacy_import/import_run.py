"""One reading of the old data: where it is read, what is said of it, how a batch goes through."""

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

Value = TypeVar("Value")
Bar = AbstractContextManager[Callable[[int], None]]


@dataclass(slots=True)
class Run:
    """What a reading goes by.

    :ivar zone: of the old servers' clocks
    :ivar bar: shows how far the rows of a kind are, given how many there are
    :ivar notes: what of each row would be left behind, until it is known whether the row came
    """

    system: OldSystem
    report: Report
    zone: tzinfo
    currency: str
    bar: Callable[[str, int], Bar]
    notes: dict[tuple[str, int], Notes] = field(default_factory=dict)

    def table(self, kind: str, names: Names) -> OldTable | None:
        """Where the rows of a kind are; when there is no such table, the report says so."""
        found = self.system.find(names)
        if found is None:
            self.report.missing.append(f"{kind} (of {', '.join(names.tables)}, with {', '.join(names.needed)})")
        return found

    def batches(self, kind: str, names: Names, size: int = BATCH) -> Iterator[list[Row]]:
        """Every row of a kind."""
        if (table := self.table(kind, names)) is not None:
            yield from self.batches_of(kind, table, size)

    def batches_of(self, kind: str, table: OldTable, size: int = BATCH) -> Iterator[list[Row]]:
        with self.bar(kind, table.count()) as advance:
            for rows in table.batches(size):
                self.report.read(kind, len(rows))
                yield rows
                advance(len(rows))

    def build(self, kind: str, rows: Sequence[Row], make: Callable[[Row, Notes], Value]) -> list[Value]:
        """What can be made of rows; of the others the report says why not."""
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

    def report_batch(self, kind: str, landing: BatchResult) -> None:
        """Report what a domain made of a batch, and what of the rows that came now was left behind."""
        self.report.add(kind, landing)
        for row in landing.added:
            for said in self.notes.get((kind, row), ()):
                self.report.note(kind, row, said)
        self.notes.clear()

    def at(self, row: Row, *columns: str) -> datetime:
        """When a row came to be, by the first column that says so; now, when none does."""
        known = (moment(row.get(column), self.zone) for column in columns)
        return next((found for found in known if found is not None), utc_now())


def identity(row: Row) -> int:
    """The id that a row keeps.

    :raise UnusableValue: it has none that can be kept
    """
    return number(row, "id")


def number(row: Row, column: str) -> int:
    """An id in a row.

    :raise UnusableValue: there is none
    """
    found = whole(row.get(column))
    if found is None or not 1 <= found <= MAX_INTEGER:
        raise UnusableValue(f"its {column} is none")
    return found


def numbers(rows: Sequence[Row], column: str) -> set[int]:
    """The ids in a column, of those that are any."""
    found = (whole(row.get(column)) for row in rows)
    return {each for each in found if each is not None and 1 <= each <= MAX_INTEGER}


def grouped(rows: Sequence[Row], column: str) -> Mapping[str, list[Row]]:
    """Rows by what a column says, as text: the services' columns of one id are not all of one type."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(str(row[column]), []).append(row)
    return found


def with_owners(rows: Sequence[Row], parents: OldTable | None, column: str) -> list[Row]:
    """Rows that know whose they are: by themselves, or by the cart or list that a column names."""
    if parents is None or not rows or "user_id" in rows[0]:
        return list(rows)
    owners = {str(row["id"]): row["user_id"] for row in parents.rows_of("id", numbers(rows, column))}
    return [{**row, "user_id": owners.get(str(row.get(column)))} for row in rows]
