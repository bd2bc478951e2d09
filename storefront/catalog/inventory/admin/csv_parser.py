"""Parses an uploaded CSV file of stock figures: columns and lines. Uses no database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from storefront.catalog.inventory.admin.csv_reader import Row, read_table
from storefront.catalog.inventory.admin.values import MAX_UNITS, BadSheet, LineProblem, Reason, SheetFault
from storefront.catalog.values import MAX_PRODUCT_NAME_LENGTH, MAX_SKU_LENGTH
from storefront.core.csv_files import unescape_formula
from storefront.core.number_parsing import NumberRefused, OutOfRange, UnclearNumber, parse_quantity

KEYS = ("sku", "barcode")  # columns that say which variant a line means
CHANGING = ("count", "delta", "low_stock_level")  # columns that change something
# `on_hand` and `level` are figures at the time of the export; a line whose figures differ by now is stale.
FIGURES = (*CHANGING, "on_hand", "level")
KNOWN = frozenset({*KEYS, *FIGURES, "name", "reason"})
# Columns that are for reading only: of the stock export, and of the file of lines that were not applied.
IGNORED = frozenset({"reserved", "available", "sold_30_days", "days_left", "state", "line", "problem"})
OTHER_NAMES = {"ean": "barcode", "ean13": "barcode", "gtin": "barcode", "upc": "barcode"}

MAX_DETAIL_LENGTH = 80  # characters
MAX_LISTED = 300  # characters of the column names in a message
_SIGNED = re.compile(r"([+\u2212-])(?=[0-9])")  # U+2212 MINUS SIGN


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A line with a SKU or a barcode.

    :ivar number: of the line in the file, from 1
    :ivar on_hand: the count when the file was exported
    :ivar old_level: the reorder level when the file was exported
    :ivar barcode: as written
    :ivar name: of product or variant, as written
    :ivar detail: figures or text that explain `problem`
    :ivar cells: all of the line, as written
    """

    number: int
    sku: str
    reason: str = ""
    count: int | None = None
    delta: int | None = None
    level: int | None = None
    on_hand: int | None = None
    old_level: int | None = None
    barcode: str = ""
    name: str = ""
    problem: LineProblem | None = None
    detail: str = ""
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A parsed file.

    :ivar heading: column names as written
    :ivar lines: those with any text, in their order
    """

    heading: tuple[str, ...]
    lines: Iterator[SheetLine]


def read_sheet(content: bytes) -> Sheet:
    """Parse a file. Encoding, columns and length are checked before the first line.

    :raise NotCsv: it is not CSV
    :raise BadSheet: its encoding, columns or length are wrong, or, while iterating, a column without a name is filled
    """
    table = read_table(content, _likeness)
    columns = _columns(table.heading)
    return Sheet(tuple(table.heading), _lines(table.rows, columns))


def _name_of(cell: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")
    return OTHER_NAMES.get(name, name)


def _likeness(cells: Sequence[str]) -> int:
    """Say how much a row looks like the heading of a stock file, by its columns."""
    names = {_name_of(cell) for cell in cells}
    if not names & set(KEYS):
        return 0
    return len(cells) + (MAX_LISTED if names & set(CHANGING) else 0)


def _columns(heading: Sequence[str]) -> list[str]:
    names = [_name_of(cell) for cell in heading]
    while names and not names[-1]:
        names.pop()
    if not set(KEYS) & set(names):
        raise BadSheet(SheetFault.NO_SKU_COLUMN, ", ".join(name for name in names if name)[:MAX_LISTED])
    titles = [cell.strip() for cell, name in zip(heading, names, strict=False) if name and name not in KNOWN | IGNORED]
    if titles:
        raise BadSheet(SheetFault.UNKNOWN_COLUMNS, ", ".join(titles)[:MAX_LISTED])
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise BadSheet(SheetFault.COLUMN_TWICE, ", ".join(twice)[:MAX_LISTED])
    if not set(CHANGING) & set(names):
        raise BadSheet(SheetFault.NOTHING_TO_CHANGE)
    return names


def _lines(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[SheetLine]:
    unnamed = [index for index, name in enumerate(columns) if not name]
    for row in rows:
        cells = [unescape_formula(cell.strip()) for cell in row.cells]
        if not any(cells):
            continue
        values = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
        line = SheetLine(
            row.number,
            values.get("sku", "")[: MAX_SKU_LENGTH + 1],
            barcode=values.get("barcode", ""),
            name=values.get("name", "")[:MAX_PRODUCT_NAME_LENGTH],
            cells=tuple(row.cells),
        )
        if row.has_open_quote:
            yield _refused(line, LineProblem.OPEN_QUOTE)
        else:
            if filled := [index for index in unnamed if "".join(cells[index : index + 1])]:
                raise BadSheet(SheetFault.UNNAMED_COLUMN, f"{_letter(filled[0])}/{row.number}")
            yield _judged(line, values, cells, columns)


def _letter(index: int) -> str:
    """Return what spreadsheets call a column: A for 0, AA for 26."""
    return (_letter(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def _judged(line: SheetLine, values: dict[str, str], cells: Sequence[str], columns: Sequence[str]) -> SheetLine:
    """Complete a line with its figures, or with what is wrong with it."""
    # An unquoted 1,500 in a comma-separated file gives a surplus cell, and would be read as 1.
    if surplus := next((cell for cell in cells[len(columns) :] if cell), ""):
        return _refused(line, LineProblem.TOO_MANY_CELLS, surplus)
    if len(cells) < len(columns):
        return _refused(line, LineProblem.TOO_FEW_CELLS, f"{len(cells)}/{len(columns)}")
    if not (line.sku or line.barcode):
        return _refused(line, LineProblem.NO_SKU)
    if len(line.sku) > MAX_SKU_LENGTH:
        return _refused(line, LineProblem.UNKNOWN_SKU)
    return _with_figures(line, values)


def _refused(line: SheetLine, problem: LineProblem, detail: str = "") -> SheetLine:
    return replace(line, sku=line.sku[:MAX_SKU_LENGTH], problem=problem, detail=detail[:MAX_DETAIL_LENGTH])


def _with_figures(line: SheetLine, values: dict[str, str]) -> SheetLine:
    figures: dict[str, int | None] = {}
    for name in FIGURES:
        cell = values.get(name, "")
        figures[name], problem, detail = _figure(cell, is_signed=name == "delta")
        if problem:
            return _refused(line, problem, detail or cell)
    count, delta = figures["count"], figures["delta"]
    if count is not None and delta is not None:
        return _refused(line, LineProblem.TWO_FIGURES)
    reason = values.get("reason", "").lower()
    if reason and reason not in set(Reason):
        return _refused(line, LineProblem.UNKNOWN_REASON, reason)
    return replace(
        line,
        reason=reason or (Reason.COUNTED if count is not None else Reason.CORRECTION),
        count=count,
        delta=delta,
        level=figures["low_stock_level"],
        on_hand=figures["on_hand"],
        old_level=figures["level"],
    )


def _figure(cell: str, *, is_signed: bool) -> tuple[int | None, LineProblem | None, str]:
    """Read a figure; with its problem and the detail of that, if any."""
    if not cell:
        return None, None, ""
    sign = _SIGNED.match(cell) if is_signed else None
    try:
        # No grouping, whatever the shop's locale: a file comes from anywhere.
        units = parse_quantity(cell[1:] if sign else cell, most=MAX_UNITS, locale=None)
    except UnclearNumber as error:
        readings = "/".join(f"{reading.normalize():f}" for reading in error.readings)
        return None, LineProblem.AMBIGUOUS, f"{cell[:30]}/{readings}"
    except OutOfRange:
        return None, LineProblem.TOO_MANY, ""
    except NumberRefused:
        return None, LineProblem.NOT_A_NUMBER, ""
    return (-units if sign and sign[1] != "+" else units), None, ""
