"""Parses an uploaded CSV file of stock figures: file type, encoding, columns and lines. Uses no database."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from storefront.catalog.inventory.admin.values import MAX_UNITS, BadSheet, LineProblem, NotCsv, Reason, SheetFault
from storefront.catalog.values import MAX_SKU_LENGTH
from storefront.core.card_numbers import redact
from storefront.core.csv_files import unescape_formula

MAX_BYTES = 8 * 1024 * 1024
MAX_LINES = 100_000

CHANGING = ("count", "delta", "low_stock_level")  # columns that change something
# `on_hand` and `level` are figures at the time of the export; a line whose figures differ by now is stale.
KNOWN = frozenset({"sku", *CHANGING, "reason", "on_hand", "level"})
# Columns of an export that are for reading only.
IGNORED = frozenset({"name", "barcode", "reserved", "available", "sold_30_days", "days_left", "state"})

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
_NUMBER = re.compile(r"([+-]?)([0-9]{1,9})(?:\.0+)?")


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A line with a SKU.

    :ivar number: of the line in the file, from 1
    :ivar on_hand: the count when the file was exported
    :ivar old_level: the reorder level when the file was exported
    :ivar detail: figures or text that explain `problem`
    """

    number: int
    sku: str
    reason: str = ""
    count: int | None = None
    delta: int | None = None
    level: int | None = None
    on_hand: int | None = None
    old_level: int | None = None
    problem: LineProblem | None = None
    detail: str = ""


def read_sheet(content: bytes) -> Iterator[SheetLine]:
    """Parse a file into lines, without empty ones. Encoding, columns and length are checked before the first line.

    :raise NotCsv: it is not CSV
    :raise BadSheet: its encoding, columns or length are wrong, or, while iterating, its quoting
    """
    text = _decoded(content)
    first, _, _ = text.partition("\n")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = _columns(next(reader, []))
    except csv.Error as error:
        raise BadSheet(SheetFault.BROKEN, "1") from error
    if text.count("\n") > MAX_LINES:
        raise BadSheet(SheetFault.TOO_MANY_LINES, f"{MAX_LINES:,}")
    return _lines(reader, columns)


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


def _columns(header: list[str]) -> list[str]:
    names = [re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_") for cell in header]
    while names and not names[-1]:
        names.pop()
    if "sku" not in names:
        raise BadSheet(SheetFault.NO_SKU_COLUMN, ", ".join(name for name in names if name)[:80])
    if unknown := [cell.strip() for cell, name in zip(header, names, strict=False) if name not in KNOWN | IGNORED]:
        raise BadSheet(SheetFault.UNKNOWN_COLUMNS, ", ".join(unknown)[:80])
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadSheet(SheetFault.COLUMN_TWICE, ", ".join(twice)[:80])
    if not set(CHANGING) & set(names):
        raise BadSheet(SheetFault.NOTHING_TO_CHANGE)
    return names


def _lines(reader: Iterator[list[str]], columns: list[str]) -> Iterator[SheetLine]:
    number = 2  # the first line is the header; a cell with line breaks spans several lines
    try:
        for cells in reader:
            values = {name: unescape_formula(cell.strip()) for name, cell in zip(columns, cells, strict=False)}
            # An unquoted 1,500 in a comma-separated file gives a surplus cell, and would be read as 1.
            surplus = next((cell.strip() for cell in cells[len(columns) :] if cell.strip()), "")
            if surplus:
                sku = values.get("sku", "")[:MAX_SKU_LENGTH]
                yield SheetLine(number, sku, problem=LineProblem.TOO_MANY_CELLS, detail=surplus[:80])
            elif any(values.values()):
                yield _line(number, values)
            number = reader.line_num + 1  # type: ignore[attr-defined]
    except csv.Error as error:
        raise BadSheet(SheetFault.BROKEN, str(number)) from error


def _line(number: int, values: dict[str, str]) -> SheetLine:
    sku = values.get("sku", "")
    if not sku or len(sku) > MAX_SKU_LENGTH:
        return SheetLine(number, sku[:MAX_SKU_LENGTH], problem=LineProblem.UNKNOWN_SKU if sku else LineProblem.NO_SKU)
    figures: dict[str, int | None] = {}
    for name in ("count", "delta", "low_stock_level", "on_hand", "level"):
        figures[name], problem = _figure(values.get(name, ""), is_signed=name == "delta")
        if problem:
            return SheetLine(number, sku, problem=problem, detail=values[name][:80])
    count, delta = figures["count"], figures["delta"]
    if count is not None and delta is not None:
        return SheetLine(number, sku, problem=LineProblem.TWO_FIGURES)
    reason = values.get("reason", "").lower()
    if reason and reason not in set(Reason):
        return SheetLine(number, sku, problem=LineProblem.UNKNOWN_REASON, detail=redact(reason)[:80])
    return SheetLine(
        number,
        sku,
        reason=reason or (Reason.COUNTED if count is not None else Reason.CORRECTION),
        count=count,
        delta=delta,
        level=figures["low_stock_level"],
        on_hand=figures["on_hand"],
        old_level=figures["level"],
    )


def _figure(cell: str, *, is_signed: bool) -> tuple[int | None, LineProblem | None]:
    if not cell:
        return None, None
    match = _NUMBER.fullmatch(cell.replace("\u2212", "-"))  # U+2212 MINUS SIGN
    if not match or (match[1] and not is_signed):
        return None, LineProblem.NOT_A_NUMBER
    figure = int(match[1] + match[2])
    return (figure, None) if abs(figure) <= MAX_UNITS else (None, LineProblem.TOO_MANY)
