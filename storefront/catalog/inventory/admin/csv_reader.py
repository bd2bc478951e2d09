"""Reads an uploaded CSV file into rows of cells: file type, encoding, separator, heading and quotes.

A spreadsheet's `sep=` line, blank lines and a title before the heading are skipped. A quote that is never closed, or
that is closed rows later, spoils its own line only. Uses no database.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from storefront.catalog.inventory.admin.values import BadSheet, NotCsv, SheetFault

MAX_BYTES = 8 * 1024 * 1024
MAX_LINES = 100_000
HEADING_WITHIN = 10  # lines with text; a title and a date may stand before the heading
MAX_CELL_LINES = 20  # lines of one cell with line breaks

_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # for Excel, which does not show it

_KINDS = (
    (b"PK\x03\x04", "an Excel workbook or another zip file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a compressed file"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"{", "JSON"),
)

Cells = list[str]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file.

    :ivar number: of its first line in the file, from 1
    :ivar has_open_quote: its cells are a guess, since a quote is not closed on it
    """

    number: int
    cells: Cells
    has_open_quote: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A file with its heading found.

    :ivar heading: column names as written
    :ivar rows: the rows below it
    """

    heading: Cells
    rows: Iterator[Row]


def read_table(content: bytes, likeness: Callable[[Cells], int]) -> Table:
    """Decode a file and find its heading.

    :param likeness: how much a row looks like the heading; 0 for not at all. The likeliest row is taken, the first of
        several.
    :raise NotCsv: it is not CSV
    :raise BadSheet: it is empty, too long or not UTF-8, or, while iterating, has a cell that is too long
    """
    lines = _decoded(content).split("\n")
    index, separator = _find_heading(lines, likeness)
    if len(lines) - index - 2 > MAX_LINES:
        raise BadSheet(SheetFault.TOO_MANY_LINES, f"{MAX_LINES:,}")
    heading = _split(lines, index, index, separator) or []
    return Table(heading, _rows(lines, index + 1, separator, max(1, len(heading))))


def _decoded(content: bytes) -> str:
    start = content[:64].lstrip().lower()
    for magic, kind in _KINDS:
        if start.startswith(magic.lower()):
            raise NotCsv(kind)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"  # "Unicode text" in Excel
    elif b"\0" in content:
        raise NotCsv("no text")
    else:
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadSheet(SheetFault.ENCODING, str(content.count(b"\n", 0, error.start) + 1)) from error
    if not text.strip():
        raise BadSheet(SheetFault.EMPTY)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _find_heading(lines: Sequence[str], likeness: Callable[[Cells], int]) -> tuple[int, str]:
    """Return the index of the heading and the separator of its cells."""
    filled = [index for index, line in enumerate(lines[: MAX_LINES + 1]) if line.strip()][: HEADING_WITHIN + 1]
    if not filled:
        raise BadSheet(SheetFault.EMPTY)
    separators: Sequence[str] = _SEPARATORS
    if named := _SEPARATOR_LINE.fullmatch(lines[filled[0]].strip(" \n")):
        separators, filled = (named[1],), filled[1:]
    filled = filled[:HEADING_WITHIN]
    if not filled:
        raise BadSheet(SheetFault.EMPTY)
    best = (0, filled[0], max(separators, key=lines[filled[0]].count))
    for index in filled:
        for separator in separators:
            found = likeness(_split(lines, index, index, separator) or [])
            if found > best[0]:
                best = (found, index, separator)
    return best[1], best[2]


def _rows(lines: Sequence[str], start: int, separator: str, width: int) -> Iterator[Row]:
    """Yield the rows from an index on.

    :param width: columns of the heading
    """
    index = start
    while index < len(lines):
        last = index
        cells = _split(lines, index, index, separator)
        if cells is None and (last := _end_of_cell(lines, index)) > index:
            cells = _split(lines, index, last, separator)
        if cells is None or (last > index and _has_swallowed(cells, separator, width)):
            guessed = next(csv.reader([lines[index]], delimiter=separator), [])
            yield Row(index + 1, guessed, has_open_quote=True)
            last = index
        elif cells:
            yield Row(index + 1, cells)
        index = last + 1


def _split(lines: Sequence[str], first: int, last: int, separator: str) -> Cells | None:
    """Split some lines as one row; None when their quotes do not make one.

    :raise BadSheet: a cell is longer than the parser reads
    """
    text = io.StringIO("\n".join(lines[first : last + 1]), newline="")
    reader = csv.reader(text, delimiter=separator, strict=True)
    try:
        cells = next(reader, [])
        return cells if next(reader, None) is None else None
    except csv.Error as error:
        if "field larger" in str(error):
            raise BadSheet(SheetFault.BROKEN, str(first + 1)) from error
        return None


def _end_of_cell(lines: Sequence[str], index: int) -> int:
    """Return the index of the line where the quotes of a row that begins at `index` are even; `index` if far away."""
    quotes = 0
    for last in range(index, min(index + MAX_CELL_LINES, len(lines))):
        quotes += lines[last].count('"')
        if quotes % 2 == 0:
            return last
    return index


def _has_swallowed(cells: Cells, separator: str, width: int) -> bool:
    """Tell whether a row over several lines seems to hold another row: a stray quote there has closed the one here."""
    return len(cells) > width or any("\n" in cell and separator in cell for cell in cells)
