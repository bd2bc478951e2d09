"""Scheduled prices: created and cancelled by staff, started and ended by the worker, each exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from storefront.catalog.inventory.availability import refresh_products
from storefront.catalog.listing.read_model import lock_products
from storefront.catalog.models import AuditEntry, Product, Variant
from storefront.catalog.products.admin.audit_messages import money_words
from storefront.catalog.products.admin.detail import OPEN
from storefront.catalog.products.admin.values import DraftRefused, Problem, UnknownScheduledPrice
from storefront.catalog.products.models import PriceChange, PriceState
from storefront.catalog.values import UnknownSku
from storefront.core import clock
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db import audit_log
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

WORKER = "shop"  # actor of the worker's changes in the audit log


@retry_on_deadlock
def schedule_price(
    variant_id: int,
    price: Money,
    compare_at_price: Money | None,
    starts_at: datetime,
    ends_at: datetime | None,
    *,
    actor: str,
) -> None:
    """Schedule a price for a variant; a repeat with the same values changes nothing.

    :param ends_at: when the earlier price is restored; None for a permanent change
    :raise UnknownSku: no variant has this id
    :raise DraftRefused: problems are at "compare_at_price", "starts_at" and "ends_at"
    """
    with transaction("catalog") as session:
        # The lock on the variant makes the check for overlaps safe against concurrent schedules.
        locked = select(Variant.sku).where(Variant.id == variant_id).with_for_update()
        sku = session.scalar(locked)
        if sku is None:
            raise UnknownSku(str(variant_id))
        open_changes = select(PriceChange).where(PriceChange.variant_id == variant_id, PriceChange.state.in_(OPEN))
        change = PriceChange(
            variant_id=variant_id,
            price=price.minor,
            compare_at_price=compare_at_price.minor if compare_at_price else None,
            starts_at=starts_at,
            ends_at=ends_at,
            state=PriceState.SCHEDULED,
            created_by=actor[:80],
            created_at=utc_now(),
        )
        others = session.scalars(open_changes).all()
        if any(_values(other) == _values(change) for other in others):
            return
        if problems := _problems(change, others):
            raise DraftRefused(problems)
        session.add(change)
        when = _moment_words(starts_at) + (f" until {_moment_words(ends_at)}" if ends_at else "")
        detail = f"{money_words(price, compare_at_price)} from {when}"
        audit_log.record(session, AuditEntry, actor=actor, what="price scheduled", subject=sku, detail=detail)


def _values(change: PriceChange) -> tuple[object, ...]:
    return (change.price, change.compare_at_price, change.starts_at, change.ends_at)


def _problems(change: PriceChange, others: Sequence[PriceChange]) -> dict[str, Problem]:
    problems: dict[str, Problem] = {}
    if change.compare_at_price is not None and change.compare_at_price <= change.price:
        problems["compare_at_price"] = Problem.WAS_NOT_HIGHER
    if change.starts_at <= utc_now():
        problems["starts_at"] = Problem.PAST
    if change.ends_at is not None and change.ends_at <= change.starts_at:
        problems["ends_at"] = Problem.ENDS_BEFORE
    elif any(_overlap(change, other) for other in others):
        problems.setdefault("starts_at", Problem.OVERLAPS)
    return problems


def _overlap(one: PriceChange, other: PriceChange) -> bool:
    """Tell whether one starts while the other runs; a change without an end has a start only."""
    first, second = sorted((one, other), key=lambda change: change.starts_at)
    return first.starts_at == second.starts_at or (first.ends_at is not None and second.starts_at < first.ends_at)


def _moment_words(moment: datetime) -> str:
    return f"{clock.in_shop_time(moment):%Y-%m-%d %H:%M %Z}"


def cancel_price(change_id: int, *, actor: str) -> None:
    """Cancel a scheduled price; one that is running ends now, and the earlier price is restored.

    :raise UnknownScheduledPrice: no scheduled price has this id, or it is over
    """
    if _end(change_id, actor) is not None or _cancel(change_id, actor):
        return
    if _end(change_id, actor) is None:  # the worker may have started it between the two calls
        raise UnknownScheduledPrice(change_id)


@retry_on_deadlock
def _cancel(change_id: int, actor: str) -> bool:
    with transaction("catalog") as session:
        ended = {"state": PriceState.CANCELLED, "ended_at": utc_now()}
        if not _leave(session, change_id, PriceState.SCHEDULED, ended):
            return False
        change, sku, currency = _price_change(session, change_id)
        detail = f"{money_words(Money(change.price, currency))} from {_moment_words(change.starts_at)}"
        audit_log.record(session, AuditEntry, actor=actor, what="price cancelled", subject=sku, detail=detail)
    return True


def apply_prices() -> int:
    """Start and end the scheduled prices that are due, in order of time.

    :return: number of prices changed
    """
    now = utc_now()
    due = select(PriceChange.id, PriceChange.state, PriceChange.starts_at, PriceChange.ends_at).where(
        or_(
            (PriceChange.state == PriceState.SCHEDULED) & (PriceChange.starts_at <= now),
            (PriceChange.state == PriceState.RUNNING) & (PriceChange.ends_at <= now),
        )
    )
    steps: list[tuple[datetime, int, bool]] = []
    for row in read_session().execute(due):
        if row.state == PriceState.SCHEDULED:
            steps.append((row.starts_at, row.id, False))
        if row.ends_at is not None and row.ends_at <= now:
            steps.append((row.ends_at, row.id, True))
    # At the same time, ends come before starts.
    steps.sort(key=lambda step: (step[0], not step[2], step[1]))
    return sum((_end(change_id, WORKER) or 0) if is_end else _begin(change_id) for _, change_id, is_end in steps)


@retry_on_deadlock
def _begin(change_id: int) -> bool:
    with transaction("catalog") as session:
        locked = _lock(session, change_id)
        if locked is None:
            return False
        change, sku, currency, price, compare_at_price = locked
        state = PriceState.RUNNING if change.ends_at else PriceState.DONE
        begun = {"state": state, "applied_at": utc_now(), "old_price": price, "old_compare_at_price": compare_at_price}
        if not _leave(session, change_id, PriceState.SCHEDULED, begun):
            return False
        new = _words(change.price, change.compare_at_price, currency)
        detail = f"{_words(price, compare_at_price, currency)} to {new}, as {change.created_by} scheduled"
        _set_price(session, change.variant_id, change.price, change.compare_at_price)
        audit_log.record(session, AuditEntry, actor=WORKER, what="price", subject=sku, detail=detail)
    return True


@retry_on_deadlock
def _end(change_id: int, actor: str) -> int | None:
    """Restore the earlier price, unless another one was set meanwhile.

    :return: number of prices changed; None when the scheduled price is not running
    """
    with transaction("catalog") as session:
        locked = _lock(session, change_id)
        if locked is None or not _leave(
            session, change_id, PriceState.RUNNING, {"state": PriceState.DONE, "ended_at": utc_now()}
        ):
            return None
        change, sku, currency, price, compare_at_price = locked
        if (price, compare_at_price) != (change.price, change.compare_at_price) or change.old_price is None:
            detail = f"{_words(price, compare_at_price, currency)} stays: it was changed since"
            audit_log.record(session, AuditEntry, actor=actor, what="price ended", subject=sku, detail=detail)
            return 0
        before = _words(change.old_price, change.old_compare_at_price, currency)
        detail = f"{_words(price, compare_at_price, currency)} to {before}, its end was reached"
        _set_price(session, change.variant_id, change.old_price, change.old_compare_at_price)
        audit_log.record(session, AuditEntry, actor=actor, what="price", subject=sku, detail=detail)
    return 1


def _lock(session: Session, change_id: int) -> tuple[PriceChange, str, str, int, int | None] | None:
    """Lock the product of a scheduled price.

    :return: the scheduled price, SKU, currency, and the variant's current price and compare-at price
    """
    product_id = session.scalar(
        select(Variant.product_id)
        .join(PriceChange, PriceChange.variant_id == Variant.id)
        .where(PriceChange.id == change_id)
    )
    if product_id is None:
        return None
    lock_products(session, [product_id])
    change, sku, currency = _price_change(session, change_id)
    now = session.execute(select(Variant.price, Variant.compare_at_price).where(Variant.id == change.variant_id)).one()
    return change, sku, currency, now.price, now.compare_at_price


def _price_change(session: Session, change_id: int) -> tuple[PriceChange, str, str]:
    row = session.execute(
        select(PriceChange, Variant.sku, Product.currency)
        .join(Variant, Variant.id == PriceChange.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(PriceChange.id == change_id)
    ).one()
    return row[0], row[1], row[2]


def _leave(session: Session, change_id: int, state: PriceState, values: dict[str, object]) -> bool:
    """Move a scheduled price out of a state; False when another transaction did so first."""
    in_state = update(PriceChange).where(PriceChange.id == change_id, PriceChange.state == state)
    return bool(rows_changed(session.execute(in_state.values(**values))))


def _set_price(session: Session, variant_id: int, price: int, compare_at_price: int | None) -> None:
    changed = update(Variant).where(Variant.id == variant_id).values(price=price, compare_at_price=compare_at_price)
    session.execute(changed)
    product_id = session.scalars(select(Variant.product_id).where(Variant.id == variant_id)).one()
    session.execute(update(Product).where(Product.id == product_id).values(version=Product.version + 1))
    refresh_products(session, [product_id])


def _words(price: int, compare_at_price: int | None, currency: str) -> str:
    return money_words(Money(price, currency), None if compare_at_price is None else Money(compare_at_price, currency))
