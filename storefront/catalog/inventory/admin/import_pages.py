"""Shows stock imports: their changes and problems, and the rows that were not applied as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, select

from storefront.catalog.inventory.admin.import_repeats import find_repeat, reference_of
from storefront.catalog.inventory.admin.values import (
    PAGE_SIZE,
    Import,
    ImportLine,
    ImportPage,
    LineProblem,
    UnappliedRow,
    UnknownImport,
)
from storefront.catalog.inventory.import_models import ImportState, StockImport, StockImportLine
from storefront.catalog.models import Variant
from storefront.db.pagination import SortKeys, paginate
from storefront.db.session import read_session

PROBLEMS_SHOWN = 200
IMPORTS_SHOWN = 10
ROWS_AT_ONCE = 1000  # rows of a download read by one select


def get_import(import_id: int) -> Import:
    """Return one import.

    :raise UnknownImport: no import has this id, or its file was not read completely
    """
    row = read_session().get(StockImport, import_id)
    if row is None or row.state == ImportState.READING:
        raise UnknownImport(import_id)
    return _import(row)


def _import(row: StockImport) -> Import:
    return Import(
        id=row.id,
        file_name=row.file_name,
        actor=row.actor,
        state=ImportState(row.state),
        line_count=row.line_count,
        change_count=row.change_count,
        problem_count=row.problem_count,
        created_at=row.created_at,
        finished_at=row.finished_at,
        reference=reference_of(row.digest, row.occurrence),
    )


def show_import(import_id: int, cursor: str = "") -> ImportPage:
    """Return an import with its first problems and a page of its changes.

    :param cursor: of the page of changes; empty for the first
    :raise UnknownImport: no import has this id
    """
    imported = get_import(import_id)
    lines: Select[*tuple[Any, ...]] = (
        select(StockImportLine, Variant.title)
        .outerjoin(Variant, Variant.id == StockImportLine.variant_id)
        .where(StockImportLine.import_id == import_id)
    )
    wrong = lines.where(StockImportLine.problem != "").order_by(StockImportLine.line).limit(PROBLEMS_SHOWN)
    problems = (
        tuple(_line(row.StockImportLine, row.title) for row in read_session().execute(wrong))
        if imported.problem_count
        else ()
    )
    keys = SortKeys((StockImportLine.line, StockImportLine.id), (int, int))
    rows, paged = paginate(lines.where(StockImportLine.problem == ""), keys, cursor, PAGE_SIZE)
    changes = tuple(_line(row.StockImportLine, row.title) for row in rows)
    is_ready = imported.state is ImportState.CHECKED and imported.change_count > 0
    return ImportPage(imported, problems, changes, paged, find_repeat(import_id) if is_ready else None)


def _line(row: StockImportLine, title: str | None) -> ImportLine:
    return ImportLine(
        line=row.line,
        sku=row.sku,
        title=title or "",
        reason=row.reason,
        is_count=row.is_count,
        seen=row.seen,
        delta=row.delta,
        level=row.level,
        seen_level=row.seen_level,
        problem=LineProblem(row.problem) if row.problem else None,
        detail=row.detail,
    )


def recent_imports() -> tuple[Import, ...]:
    """List the latest imports, newest first."""
    newest = select(StockImport).where(StockImport.state != ImportState.READING)
    return tuple(map(_import, read_session().scalars(newest.order_by(StockImport.id.desc()).limit(IMPORTS_SHOWN))))


def unapplied_rows(import_id: int) -> tuple[list[str], Iterator[UnappliedRow]]:
    """Return the rows of a file that have problems, to be corrected and uploaded again.

    :return: the file's column names, and its rows, read in pages so that no transaction stays open during download
    :raise UnknownImport: no import has this id
    """
    get_import(import_id)
    row = read_session().get_one(StockImport, import_id)
    return json.loads(row.header or "[]"), _unapplied_rows(import_id)


def _unapplied_rows(import_id: int) -> Iterator[UnappliedRow]:
    last = 0
    while True:
        wrong = select(StockImportLine).where(
            StockImportLine.import_id == import_id, StockImportLine.cells.is_not(None), StockImportLine.id > last
        )
        rows: Sequence[StockImportLine] = (
            read_session().scalars(wrong.order_by(StockImportLine.id).limit(ROWS_AT_ONCE)).all()
        )
        page = [UnappliedRow(_line(row, None), json.loads(row.cells or "[]")) for row in rows]
        last = rows[-1].id if rows else last
        read_session().rollback()
        yield from page
        if len(page) < ROWS_AT_ONCE:
            return
