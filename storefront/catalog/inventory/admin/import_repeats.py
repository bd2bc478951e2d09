"""Notices a stock file that was imported before: the same file, or one with the same deliveries.

A delivery may come again, so it is asked and not refused. A file saved again, or corrected after a part of it was
applied, is another file with the same deliveries, and would count them twice.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from storefront.catalog.inventory.admin.values import Repeat
from storefront.catalog.inventory.import_models import ImportState, StockImport, StockImportLine
from storefront.catalog.models import StockMovement
from storefront.core.clock import utc_now
from storefront.db.session import read_session

LOOK_BACK = timedelta(days=30)  # as long as imports are kept
SAMPLE = 1000  # lines of a file that are compared with earlier ones; as many more would take seconds


def reference_of(digest: str, occurrence: int) -> str:
    """Return the idempotency key of a file's movements.

    The next occurrence of a file is that after the last one applied, so that uploading it twice at once counts once,
    and another delivery of the same goods counts again.

    :param digest: SHA-256 of the file, hexadecimal
    :param occurrence: how many times it was applied, this time included
    """
    return f"csv/{digest[:40]}{f'/{occurrence}' if occurrence > 1 else ''}"


def next_occurrence(digest: str) -> int:
    """Return how many times a file was applied, plus one."""
    return len(_first_movements(digest)) + 1


def _first_movements(digest: str) -> list[StockMovement]:
    """The first movement of each time that a file was applied, in order."""
    found: list[StockMovement] = []
    for occurrence in count(1):
        moved = select(StockMovement).where(StockMovement.reference == reference_of(digest, occurrence))
        first = read_session().scalars(moved.order_by(StockMovement.id).limit(1)).first()
        if first is None:
            break
        found.append(first)
    return found


def find_repeat(import_id: int) -> Repeat | None:
    """Return the earlier import that a checked file repeats, if any.

    It repeats another file when at least half of its deltas are in it, unit for unit.
    """
    row = read_session().get_one(StockImport, import_id)
    if applied := _first_movements(row.digest):
        return Repeat(applied[-1].created_at, applied[-1].actor, row.file_name)
    return _find_same_deltas(import_id)


def _find_same_deltas(import_id: int) -> Repeat | None:
    mine, theirs = aliased(StockImportLine), aliased(StockImportLine)
    deltas = (mine.import_id == import_id, mine.is_count.is_(False), mine.delta.is_not(None))
    sample = select(mine.variant_id, mine.delta, mine.reason).where(*deltas).order_by(mine.id).limit(SAMPLE).subquery()
    size = read_session().scalar(select(func.count()).select_from(sample), bind_arguments={"mapper": StockImport}) or 0
    if not size:
        return None
    same = (theirs.variant_id == sample.c.variant_id, theirs.delta == sample.c.delta, theirs.reason == sample.c.reason)
    taken = StockImport.state.in_([ImportState.WAITING, ImportState.APPLYING, ImportState.APPLIED])
    found = (
        select(StockImport.id)
        .join(theirs, theirs.import_id == StockImport.id)
        .join(sample, same[0])
        .where(*same[1:], theirs.is_count.is_(False), StockImport.id != import_id, taken)
        .where(StockImport.created_at > utc_now() - LOOK_BACK)
        .group_by(StockImport.id)
        .having(func.count() * 2 >= size)
        .order_by(func.count().desc(), StockImport.id.desc())
        .limit(1)
    )
    earlier_id = read_session().scalar(found)
    if earlier_id is None:
        return None
    earlier = read_session().get_one(StockImport, earlier_id)
    return Repeat(earlier.finished_at or earlier.created_at, earlier.actor, earlier.file_name)
