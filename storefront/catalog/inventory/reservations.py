"""Reservations of stock for checkouts, and the sales that they become.

Each UPDATE checks in its WHERE that enough stock is left, never a read before it. Rows are always locked in the same
order, variants by id and then products by id, so that two carts with the same products cannot deadlock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from storefront.catalog.inventory.availability import StockDeltas, track_deltas
from storefront.catalog.inventory.ledger import SALE, record_movement
from storefront.catalog.inventory.low_stock import check
from storefront.catalog.models import (
    Product,
    ReservationState,
    StockMovement,
    StockReservation,
    Variant,
)
from storefront.catalog.values import Hold, OutOfStock, ReferenceReused, Sku, UnknownProduct, UnknownSku
from storefront.core import metrics
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

HOLD_PERIOD = timedelta(minutes=15)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # expiry of a permanent reservation: its payment is being taken


@retry_on_deadlock
def reserve(checkout: str, holds: Sequence[Hold], *, permanent: bool = False) -> None:
    """Reserve units for a checkout for `HOLD_PERIOD`, all or none; a repeat extends the reservation.

    :param holds: a SKU may occur twice; its quantities are summed first
    :param permanent: no expiry; a payment about to be taken must not lose its reservation
    :raise UnknownSku: a SKU names no variant
    :raise OutOfStock: some SKUs are short; the error lists each of them
    """
    demand: dict[Sku, int] = defaultdict(int)
    for hold in holds:
        demand[hold.sku] += hold.quantity
    with transaction("catalog") as session, track_deltas(session) as deltas:
        variants = _variants(session, demand)
        _lock_variants(session, [variant.id for variant in variants])
        _release_expired_of(session, [variant.id for variant in variants], deltas, keep=checkout)
        existing = {row.variant_id: row for row in _reservations(session, checkout)}
        short = []
        for variant in variants:
            missing = demand[Sku(variant.sku)] - _units_held_by(existing.get(variant.id), demand[Sku(variant.sku)])
            deltas[variant.product_id, variant.id] -= missing
            if missing and not _reserve_units(session, variant.id, missing):
                short.append(variant)
        if short:
            raise _out_of_stock(session, short)
        expires_at = NEVER if permanent else utc_now() + HOLD_PERIOD
        for variant in variants:
            row = existing.get(variant.id)
            _write_hold(session, row, checkout, variant.id, demand[Sku(variant.sku)], expires_at)


@retry_on_deadlock
def release(checkout: str) -> None:
    """Release all units held for a checkout. Idempotent."""
    with transaction("catalog") as session, track_deltas(session) as deltas:
        for row in lock_reservations(session, checkout):
            _release_row(session, row, deltas)


@retry_on_deadlock
def commit_reservation(checkout: str) -> None:
    """Turn the reservations of a checkout into sales, with one movement for each. Idempotent."""
    with transaction("catalog") as session:
        rows = lock_reservations(session, checkout)
        for row in rows:
            if not _change_state(session, row, ReservationState.COMMITTED):
                continue
            session.execute(
                update(Variant)
                .where(Variant.id == row.variant_id)
                .values(
                    on_hand=Variant.on_hand - row.quantity,
                    reserved=Variant.reserved - row.quantity,
                    sold_30=Variant.sold_30 + row.quantity,
                )
            )
            record_movement(session, row.variant_id, -row.quantity, SALE, checkout, "shop")
        check(session, [row.variant_id for row in rows])


@retry_on_deadlock
def decrement(product_id: int, units: int, *, reason: str, reference: str, actor: str) -> None:
    """Remove units of a product from stock, from its first variant with that many available.

    :param reference: idempotency key; a repeat with the same one removes nothing
    :raise UnknownProduct: no product on sale has this id
    :raise OutOfStock: no variant has that many units available
    :raise ReferenceReused: this reference removed another number of units before
    """
    with transaction("catalog") as session, track_deltas(session) as deltas:
        sold = select(Variant).join(Product, Product.id == Variant.product_id)
        sold = sold.where(Product.id == product_id, Product.active, Variant.is_withdrawn.is_(False))
        sold = sold.order_by(Variant.sort_order, Variant.id)
        variants = session.scalars(sold).all()
        if not variants:
            raise UnknownProduct(product_id)
        _lock_variants(session, [variant.id for variant in variants])
        if _was_done(session, variants, -units, reason, reference):
            return
        for variant in variants:
            enough = Variant.on_hand - Variant.reserved >= units
            taken = update(Variant).where(Variant.id == variant.id, enough).values(on_hand=Variant.on_hand - units)
            if rows_changed(session.execute(taken)):
                record_movement(session, variant.id, -units, reason, reference, actor)
                deltas[product_id, variant.id] -= units
                check(session, [variant.id])
                return
        raise _out_of_stock(session, variants)


def _was_done(session: Session, variants: Sequence[Variant], delta: int, reason: str, reference: str) -> bool:
    recorded = select(StockMovement.delta).where(
        StockMovement.variant_id.in_([variant.id for variant in variants]),
        StockMovement.reason == reason,
        StockMovement.reference == reference,
    )
    done = session.scalar(recorded)
    if done is not None and done != delta:
        raise ReferenceReused(reference)
    return done is not None


def available_now(now: Any = None, *, held_for: Any = None) -> ColumnElement[int]:
    """Return a column with the units of a `Variant` that can be reserved now, for a select over variants.

    Expired reservations count as available even before they are released.

    :param now: the moment, or a placeholder for it; None for the present one
    :param held_for: a checkout whose own reservations count as available, too, or a placeholder for its id
    """
    expired = StockReservation.expires_at < (utc_now() if now is None else now)
    own = [StockReservation.checkout_id == held_for] if held_for is not None else []
    free_again = (
        select(func.coalesce(func.sum(StockReservation.quantity), 0))
        .where(
            StockReservation.variant_id == Variant.id,
            StockReservation.state == ReservationState.HELD,
            or_(expired, *own),
        )
        .correlate(Variant)
        .scalar_subquery()
    )
    return Variant.on_hand - Variant.reserved + free_again


def release_expired() -> int:
    """Release every expired reservation.

    :return: number of checkouts
    """
    expired = select(StockReservation.checkout_id).where(
        StockReservation.state == ReservationState.HELD, StockReservation.expires_at < utc_now()
    )
    checkouts = sorted(set(read_session().scalars(expired)))
    for checkout in checkouts:
        _release_if_expired(checkout)
    return len(checkouts)


@retry_on_deadlock
def _release_if_expired(checkout: str) -> None:
    with transaction("catalog") as session, track_deltas(session) as deltas:
        for row in lock_reservations(session, checkout):
            if row.expires_at < utc_now():
                _release_row(session, row, deltas)


def _variants(session: Session, skus: Iterable[Sku]) -> list[Variant]:
    wanted = set(skus)
    variants = list(session.scalars(select(Variant).where(Variant.sku.in_(wanted)).order_by(Variant.id)))
    if missing := wanted - {Sku(variant.sku) for variant in variants}:
        raise UnknownSku(", ".join(sorted(missing)))
    return variants


def _reservations(session: Session, checkout: str) -> Sequence[StockReservation]:
    reservations = select(StockReservation).where(StockReservation.checkout_id == checkout)
    return session.scalars(reservations.order_by(StockReservation.variant_id)).all()


def lock_reservations(session: Session, checkout: str) -> Sequence[StockReservation]:
    """Lock the variants of a checkout's reservations, and return the reservations as they are under these locks."""
    variant_ids = select(StockReservation.variant_id).where(StockReservation.checkout_id == checkout)
    _lock_variants(session, session.scalars(variant_ids).all())
    return _reservations(session, checkout)


