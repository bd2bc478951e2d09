"""Returns sold units to stock: all units of a checkout or some of them, each at most once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storefront.catalog.inventory.availability import StockDeltas, track_deltas
from storefront.catalog.inventory.ledger import CANCELLATION, record_movement
from storefront.catalog.inventory.low_stock import check
from storefront.catalog.inventory.reservations import lock_reservations, product_of
from storefront.catalog.models import ReservationState, StockMovement, StockReservation, Variant
from storefront.catalog.values import ReferenceReused, ReturnExceedsSold
from storefront.db.session import retry_on_deadlock, rows_changed, transaction


@retry_on_deadlock
def restock(checkout: str, *, reason: str, actor: str) -> None:
    """Return all units of a checkout that were not returned yet. Idempotent.

    :param reason: for the ledger: "cancellation" or "return"
    """
    with transaction("catalog") as session, track_deltas(session) as deltas:
        rows = lock_reservations(session, checkout)
        for row in rows:
            if row.state == ReservationState.COMMITTED:
                left = row.quantity - row.returned
                _return_units(session, deltas, row, left, reason=reason, reference=checkout, actor=actor)
        check(session, [row.variant_id for row in rows])


@retry_on_deadlock
def restock_part(checkout: str, reference: str, units: Mapping[str, int], *, reason: str, actor: str) -> None:
    """Return some units of a checkout to stock, all or none; a repeat returns nothing more.

    :param reference: idempotency key, at most 64 characters: the checkout id, alone or followed by "/" and a suffix
    :param units: by SKU; SKUs that the checkout did not buy from this stock, as in imported orders, are ignored
    :param reason: for the ledger: "cancellation" or "return"
    :raise ReturnExceedsSold: more units than the checkout bought and has not returned yet
    :raise ReferenceReused: this reference returned other units before
    """
    wanted = {sku: count for sku, count in units.items() if count}
    with transaction("catalog") as session, track_deltas(session) as deltas:
        rows = {row.variant_id: row for row in lock_reservations(session, checkout)}
        skus = select(Variant.id, Variant.sku).where(Variant.id.in_(rows)).order_by(Variant.id)
        known = {sku: variant for variant, sku in session.execute(skus)}
        back = {known[sku]: count for sku, count in wanted.items() if sku in known}
        if _was_done(session, list(rows), back, reason, reference):
            return
        for variant in sorted(back):
            units_back = back[variant]
            _return_units(session, deltas, rows[variant], units_back, reason=reason, reference=reference, actor=actor)
        check(session, sorted(back))


def _was_done(session: Session, variants: Sequence[int], back: Mapping[int, int], reason: str, reference: str) -> bool:
    recorded = select(StockMovement.variant_id, StockMovement.delta).where(
        StockMovement.variant_id.in_(variants),
        StockMovement.reason == reason,
        StockMovement.reference == reference,
    )
    done = {row.variant_id: row.delta for row in session.execute(recorded)}
    if done and done != back:
        raise ReferenceReused(reference)
    return bool(done)


def _return_units(
    session: Session, deltas: StockDeltas, row: StockReservation, units: int, *, reason: str, reference: str, actor: str
) -> None:
    """Return units of one reservation to stock; the WHERE of the update checks that they were sold and not returned."""
    if not units:
        return
    sold = (StockReservation.id == row.id, StockReservation.state == ReservationState.COMMITTED)
    back = update(StockReservation).where(*sold, StockReservation.returned + units <= StockReservation.quantity)
    back = back.values(returned=StockReservation.returned + units)
    if units < 0 or not rows_changed(session.execute(back)):
        raise ReturnExceedsSold(row.checkout_id)
    # A statement of its own: within the same UPDATE MySQL would read the new value of `returned`, SQLite the old one.
    whole = update(StockReservation).where(*sold, StockReservation.returned == StockReservation.quantity)
    session.execute(whole.values(state=ReservationState.RETURNED))
    unsold = units if reason == CANCELLATION else 0
    session.execute(
        update(Variant)
        .where(Variant.id == row.variant_id)
        .values(on_hand=Variant.on_hand + units, sold_30=Variant.sold_30 - unsold)
    )
    record_movement(session, row.variant_id, units, reason, reference, actor)
    deltas[product_of(session, row.variant_id), row.variant_id] += units
