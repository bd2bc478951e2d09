"""Stock: promised by holds, changed by movements. Contention is settled in each statement's WHERE, never before it.

Rows are always taken in the same order, variants by id and then products by id, so that two baskets with the same
goods in opposite order cannot wait for each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

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
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

HOLD_PERIOD = timedelta(minutes=15)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # the end of a hold whose money is being taken


@retry_on_deadlock
def reserve(checkout: str, holds: Sequence[Hold], *, permanent: bool = False) -> None:
    """Promise units to a checkout for `HOLD_PERIOD`, all or none. Asked again, it renews them.

    :param holds: the same SKU may come twice; the demand is summed before it is checked
    :param permanent: until released or sold: a payment about to be taken must not lose its goods
    :raise UnknownSku: a SKU names no variant
    :raise OutOfStock: some are short; it names every one that is
    """
    demand: dict[Sku, int] = defaultdict(int)
    for hold in holds:
        demand[hold.sku] += hold.quantity
    with transaction("catalog") as session, track_deltas(session) as shifts:
        variants = _variants(session, demand)
        _take(session, [variant.id for variant in variants])
        _let_go_of_expired(session, [variant.id for variant in variants], shifts, keep=checkout)
        existing = {row.variant_id: row for row in _reservations(session, checkout)}
        short = []
        for variant in variants:
            missing = demand[Sku(variant.sku)] - _units_kept_by(existing.get(variant.id), demand[Sku(variant.sku)])
            shifts[variant.product_id, variant.id] -= missing
            if missing and not _promise(session, variant.id, missing):
                short.append(variant)
        if short:
            raise _out_of_stock(session, short)
        expires_at = NEVER if permanent else utc_now() + HOLD_PERIOD
        for variant in variants:
            row = existing.get(variant.id)
            _write_hold(session, row, checkout, variant.id, demand[Sku(variant.sku)], expires_at)


@retry_on_deadlock
def release(checkout: str) -> None:
    """Let go of everything held for a checkout. Released stays released."""
    with transaction("catalog") as session, track_deltas(session) as shifts:
        for row in taken_reservations(session, checkout):
            _let_go(session, row, shifts)


@retry_on_deadlock
def commit_reservation(checkout: str) -> None:
    """Turn a checkout's holds into sales: each leaves a movement. Committed stays committed."""
    with transaction("catalog") as session:
        rows = taken_reservations(session, checkout)
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
    """Take units of a product off the count on hand: of the first of its variants that has so many left.

    :param reference: names the occasion; asked for again with the same one, nothing more is taken
    :raise UnknownProduct: there is none of this id on sale
    :raise OutOfStock: no variant has so many left
    :raise ReferenceReused: the occasion took another number of units
    """
    with transaction("catalog") as session, track_deltas(session) as shifts:
        sold = select(Variant).join(Product, Product.id == Variant.product_id)
        sold = sold.where(Product.id == product_id, Product.active, Variant.is_withdrawn.is_(False))
        sold = sold.order_by(Variant.sort_order, Variant.id)
        variants = session.scalars(sold).all()
        if not variants:
            raise UnknownProduct(product_id)
        _take(session, [variant.id for variant in variants])
        if _was_done(session, variants, -units, reason, reference):
            return
        for variant in variants:
            enough = Variant.on_hand - Variant.reserved >= units
            taken = update(Variant).where(Variant.id == variant.id, enough).values(on_hand=Variant.on_hand - units)
            if rows_changed(session.execute(taken)):
                record_movement(session, variant.id, -units, reason, reference, actor)
                shifts[product_id, variant.id] -= units
                check(session, [variant.id])
                return
        raise _out_of_stock(session, variants)


def _was_done(session: Session, variants: Sequence[Variant], delta: int, reason: str, reference: str) -> bool:
    noted = select(StockMovement.delta).where(
        StockMovement.variant_id.in_([variant.id for variant in variants]),
        StockMovement.reason == reason,
        StockMovement.reference == reference,
    )
    done = session.scalar(noted)
    if done is not None and done != delta:
        raise ReferenceReused(reference)
    return done is not None


def available_now(*, held_for: str | None = None) -> ColumnElement[int]:
    """Units of a `Variant` that may be promised at this moment, as a column of a select over variants.

    A hold whose time is over counts as available at once, before anybody has let go of it; and so does the asker's own.

    :param held_for: checkout whose holds do not stand in its own way
    """
    theirs = StockReservation.expires_at < utc_now()
    mine = [StockReservation.checkout_id == held_for] if held_for else []
    free_again = (
        select(func.coalesce(func.sum(StockReservation.quantity), 0))
        .where(
            StockReservation.variant_id == Variant.id,
            StockReservation.state == ReservationState.HELD,
            or_(theirs, *mine),
        )
        .correlate(Variant)
        .scalar_subquery()
    )
    return Variant.on_hand - Variant.reserved + free_again


