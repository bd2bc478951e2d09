"""The ledger as staff read it: who moved what, when and why, with the balance after each row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import aliased

from storefront.catalog.inventory.admin.listing import find_by_code
from storefront.catalog.inventory.admin.values import PAGE_SIZE, LedgerCriteria, LedgerPage, Movement, Reason, StockRow
from storefront.catalog.models import StockMovement, Variant
from storefront.db.pagination import PageCursors, SortKeys, paginate
from storefront.db.session import read_session

SCAN = "scan/"  # how references of scans begin
SCANS_SHOWN = 12
ROWS_AT_ONCE = 1000

_Counter = aliased(StockMovement, name="counter")
# By time and then by number. The rows of one variant are numbered in the order they happened: its row is locked.
_BY_TIME = SortKeys((StockMovement.created_at, StockMovement.id), (datetime, int), is_descending=True)
_BY_NUMBER = SortKeys((StockMovement.id,), (int,), is_descending=True)


def list_movements(criteria: LedgerCriteria) -> LedgerPage:
    """A page of the ledger, newest first. A SKU that is none of ours has no rows."""
    row = find_by_code(criteria.sku) if criteria.sku else None
    if criteria.sku and row is None:
        return LedgerPage(criteria, (), PageCursors("", ""), None)
    keys = _BY_NUMBER if row else _BY_TIME
    rows, paged = paginate(_chosen(criteria, row), keys, criteria.cursor, PAGE_SIZE)
    return LedgerPage(criteria, tuple(map(_movement, rows)), paged, row)


def _columns() -> Select[*tuple[Any, ...]]:
    return (
        select(
            StockMovement.id,
            Variant.sku,
            Variant.title,
            StockMovement.delta,
            StockMovement.balance,
            StockMovement.reason,
            StockMovement.reference,
            StockMovement.actor,
            StockMovement.note,
            StockMovement.created_at,
            StockMovement.undoes_id,
            _Counter.id.label("undone_by"),
        )
        .join(Variant, Variant.id == StockMovement.variant_id)
        .outerjoin(_Counter, _Counter.undoes_id == StockMovement.id)
    )


def _movement(row: Row[Any]) -> Movement:
    return Movement(
        id=row.id,
        sku=row.sku,
        title=row.title,
        delta=row.delta,
        balance=row.balance,
        reason=row.reason,
        reference=row.reference,
        actor=row.actor,
        note=row.note,
        created_at=row.created_at,
        undoes_id=row.undoes_id,
        is_undone=row.undone_by is not None,
    )


def _chosen(criteria: LedgerCriteria, row: StockRow | None) -> Select[*tuple[Any, ...]]:
    chosen = _columns()
    if row is not None:
        chosen = chosen.where(StockMovement.variant_id == row.id)
    for column, value in (
        (StockMovement.actor, criteria.actor),
        (StockMovement.reason, criteria.reason),
        (StockMovement.reference, criteria.reference),
    ):
        if value:
            chosen = chosen.where(column == value)
    if criteria.since:
        chosen = chosen.where(StockMovement.created_at >= criteria.since)
    if criteria.until:
        chosen = chosen.where(StockMovement.created_at < criteria.until)
    return chosen


def movements_of(reference: str) -> tuple[Movement, ...]:
    """What one submit did, by SKU; of a large one the first rows."""
    chosen = _columns().where(StockMovement.reference == reference).order_by(Variant.sku, StockMovement.id)
    return tuple(map(_movement, read_session().execute(chosen.limit(PAGE_SIZE))))


def recent_scans(actor: str) -> tuple[Movement, ...]:
    """What somebody scanned last, newest first."""
    chosen = _columns().where(
        StockMovement.actor == actor,
        StockMovement.reason == Reason.RECEIVED,
        StockMovement.reference.startswith(SCAN),
    )
    newest = chosen.order_by(StockMovement.created_at.desc(), StockMovement.id.desc()).limit(SCANS_SHOWN)
    return tuple(map(_movement, read_session().execute(newest)))


def export_movements(criteria: LedgerCriteria) -> Iterator[Movement]:
    """Every row of a ledger, newest first, read in pages so that no transaction stays open while a file is sent."""
    row = find_by_code(criteria.sku) if criteria.sku else None
    if criteria.sku and row is None:
        return
    cursor, keys = "", _BY_NUMBER if row else _BY_TIME
    while True:
        rows, paged = paginate(_chosen(criteria, row), keys, cursor, ROWS_AT_ONCE)
        movements = [_movement(found) for found in rows]
        read_session().rollback()
        yield from movements
        if not paged.next:
            return
        cursor = paged.next
