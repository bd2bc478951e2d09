"""What became of the rows that were read: counted, and everything that did not come over with its reason."""

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
    """Of one kind of rows."""

    read: int = 0
    imported: int = 0
    known: int = 0
    skipped: int = 0


@dataclass(slots=True)
class Remarks:
    """How often something was said, and of which rows first."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Report:
    """:param path: a CSV file of every row that was skipped or noted; None: none is written"""

    def __init__(self, path: Path | None = None) -> None:
        self.tallies: dict[str, Tally] = {}
        self.missing: list[str] = []
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
        return self.tallies.setdefault(kind, Tally())

    def read(self, kind: str, count: int) -> None:
        self.tally(kind).read += count

    def skip(self, kind: str, row: object, reason: str) -> None:
        """A row did not come over."""
        self.tally(kind).skipped += 1
        self._remark(self.skipped, "skipped", kind, row, reason)

    def note(self, kind: str, row: object, reason: str) -> None:
        """A row came over, but not all of it."""
        self._remark(self.noted, "noted", kind, row, reason)

    def add(self, kind: str, landing: BatchResult) -> None:
        """What a domain made of a batch."""
        tally = self.tally(kind)
        tally.imported += len(landing.added)
        tally.known += len(landing.known)
        for row, reason in landing.refused.items():
            self.skip(kind, row, reason)
        for row, reason in landing.notes:
            self.note(kind, row, reason)

    def _remark(self, remarks: dict[tuple[str, str], Remarks], what: str, kind: str, row: object, reason: str) -> None:
        said = remarks[kind, reason]
        said.count += 1
        if len(said.examples) < EXAMPLES:
            said.examples.append(str(row))
        if self._csv is not None:
            self._csv.writerow([kind, row, what, reason])

    def lines(self) -> Iterator[str]:
        """The report as it is printed."""
        yield f"{'':20}{'read':>10}{'imported':>10}{'already':>10}{'skipped':>10}"
        for kind, tally in self.tallies.items():
            yield f"{kind:20}{tally.read:>10}{tally.imported:>10}{tally.known:>10}{tally.skipped:>10}"
        for name in self.missing:
            yield f"No table was found for {name}"
        for title, remarks in (("Skipped", self.skipped), ("Imported, but", self.noted)):
            if remarks:
                yield ""
                yield f"{title}:"
            for (kind, reason), said in remarks.items():
                yield f"  {kind}: {reason}: {said.count} ({_ids(said)})"


def _ids(said: Remarks) -> str:
    return "id " + ", ".join(said.examples) + (", …" if said.count > len(said.examples) else "")
