"""The stock ledger for staff: filtered pages, recent scans and exports of the movements."""

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

SCAN = "scan/"  # prefix of the references of scanned receipts
SCANS_SHOWN = 12
ROWS_AT_ONCE = 1000

_Counter = aliased(StockMovement, name="counter")
# By time, then by id. For a single variant the id is enough: its row is locked, so its ids are in order of time.
_BY_TIME = SortKeys((StockMovement.created_at, StockMovement.id), (datetime, int), is_descending=True)
_BY_NUMBER = SortKeys((StockMovement.id,), (int,), is_descending=True)


def list_movements(criteria: LedgerCriteria) -> LedgerPage:
    """Return a page of the ledger, newest first; empty for a SKU that does not exist."""
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
    """List the movements of one submission by SKU, at most `PAGE_SIZE`."""
    chosen = _columns().where(StockMovement.reference == reference).order_by(Variant.sku, StockMovement.id)
    return tuple(map(_movement, read_session().execute(chosen.limit(PAGE_SIZE))))


def recent_scans(actor: str) -> tuple[Movement, ...]:
    """List the last scanned receipts of a staff member, newest first."""
    chosen = _columns().where(
        StockMovement.actor == actor,
        StockMovement.reason == Reason.RECEIVED,
        StockMovement.reference.startswith(SCAN),
    )
    newest = chosen.order_by(StockMovement.created_at.desc(), StockMovement.id.desc()).limit(SCANS_SHOWN)
    return tuple(map(_movement, read_session().execute(newest)))


def export_movements(criteria: LedgerCriteria) -> Iterator[Movement]:
    """Yield every movement that matches, newest first, read in pages so that no transaction stays open during download.

    :return: an iterator for a streamed response
    """
    row = find_by_code(criteria.sku) if criteria.sku else None
    if criteria.sku and row is None:
        return
    cursor, keys = "", _BY_NUMBER if row else _BY_TIME
    while True:
        rows, paged = paginate(_chosen(criteria, row), keys, cursor, ROWS_AT_ONCE)
        movements = [_movement(each) for each in rows]
        read_session().rollback()
        yield from movements
        if not paged.next:
            return
        cursor = paged.next
