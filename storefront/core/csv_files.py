"""CSV as spreadsheets read and write it, so that no cell is taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

# A cell that begins so is run as a formula by Excel, LibreOffice and others, in the wide forms that are typed in East
# Asia as well: OWASP, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_GUARD = "'"
BOM = "\ufeff"  # Excel takes a file without it for one of its own old character sets
ROWS_AT_ONCE = 500


def escape_formula(cell: object) -> object:
    """A cell that is text wherever it is opened; numbers stay numbers."""
    return f"{_GUARD}{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def unescape_formula(cell: str) -> str:
    """The text of a cell that `guarded` made, or of any other."""
    return cell[1:] if cell.startswith(_GUARD) and cell[1:].startswith(_FORMULA) else cell


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A CSV file in pieces, to be streamed."""
    buffer = io.StringIO()
    buffer.write(BOM)
    writer = csv.writer(buffer)
    writer.writerow(header)
    for number, row in enumerate(rows, start=1):
        writer.writerow([escape_formula(cell) for cell in row])
        if number % ROWS_AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
