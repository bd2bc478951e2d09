"""Adjustments of counts and reorder levels by staff.

A delta applies to the current count; a new count only applies while the count is the one that was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from storefront.catalog.inventory.admin.listing import row_columns, row_of
from storefront.catalog.inventory.admin.values import (
    LEVEL,
    MAX_UNITS,
    UNDO,
    Adjustment,
    NotUndoable,
    Reason,
    Rejection,
    RejectionKind,
    StockConflict,
    StockRow,
    UnknownMovement,
)
from storefront.catalog.inventory.availability import StockDeltas, track_deltas
from storefront.catalog.inventory.ledger import record_movement
from storefront.catalog.inventory.low_stock import acknowledge, check
from storefront.catalog.models import StockMovement, Variant
from storefront.db.session import retry_on_deadlock, rows_changed, transaction


@dataclass(frozen=True, slots=True)
class _Submit:
    """The values that all movements of one form submission share.

    :ivar reason: of the deltas; counts always have `Reason.COUNTED`
    """

    reference: str
    reason: Reason
    actor: str


@retry_on_deadlock
def adjust(changes: Sequence[Adjustment], *, reference: str, reason: Reason, actor: str) -> bool:
    """Apply the adjustments of one form submission, all or none.

    :param reference: idempotency key of the submission
    :param reason: of the deltas; counts are "counted"
    :param actor: as the ledger shows it
    :return: False when the submission was applied before
    :raise StockConflict: some cannot be applied; it has the reason and the current row of each
    """
    by_id = {change.variant_id: change for change in changes}
    submit = _Submit(reference, reason, actor)
    with transaction("catalog") as session, track_deltas(session) as deltas:
        rows = _lock(session, by_id)
        if _is_done(session, reference):
            return False
        rejected = {i: Rejection(RejectionKind.GONE, change, None) for i, change in by_id.items() if i not in rows}
        for variant_id, row in rows.items():
            change = by_id[variant_id]
            kind = _move(session, row, change, submit, deltas) or _set_level(session, row, change, submit)
            if kind:
                rejected[variant_id] = Rejection(kind, change, row)
        if rejected:
            raise StockConflict(rejected)
        session.flush()
        levels = [change.variant_id for change in changes if change.level is not None]
        if levels:
            acknowledge(session, levels)
        check(session, list(rows))
    return True


def _lock(session: Session, variant_ids: dict[int, Adjustment]) -> dict[int, StockRow]:
    """Lock the rows of variants by id, the order used everywhere.

    :return: the current rows, by variant id
    """
    chosen = row_columns().where(Variant.id.in_(variant_ids)).order_by(Variant.id)
    return {row.id: row_of(row) for row in session.execute(chosen.with_for_update())}


def _is_done(session: Session, reference: str) -> bool:
    done = select(StockMovement.id).where(StockMovement.reference == reference).limit(1)
    return session.scalar(done) is not None


def _move(
    session: Session, row: StockRow, change: Adjustment, submit: _Submit, deltas: StockDeltas
) -> RejectionKind | None:
    if change.count is not None:
        delta, reason = change.count - change.seen, Reason.COUNTED
        allowed = [Variant.on_hand == change.seen, Variant.reserved <= change.count]
    elif change.delta is not None:
        delta, reason = change.delta, submit.reason
        allowed = [Variant.on_hand - Variant.reserved >= -delta] if delta < 0 else []
    else:
        return None
    if not _shift(session, row.id, delta, allowed):
        return _rejection_of(row, change)
    record_movement(session, row.id, delta, reason, submit.reference, submit.actor)
    deltas[row.product_id, row.id] += delta
    return None


def _shift(session: Session, variant_id: int, delta: int, allowed: Sequence[ColumnElement[bool]]) -> bool:
    fits = Variant.on_hand + delta <= MAX_UNITS
    moved = update(Variant).where(Variant.id == variant_id, fits, *allowed).values(on_hand=Variant.on_hand + delta)
    return bool(rows_changed(session.execute(moved)))


def _rejection_of(row: StockRow, change: Adjustment) -> RejectionKind:
    if change.count is None:
        return RejectionKind.SHORT if (change.delta or 0) < 0 else RejectionKind.TOO_MANY
    if row.on_hand != change.seen:
        return RejectionKind.CHANGED
    return RejectionKind.RESERVED if change.count < row.reserved else RejectionKind.TOO_MANY


def _set_level(session: Session, row: StockRow, change: Adjustment, submit: _Submit) -> RejectionKind | None:
    """Change the reorder level, and record it in the ledger as a movement of no units."""
    if change.level is None:
        return None
    unchanged = update(Variant).where(Variant.id == row.id, Variant.reorder_level == change.seen_level)
    if not rows_changed(session.execute(unchanged.values(reorder_level=change.level))):
        return RejectionKind.LEVEL_CHANGED
    note = f"{change.seen_level} to {change.level}"
    record_movement(session, row.id, 0, LEVEL, submit.reference, submit.actor, note=note)
    return None


@retry_on_deadlock
def undo(movement_id: int, *, actor: str) -> None:
    """Reverse a movement made by staff with an opposite one. Idempotent.

    :raise UnknownMovement: no movement has this id
    :raise NotUndoable: it was not made by staff, or moved no units
    :raise StockConflict: fewer units are available now than it added
    """
    with transaction("catalog") as session, track_deltas(session) as deltas:
        movement = session.get(StockMovement, movement_id)
        if movement is None:
            raise UnknownMovement(movement_id)
        if movement.reason not in set(Reason) or movement.delta == 0:
            raise NotUndoable(movement.reason)
        change = Adjustment(movement.variant_id, 0, 0, delta=-movement.delta)
        row = _lock(session, {movement.variant_id: change})[movement.variant_id]
        undone_by = select(StockMovement.id).where(StockMovement.undoes_id == movement_id)
        if session.scalar(undone_by) is not None:
            return
        enough = [Variant.on_hand - Variant.reserved >= movement.delta] if movement.delta > 0 else []
        if not _shift(session, row.id, -movement.delta, enough):
            raise StockConflict({row.id: Rejection(_rejection_of(row, change), change, row)})
        record_movement(session, row.id, -movement.delta, UNDO, f"undo/{movement_id}", actor, undoes=movement_id)
        deltas[row.product_id, row.id] -= movement.delta
        session.flush()
        check(session, [row.id])
