"""What staff do to counts and levels. A delta goes to the present figure; a count only to the figure that was seen."""

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
    """What the movements of one submit have in common.

    :ivar reason: of its deltas
    """

    reference: str
    reason: Reason
    actor: str


@retry_on_deadlock
def adjust(changes: Sequence[Adjustment], *, reference: str, reason: Reason, actor: str) -> bool:
    """Make the changes of one submit, all or none.

    :param reference: names the submit: sent twice it is done once
    :param reason: of the deltas; counts are "counted"
    :param actor: as the ledger names them
    :return: False when it was done before
    :raise StockConflict: some cannot be made; it says of each why, and how its row stands now
    """
    by_id = {change.variant_id: change for change in changes}
    submit = _Submit(reference, reason, actor)
    with transaction("catalog") as session, track_deltas(session) as shifts:
        rows = _take(session, by_id)
        if _is_done(session, reference):
            return False
        refused = {i: Rejection(RejectionKind.GONE, change, None) for i, change in by_id.items() if i not in rows}
        for variant_id, row in rows.items():
            change = by_id[variant_id]
            kind = _move(session, row, change, submit, shifts) or _set_level(session, row, change, submit)
            if kind:
                refused[variant_id] = Rejection(kind, change, row)
        if refused:
            raise StockConflict(refused)
        session.flush()
        levels = [change.variant_id for change in changes if change.level is not None]
        if levels:
            acknowledge(session, levels)
        check(session, list(rows))
    return True


def _take(session: Session, variant_ids: dict[int, Adjustment]) -> dict[int, StockRow]:
    """Take the rows in the order that everybody takes them in.

    :return: as they stand now
    """
    chosen = row_columns().where(Variant.id.in_(variant_ids)).order_by(Variant.id)
    return {row.id: row_of(row) for row in session.execute(chosen.with_for_update())}


def _is_done(session: Session, reference: str) -> bool:
    done = select(StockMovement.id).where(StockMovement.reference == reference).limit(1)
    return session.scalar(done) is not None


def _move(
    session: Session, row: StockRow, change: Adjustment, submit: _Submit, shifts: StockDeltas
) -> RejectionKind | None:
    if change.count is not None:
        delta, why = change.count - change.seen, Reason.COUNTED
        allowed = [Variant.on_hand == change.seen, Variant.reserved <= change.count]
    elif change.delta is not None:
        delta, why = change.delta, submit.reason
        allowed = [Variant.on_hand - Variant.reserved >= -delta] if delta < 0 else []
    else:
        return None
    if not _shift(session, row.id, delta, allowed):
        return _why_not(row, change)
    record_movement(session, row.id, delta, why, submit.reference, submit.actor)
    shifts[row.product_id, row.id] += delta
    return None


def _shift(session: Session, variant_id: int, delta: int, allowed: Sequence[ColumnElement[bool]]) -> bool:
    fits = Variant.on_hand + delta <= MAX_UNITS
    moved = update(Variant).where(Variant.id == variant_id, fits, *allowed).values(on_hand=Variant.on_hand + delta)
    return bool(rows_changed(session.execute(moved)))


def _why_not(row: StockRow, change: Adjustment) -> RejectionKind:
    if change.count is None:
        return RejectionKind.SHORT if (change.delta or 0) < 0 else RejectionKind.TOO_MANY
    if row.on_hand != change.seen:
        return RejectionKind.CHANGED
    return RejectionKind.RESERVED if change.count < row.reserved else RejectionKind.TOO_MANY


def _set_level(session: Session, row: StockRow, change: Adjustment, submit: _Submit) -> RejectionKind | None:
    """A changed level is an act too: it leaves a row in the ledger that moves nothing."""
    if change.level is None:
        return None
    as_seen = update(Variant).where(Variant.id == row.id, Variant.reorder_level == change.seen_level)
    changed = as_seen.values(reorder_level=change.level)
    if not rows_changed(session.execute(changed)):
        return RejectionKind.LEVEL_CHANGED
    note = f"{change.seen_level} to {change.level}"
    record_movement(session, row.id, 0, LEVEL, submit.reference, submit.actor, note=note)
    return None


@retry_on_deadlock
def undo(movement_id: int, *, actor: str) -> None:
    """Take a movement of the staff back by its opposite; asked for again, it is taken back once.

    :raise UnknownMovement: there is none of this id
    :raise NotUndoable: it is no act of the staff
    :raise StockConflict: fewer are available by now than it brought
    """
    with transaction("catalog") as session, track_deltas(session) as shifts:
        movement = session.get(StockMovement, movement_id)
        if movement is None:
            raise UnknownMovement(movement_id)
        if movement.reason not in set(Reason) or movement.delta == 0:
            raise NotUndoable(movement.reason)
        change = Adjustment(movement.variant_id, 0, 0, delta=-movement.delta)
        row = _take(session, {movement.variant_id: change})[movement.variant_id]
        taken_back = select(StockMovement.id).where(StockMovement.undoes_id == movement_id)
        if session.scalar(taken_back) is not None:
            return
        enough = [Variant.on_hand - Variant.reserved >= movement.delta] if movement.delta > 0 else []
        if not _shift(session, row.id, -movement.delta, enough):
            raise StockConflict({row.id: Rejection(_why_not(row, change), change, row)})
        record_movement(session, row.id, -movement.delta, UNDO, f"undo/{movement_id}", actor, undoes=movement_id)
        shifts[row.product_id, row.id] -= movement.delta
        session.flush()
        check(session, [row.id])
