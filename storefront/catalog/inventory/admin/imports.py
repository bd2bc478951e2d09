"""Stock imports: a CSV file is checked on upload and applied by the worker later, all lines or none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Row, Select, delete, insert, or_, select, update

from storefront.catalog.inventory.admin.csv_parser import SheetLine, read_sheet
from storefront.catalog.inventory.admin.values import (
    MAX_UNITS,
    PAGE_SIZE,
    BadSheet,
    Import,
    ImportLine,
    ImportPage,
    LineProblem,
    UnknownImport,
)
from storefront.catalog.inventory.import_models import ImportState, StockImport, StockImportLine
from storefront.catalog.models import StockMovement, Variant
from storefront.core.clock import utc_now
from storefront.db.pagination import SortKeys, paginate
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

BATCH = 1000  # lines stored in one transaction while a file is checked
PROBLEMS_SHOWN = 200
RETENTION = timedelta(days=30)
IMPORTS_SHOWN = 10


def reference_of(digest: str) -> str:
    """Return the idempotency key of a file's movements: the same file is never applied twice.

    :param digest: SHA-256 of the file, hexadecimal
    """
    return f"csv/{digest[:40]}"


# ------------------------------------------------------------------------------------------- checking


def check_file(content: bytes, *, file_name: str, actor: str) -> int:
    """Parse a file and store what each of its lines would change. No stock is changed yet.

    :return: the import's id
    :raise NotCsv: the file is not CSV
    :raise BadSheet: the file cannot be parsed
    """
    lines = read_sheet(content)
    digest = hashlib.sha256(content).hexdigest()
    import_id = _open(file_name, digest, actor)
    try:
        counts = _store_lines(import_id, lines, reference_of(digest))
    except BadSheet:
        _drop(import_id)
        raise
    with transaction("catalog") as session:
        checked = update(StockImport).where(StockImport.id == import_id)
        session.execute(checked.values(state=ImportState.CHECKED, **counts))
    return import_id


def _open(file_name: str, digest: str, actor: str) -> int:
    with transaction("catalog") as session:
        row = StockImport(
            file_name=file_name[:120],
            digest=digest,
            actor=actor,
            state=ImportState.READING,
            created_at=utc_now(),
        )
        session.add(row)
        session.flush()
        return row.id


def _drop(import_id: int) -> None:
    with transaction("catalog") as session:
        session.execute(delete(StockImport).where(StockImport.id == import_id))


def _store_lines(import_id: int, lines: Iterator[SheetLine], reference: str) -> dict[str, int]:
    """Store the lines that change something or have a problem, in short transactions."""
    moved = select(StockMovement.id).where(StockMovement.reference == reference).limit(1)
    # Imports are all or nothing: one movement means that every line of this file was applied.
    was_applied = read_session().scalar(moved) is not None
    first_lines: dict[str, int] = {}
    counts = {"line_count": 0, "change_count": 0, "problem_count": 0}
    while batch := list(islice(lines, BATCH)):
        checked = [_check_line(line, variant, was_applied, first_lines) for line, variant in _with_variants(batch)]
        rows = [{"import_id": import_id, **row} for row in checked if row]
        problems = sum(bool(row["problem"]) for row in rows)
        counts["line_count"] += len(batch)
        counts["problem_count"] += problems
        counts["change_count"] += len(rows) - problems
        if rows:
            with transaction("catalog") as session:
                session.execute(insert(StockImportLine), rows)
    return counts


def _with_variants(batch: Sequence[SheetLine]) -> Iterator[tuple[SheetLine, Figures | None]]:
    """Pair each line with its variant, by the SKU as written or in upper case."""
    codes = {code for line in batch for code in (line.sku, line.sku.upper())}
    columns = (Variant.id, Variant.product_id, Variant.sku, Variant.on_hand, Variant.reserved, Variant.reorder_level)
    chosen: Select[*tuple[Any, ...]] = select(*columns)
    by_sku = {row.sku: row for row in read_session().execute(chosen.where(Variant.sku.in_(codes)))}
    for line in batch:
        yield line, by_sku.get(line.sku) or by_sku.get(line.sku.upper())


Figures = Row[Any]  # of a variant: id, product_id, sku, on_hand, reserved, reorder_level
LineValues = dict[str, object]  # of a `StockImportLine`


def _check_line(
    line: SheetLine, variant: Figures | None, was_applied: bool, first_lines: dict[str, int]
) -> LineValues | None:
    """Return the row to store for a line; None when it changes nothing."""
    if line.problem:
        return _problem(line, line.problem, line.detail)
    if variant is None:
        return _problem(line, LineProblem.UNKNOWN_SKU)
    first = first_lines.setdefault(variant.sku, line.number)
    if first != line.number:
        return _problem(line, LineProblem.TWICE, str(first))
    delta = None if was_applied else _delta_of(line, variant)
    level = None if was_applied or line.level == variant.reorder_level else line.level
    if problem := _problem_of(line, variant, delta, level):
        return problem
    if delta is None and level is None:
        return None
    return {
        **_problem(line, None),
        "sku": variant.sku,
        "variant_id": variant.id,
        "product_id": variant.product_id,
        "reason": line.reason,
        "is_count": line.count is not None,
        "seen": variant.on_hand,
        "delta": delta,
        "level": level,
        "seen_level": variant.reorder_level,
    }


def _delta_of(line: SheetLine, variant: Figures) -> int | None:
    delta = line.count - variant.on_hand if line.count is not None else line.delta
    return delta or None


def _problem_of(line: SheetLine, variant: Figures, delta: int | None, level: int | None) -> LineValues | None:
    """Return the problem of a change, if any. A line that would change nothing is never stale."""
    is_count = line.count is not None
    if delta is not None and is_count and line.on_hand not in {None, variant.on_hand}:
        return _problem(line, LineProblem.STALE, f"{line.on_hand}/{variant.on_hand}")
    if level is not None and line.old_level not in {None, variant.reorder_level}:
        return _problem(line, LineProblem.STALE_LEVEL, f"{line.old_level}/{variant.reorder_level}")
    if delta is None:
        return None
    after = variant.on_hand + delta
    if after < variant.reserved:
        problem = LineProblem.RESERVED if is_count else LineProblem.SHORT
        return _problem(line, problem, str(variant.reserved if is_count else variant.on_hand - variant.reserved))
    return _problem(line, LineProblem.TOO_MANY, str(after)) if after > MAX_UNITS else None


def _problem(line: SheetLine, problem: LineProblem | None, detail: str = "") -> LineValues:
    return {
        "line": line.number,
        "sku": line.sku,
        "variant_id": None,
        "product_id": None,
        "reason": "",
        "is_count": False,
        "seen": 0,
        "delta": None,
        "level": None,
        "seen_level": 0,
        "problem": problem or "",
        "detail": detail,
    }


# -------------------------------------------------------------------------------------------- showing


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
        reference=reference_of(row.digest),
    )


def show_import(import_id: int, cursor: str = "") -> ImportPage:
    """Return an import with its first problems and a page of its changes.

    :param cursor: of the page of changes; empty for the first
    :raise UnknownImport: no import has this id
    """
    imported = get_import(import_id)
    lines = select(StockImportLine).where(StockImportLine.import_id == import_id)
    wrong = lines.where(StockImportLine.problem != "").order_by(StockImportLine.line).limit(PROBLEMS_SHOWN)
    problems = tuple(map(_line, read_session().scalars(wrong))) if imported.problem_count else ()
    keys = SortKeys((StockImportLine.line, StockImportLine.id), (int, int))
    rows, paged = paginate(lines.where(StockImportLine.problem == ""), keys, cursor, PAGE_SIZE)
    return ImportPage(imported, problems, tuple(_line(row[0]) for row in rows), paged)


def _line(row: StockImportLine) -> ImportLine:
    return ImportLine(
        line=row.line,
        sku=row.sku,
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


@retry_on_deadlock
def start_import(import_id: int) -> bool:
    """Queue a checked import for the worker. Idempotent.

    :return: False when it is not in the checked state, has problems or changes nothing
    """
    with transaction("catalog") as session:
        ready = update(StockImport).where(
            StockImport.id == import_id,
            StockImport.state == ImportState.CHECKED,
            StockImport.problem_count == 0,
            StockImport.change_count > 0,
        )
        return bool(rows_changed(session.execute(ready.values(state=ImportState.WAITING))))


def progress_key(import_id: int) -> str:
    """Return the key under which the worker reports the progress of an import."""
    return f"import/{import_id}"


def waiting_imports() -> list[int]:
    """List the ids of imports to apply: queued ones, and those whose worker died, by their expired lease."""
    abandoned = (StockImport.state == ImportState.APPLYING) & (StockImport.lease_until < utc_now())
    due = select(StockImport.id).where(or_(StockImport.state == ImportState.WAITING, abandoned))
    return list(read_session().scalars(due.order_by(StockImport.id)))


def forget_old_imports() -> int:
    """Delete applied and abandoned imports older than `RETENTION`; their movements stay in the ledger.

    :return: number of imports deleted
    """
    settled = StockImport.state.not_in([ImportState.WAITING, ImportState.APPLYING])
    old = select(StockImport.id).where(settled, StockImport.created_at < utc_now() - RETENTION)
    ids = list(read_session().scalars(old))
    for import_id in ids:
        with transaction("catalog") as session:
            session.execute(delete(StockImportLine).where(StockImportLine.import_id == import_id))
            session.execute(delete(StockImport).where(StockImport.id == import_id))
    return len(ids)