def release_expired() -> int:
    """Let go of every hold whose time is over.

    :return: how many
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
    with transaction("catalog") as session, track_deltas(session) as shifts:
        for row in taken_reservations(session, checkout):
            if row.expires_at < utc_now():
                _let_go(session, row, shifts)


def _variants(session: Session, skus: Iterable[Sku]) -> list[Variant]:
    wanted = set(skus)
    found = list(session.scalars(select(Variant).where(Variant.sku.in_(wanted)).order_by(Variant.id)))
    if missing := wanted - {Sku(variant.sku) for variant in found}:
        raise UnknownSku(", ".join(sorted(missing)))
    return found


def _reservations(session: Session, checkout: str) -> Sequence[StockReservation]:
    mine = select(StockReservation).where(StockReservation.checkout_id == checkout)
    return session.scalars(mine.order_by(StockReservation.variant_id)).all()


def taken_reservations(session: Session, checkout: str) -> Sequence[StockReservation]:
    """The reservations of a checkout, as they stand once the rows of their variants are the transaction's own."""
    mine = select(StockReservation.variant_id).where(StockReservation.checkout_id == checkout)
    _take(session, session.scalars(mine).all())
    return _reservations(session, checkout)


def _take(session: Session, variant_ids: Sequence[int]) -> None:
    """Take the rows of variants, in order, before anything of their holds is written.

    The state of a hold stands in the index of its foreign key: changing it makes MySQL share the variant's row, and
    two who share a row that both want for themselves are a deadlock.
    """
    rows = select(Variant.id).where(Variant.id.in_(variant_ids)).order_by(Variant.id)
    session.execute(rows.with_for_update())


def _units_kept_by(row: StockReservation | None, wanted: int) -> int:
    """Units that a hold keeps already; one that was sold wants no more."""
    if row is None or row.state == ReservationState.RELEASED:
        return 0
    return row.quantity if row.state == ReservationState.HELD else wanted


def _promise(session: Session, variant_id: int, units: int) -> bool:
    """Take units of what is available; False when there are not that many."""
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
    # A runner who stalled may come after the one who made the hold last: it must not shorten what is being paid for.
    is_held = existing.state == ReservationState.HELD
    existing.expires_at = max(existing.expires_at, expires_at) if is_held else expires_at
    existing.state = ReservationState.HELD
    existing.quantity = units


def _let_go_of_expired(session: Session, variant_ids: list[int], shifts: StockDeltas, *, keep: str) -> None:
    """Make expired holds on some variants sellable now, without waiting for the worker."""
    expired = select(StockReservation).where(
        StockReservation.variant_id.in_(variant_ids),
        StockReservation.state == ReservationState.HELD,
        StockReservation.expires_at < utc_now(),
        StockReservation.checkout_id != keep,
    )
    for row in session.scalars(expired.order_by(StockReservation.variant_id, StockReservation.id)).all():
        _let_go(session, row, shifts)


def _let_go(session: Session, row: StockReservation, shifts: StockDeltas) -> None:
    if not _change_state(session, row, ReservationState.RELEASED):
        return
    session.execute(
        update(Variant).where(Variant.id == row.variant_id).values(reserved=Variant.reserved - row.quantity)
    )
    shifts[product_of(session, row.variant_id), row.variant_id] += row.quantity


def product_of(session: Session, variant_id: int) -> int:
    """The product of a variant."""
    return session.scalars(select(Variant.product_id).where(Variant.id == variant_id)).one()


def _change_state(session: Session, row: StockReservation, state: ReservationState) -> bool:
    """Leave off holding exactly once, whoever comes first."""
    held = (StockReservation.id == row.id, StockReservation.state == ReservationState.HELD)
    return bool(rows_changed(session.execute(update(StockReservation).where(*held).values(state=state))))


def _out_of_stock(session: Session, variants: Sequence[Variant]) -> OutOfStock:
    """With the figures as they are now: the variants may have been read before their turn came."""
    facts = session.execute(
        select(Variant.sku, Variant.name, Product.name, Variant.on_hand - Variant.reserved)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.id.in_([variant.id for variant in variants]))
    ).all()
    return OutOfStock(
        {Sku(sku): max(0, left) for sku, _, _, left in facts},
        {Sku(sku): f"{product}, {option}" if option else product for sku, option, product, _ in facts},
    )
