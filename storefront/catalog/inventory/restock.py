"""Goods that were sold come back on the shelf: all of what a checkout bought, or some units; each unit once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storefront.catalog.inventory.availability import StockDeltas, track_deltas
from storefront.catalog.inventory.ledger import CANCELLATION, record_movement
from storefront.catalog.inventory.low_stock import check
from storefront.catalog.inventory.reservations import product_of, taken_reservations
from storefront.catalog.models import ReservationState, StockMovement, StockReservation, Variant
from storefront.catalog.values import ReferenceReused, ReturnExceedsSold
from storefront.db.session import retry_on_deadlock, rows_changed, transaction


@retry_on_deadlock
def restock(checkout: str, *, reason: str, actor: str) -> None:
    """Take back what a checkout bought and has not come back yet, however often this is asked for.

    :param reason: for the ledger: "cancellation" or "return"
    """
    with transaction("catalog") as session, track_deltas(session) as shifts:
        rows = taken_reservations(session, checkout)
        for row in rows:
            if row.state == ReservationState.COMMITTED:
                left = row.quantity - row.returned
                _bring_back(session, shifts, row, left, reason=reason, reference=checkout, actor=actor)
        check(session, [row.variant_id for row in rows])


@retry_on_deadlock
def restock_part(checkout: str, reference: str, units: Mapping[str, int], *, reason: str, actor: str) -> None:
    """Take back some units of what a checkout bought, all or none; asked for again, nothing more comes back.

    :param reference: names the occasion, at most 64 characters: the checkout itself, or one that begins with it and "/"
    :param units: by SKU; goods that are not of this stock, as the old shop's may be, have no shelf here
    :param reason: for the ledger: "cancellation" or "return"
    :raise NotSold: more units than the checkout bought and has not given back
    :raise ReferenceReused: the occasion brought other units back
    """
    wanted = {sku: count for sku, count in units.items() if count}
    with transaction("catalog") as session, track_deltas(session) as shifts:
        rows = {row.variant_id: row for row in taken_reservations(session, checkout)}
        skus = select(Variant.id, Variant.sku).where(Variant.id.in_(rows)).order_by(Variant.id)
        known = {sku: variant for variant, sku in session.execute(skus)}
        back = {known[sku]: count for sku, count in wanted.items() if sku in known}
        if _was_done(session, list(rows), back, reason, reference):
            return
        for variant in sorted(back):
            units_back = back[variant]
            _bring_back(session, shifts, rows[variant], units_back, reason=reason, reference=reference, actor=actor)
        check(session, sorted(back))


def _was_done(session: Session, variants: Sequence[int], back: Mapping[int, int], reason: str, reference: str) -> bool:
    noted = select(StockMovement.variant_id, StockMovement.delta).where(
        StockMovement.variant_id.in_(variants),
        StockMovement.reason == reason,
        StockMovement.reference == reference,
    )
    done = {row.variant_id: row.delta for row in session.execute(noted)}
    if done and done != back:
        raise ReferenceReused(reference)
    return bool(done)


def _bring_back(
    session: Session, shifts: StockDeltas, row: StockReservation, units: int, *, reason: str, reference: str, actor: str
) -> None:
    """Put units on the shelf, if so many were sold and are not there yet: the statement decides."""
    if not units:
        return
    mine = (StockReservation.id == row.id, StockReservation.state == ReservationState.COMMITTED)
    back = update(StockReservation).where(*mine, StockReservation.returned + units <= StockReservation.quantity)
    back = back.values(returned=StockReservation.returned + units)
    if units < 0 or not rows_changed(session.execute(back)):
        raise ReturnExceedsSold(row.checkout_id)
    # On its own: MySQL would read the new count in the same statement, SQLite the old one.
    whole = update(StockReservation).where(*mine, StockReservation.returned == StockReservation.quantity)
    session.execute(whole.values(state=ReservationState.RETURNED))
    unsold = units if reason == CANCELLATION else 0
    session.execute(
        update(Variant)
        .where(Variant.id == row.variant_id)
        .values(on_hand=Variant.on_hand + units, sold_30=Variant.sold_30 - unsold)
    )
    record_movement(session, row.variant_id, units, reason, reference, actor)
    shifts[product_of(session, row.variant_id), row.variant_id] += units
