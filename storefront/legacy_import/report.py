"""The report of an import: counts per kind of rows, and every skipped row or value with its reason."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from storefront.db.import_log import BatchResult

EXAMPLES = 3


@dataclass(slots=True)
class Tally:
    """The counts of one kind of rows.

    :ivar known: imported before
    """

    read: int = 0
    imported: int = 0
    known: int = 0
    skipped: int = 0


@dataclass(slots=True)
class Remarks:
    """How often a reason occurred, with the ids of the first rows."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Report:
    """Collects the results of an import.

    :param path: CSV file for every skipped or noted row; None writes none
    """

    def __init__(self, path: Path | None = None) -> None:
        self.tallies: dict[str, Tally] = {}
        self.missing: list[str] = []
        self.undated: list[str] = []
        self.skipped: dict[tuple[str, str], Remarks] = defaultdict(Remarks)
        self.noted: dict[tuple[str, str], Remarks] = defaultdict(Remarks)
        self._path = path
        self._file: TextIO | None = None
        self._csv: Any = None

    def __enter__(self) -> Self:
        if self._path is not None:
            self._file = self._path.open("w", newline="", encoding="utf-8")
            self._csv = csv.writer(self._file)
            self._csv.writerow(["table", "id", "what", "reason"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def tally(self, kind: str) -> Tally:
        """The counts of a kind of rows."""
        return self.tallies.setdefault(kind, Tally())

    def read(self, kind: str, count: int) -> None:
        """Count rows that were read."""
        self.tally(kind).read += count

    def skip(self, kind: str, row: object, reason: str) -> None:
        """Report a row that was not imported."""
        self.tally(kind).skipped += 1
        self._remark(self.skipped, "skipped", kind, row, reason)

    def note(self, kind: str, row: object, reason: str) -> None:
        """Report what was left out or changed of an imported row."""
        self._remark(self.noted, "noted", kind, row, reason)

    def add(self, kind: str, result: BatchResult) -> None:
        """Report the result of a batch."""
        tally = self.tally(kind)
        tally.imported += len(result.added)
        tally.known += len(result.known)
        for row, reason in result.refused.items():
            self.skip(kind, row, reason)
        for row, reason in result.notes:
            self.note(kind, row, reason)

    def _remark(self, remarks: dict[tuple[str, str], Remarks], what: str, kind: str, row: object, reason: str) -> None:
        remark = remarks[kind, reason]
        remark.count += 1
        if len(remark.examples) < EXAMPLES:
            remark.examples.append(str(row))
        if self._csv is not None:
            self._csv.writerow([kind, row, what, reason])

    def lines(self) -> Iterator[str]:
        """The lines of the printed report."""
        yield f"{'':20}{'read':>10}{'imported':>10}{'already':>10}{'skipped':>10}"
        for kind, tally in self.tallies.items():
            yield f"{kind:20}{tally.read:>10}{tally.imported:>10}{tally.known:>10}{tally.skipped:>10}"
        for name in self.missing:
            yield f"No table was found for {name}"
        for kind in self.undated:
            yield f"The table of {kind} has no date: its rows are dated now"
        for title, remarks in (("Skipped", self.skipped), ("Imported, but", self.noted)):
            if remarks:
                yield ""
                yield f"{title}:"
            for (kind, reason), remark in remarks.items():
                yield f"  {kind}: {reason}: {remark.count} ({_ids(remark)})"


def _ids(remark: Remarks) -> str:
    return "id " + ", ".join(remark.examples) + (", …" if remark.count > len(remark.examples) else "")