def _lock_variants(session: Session, variant_ids: Sequence[int]) -> None:
    """Lock the rows of variants by id, before any of their reservations is written.

    The state of a reservation is part of the index of its foreign key: changing it takes a shared lock on the variant
    in MySQL, and two transactions that both upgrade a shared lock to an exclusive one deadlock.
    """
    rows = select(Variant.id).where(Variant.id.in_(variant_ids)).order_by(Variant.id)
    session.execute(rows.with_for_update())


def _units_held_by(row: StockReservation | None, wanted: int) -> int:
    """Return the units that a reservation holds already; a sold one needs no more."""
    if row is None or row.state == ReservationState.RELEASED:
        return 0
    return row.quantity if row.state == ReservationState.HELD else wanted


def _reserve_units(session: Session, variant_id: int, units: int) -> bool:
    """Reserve units of a variant; False when fewer are available."""
    return bool(
        rows_changed(
            session.execute(
                update(Variant)
                .where(Variant.id == variant_id, Variant.on_hand - Variant.reserved >= units)
                .values(reserved=Variant.reserved + units)
            )
        )
    )


def _write_hold(
    session: Session,
    existing: StockReservation | None,
    checkout: str,
    variant_id: int,
    units: int,
    expires_at: datetime,
) -> None:
    if existing is None:
        existing = StockReservation(checkout_id=checkout, variant_id=variant_id, quantity=units)
        session.add(existing)
    elif existing.state in {ReservationState.COMMITTED, ReservationState.RETURNED}:
        return
    # A stalled repeat of an earlier step may arrive late: it must not shorten a permanent reservation.
    is_held = existing.state == ReservationState.HELD
    existing.expires_at = max(existing.expires_at, expires_at) if is_held else expires_at
    existing.state = ReservationState.HELD
    existing.quantity = units


