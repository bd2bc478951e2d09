"""Stock imports: a CSV file is checked on upload, and applied by the worker later.

All lines are applied or none; those with problems only stay out when the staff ask for the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice

from sqlalchemy import delete, insert, or_, select, update

from storefront.catalog.inventory.admin.csv_parser import MAX_DETAIL_LENGTH, SheetLine, read_sheet
from storefront.catalog.inventory.admin.import_matching import Figures, Match, match_lines
from storefront.catalog.inventory.admin.import_repeats import find_repeat, next_occurrence
from storefront.catalog.inventory.admin.values import MAX_UNITS, BadSheet, LineProblem, RepeatedImport
from storefront.catalog.inventory.import_models import ImportState, StockImport, StockImportLine
from storefront.catalog.values import MAX_SKU_LENGTH
from storefront.core.card_numbers import redact
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

BATCH = 1000  # lines stored in one transaction while a file is checked
RETENTION = timedelta(days=30)


# ------------------------------------------------------------------------------------------- checking


def check_file(content: bytes, *, file_name: str, actor: str) -> int:
    """Parse a file and store what each of its lines would change. No stock is changed yet.

    :return: the import's id
    :raise NotCsv: the file is not CSV
    :raise BadSheet: the file cannot be parsed
    """
    sheet = read_sheet(content)
    import_id = _open(file_name, hashlib.sha256(content).hexdigest(), actor, sheet.heading)
    try:
        counts = _store_lines(import_id, sheet.lines)
    except BadSheet:
        _drop(import_id)
        raise
    with transaction("catalog") as session:
        checked = update(StockImport).where(StockImport.id == import_id)
        session.execute(checked.values(state=ImportState.CHECKED, **counts))
    return import_id


def _open(file_name: str, digest: str, actor: str, heading: Sequence[str]) -> int:
    with transaction("catalog") as session:
        row = StockImport(
            file_name=file_name[:120],
            digest=digest,
            occurrence=next_occurrence(digest),
            header=json.dumps(heading),
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


def _store_lines(import_id: int, lines: Iterator[SheetLine]) -> dict[str, int]:
    """Store the lines that change something or have a problem, in short transactions."""
    first_lines: dict[str, int] = {}
    counts = {"line_count": 0, "change_count": 0, "problem_count": 0}
    while batch := list(islice(lines, BATCH)):
        checked = [_check_line(line, match, first_lines) for line, match in match_lines(batch)]
        rows = [{"import_id": import_id, **row} for row in checked if row]
        problems = sum(bool(row["problem"]) for row in rows)
        counts["line_count"] += len(batch)
        counts["problem_count"] += problems
        counts["change_count"] += len(rows) - problems
        if rows:
            with transaction("catalog") as session:
                session.execute(insert(StockImportLine), rows)
    return counts


LineValues = dict[str, object]  # of a `StockImportLine`


def _check_line(line: SheetLine, match: Match, first_lines: dict[str, int]) -> LineValues | None:
    """Return the row to store for a line; None when it changes nothing."""
    if line.problem:
        return _problem(line, line.problem, line.detail)
    if match.variant is None:
        return _problem(line, match.problem, match.detail)
    variant = match.variant
    first = first_lines.setdefault(variant.sku, line.number)
    if first != line.number:
        return _problem(line, LineProblem.TWICE, str(first))
    delta = _delta_of(line, variant)
    level = None if line.level == variant.reorder_level else line.level
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
        "cells": None,
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
        "sku": line.sku or line.barcode[:MAX_SKU_LENGTH],
        "variant_id": None,
        "product_id": None,
        "reason": "",
        "is_count": False,
        "seen": 0,
        "delta": None,
        "level": None,
        "seen_level": 0,
        "problem": problem or "",
        "detail": redact(detail)[:MAX_DETAIL_LENGTH],
        "cells": json.dumps([redact(cell) for cell in line.cells], ensure_ascii=False),
    }


# ------------------------------------------------------------------------------------------- applying


@retry_on_deadlock
def start_import(import_id: int, *, skip_problems: bool = False, is_repeat: bool = False) -> bool:
    """Queue a checked import for the worker. Idempotent.

    :param skip_problems: apply the lines without problems, and leave the others out
    :param is_repeat: the same goods were delivered again
    :return: False when it is not in the checked state, changes nothing, or has problems that are not to be skipped
    :raise RepeatedImport: the file, or one with the same deliveries, was imported before, and `is_repeat` is False
    """
    with transaction("catalog") as session:
        ready = update(StockImport).where(
            StockImport.id == import_id,
            StockImport.state == ImportState.CHECKED,
            StockImport.change_count > 0,
        )
        if not skip_problems:
            ready = ready.where(StockImport.problem_count == 0)
        if not rows_changed(session.execute(ready.values(state=ImportState.WAITING))):
            return False
        imported = session.get_one(StockImport, import_id)
        if is_repeat:
            imported.occurrence = next_occurrence(imported.digest)  # it may have been applied since the check
        elif repeat := find_repeat(import_id):
            raise RepeatedImport(repeat)
        return True


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
