"""CSV files for spreadsheets, protected against formula injection."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

# Excel, LibreOffice and others run a cell that begins so as a formula, full-width forms included: OWASP, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_GUARD = "'"
BOM = "\ufeff"  # without it Excel does not read the file as UTF-8
ROWS_PER_CHUNK = 500


def escape_formula(cell: object) -> object:
    """Make a text cell safe to open in a spreadsheet; numbers are returned unchanged."""
    return f"{_GUARD}{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`; other cells are returned unchanged."""
    return cell[1:] if cell.startswith(_GUARD) and cell[1:].startswith(_FORMULA) else cell


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a CSV file in chunks, for streaming."""
    buffer = io.StringIO()
    buffer.write(BOM)
    writer = csv.writer(buffer)
    writer.writerow(header)
    for number, row in enumerate(rows, start=1):
        writer.writerow([escape_formula(cell) for cell in row])
        if number % ROWS_PER_CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