def _release_expired_of(session: Session, variant_ids: list[int], deltas: StockDeltas, *, keep: str) -> None:
    """Release expired reservations of some variants now, without waiting for the worker.

    :param keep: checkout whose own reservations stay
    """
    expired = select(StockReservation).where(
        StockReservation.variant_id.in_(variant_ids),
        StockReservation.state == ReservationState.HELD,
        StockReservation.expires_at < utc_now(),
        StockReservation.checkout_id != keep,
    )
    for row in session.scalars(expired.order_by(StockReservation.variant_id, StockReservation.id)).all():
        _release_row(session, row, deltas)


def _release_row(session: Session, row: StockReservation, deltas: StockDeltas) -> None:
    if not _change_state(session, row, ReservationState.RELEASED):
        return
    session.execute(
        update(Variant).where(Variant.id == row.variant_id).values(reserved=Variant.reserved - row.quantity)
    )
    deltas[product_of(session, row.variant_id), row.variant_id] += row.quantity


def product_of(session: Session, variant_id: int) -> int:
    """Return the product id of a variant."""
    return session.scalars(select(Variant.product_id).where(Variant.id == variant_id)).one()


def _change_state(session: Session, row: StockReservation, state: ReservationState) -> bool:
    """Move a reservation out of the held state; False when another transaction did so first."""
    held = (StockReservation.id == row.id, StockReservation.state == ReservationState.HELD)
    return bool(rows_changed(session.execute(update(StockReservation).where(*held).values(state=state))))


def _out_of_stock(session: Session, variants: Sequence[Variant]) -> OutOfStock:
    """Build the error from current figures: the variants may have been read before their rows were locked."""
    metrics.STOCK_OUTS.inc(len(variants))
    rows = session.execute(
        select(Variant.sku, Variant.name, Product.name, Variant.on_hand - Variant.reserved)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.id.in_([variant.id for variant in variants]))
    ).all()
    return OutOfStock(
        {Sku(sku): max(0, left) for sku, _, _, left in rows},
        {Sku(sku): f"{product}, {option}" if option else product for sku, option, product, _ in rows},
    )
