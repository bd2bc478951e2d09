"""Prices that begin later and may end again: planned, called off, and applied by the worker, each exactly once."""

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
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db import audit_log
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

WORKER = "shop"


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
    """Let a variant have another price from a moment on. Asked for twice, it is planned once.

    :param ends_at: when the price before it returns; None when it stays
    :raise UnknownSku: there is no such variant
    :raise DraftRefused: places are "price", "compare_at_price", "starts_at" and "ends_at"
    """
    with transaction("catalog") as session:
        taken = select(Variant.sku).where(Variant.id == variant_id).with_for_update()
        sku = session.scalar(taken)
        if sku is None:
            raise UnknownSku(str(variant_id))
        others = select(PriceChange).where(PriceChange.variant_id == variant_id, PriceChange.state.in_(OPEN))
        plan = PriceChange(
            variant_id=variant_id,
            price=price.minor,
            compare_at_price=compare_at_price.minor if compare_at_price else None,
            starts_at=starts_at,
            ends_at=ends_at,
            state=PriceState.SCHEDULED,
            created_by=actor[:80],
            created_at=utc_now(),
        )
        known = session.scalars(others).all()
        if any(_facts(other) == _facts(plan) for other in known):
            return
        if problems := _problems(plan, known):
            raise DraftRefused(problems)
        session.add(plan)
        when = _moment_words(starts_at) + (f" until {_moment_words(ends_at)}" if ends_at else "")
        detail = f"{money_words(price, compare_at_price)} from {when}"
        audit_log.record(session, AuditEntry, actor=actor, what="price planned", subject=sku, detail=detail)


def _facts(plan: PriceChange) -> tuple[object, ...]:
    return (plan.price, plan.compare_at_price, plan.starts_at, plan.ends_at)


def _problems(plan: PriceChange, others: Sequence[PriceChange]) -> dict[str, Problem]:
    found: dict[str, Problem] = {}
    if plan.compare_at_price is not None and plan.compare_at_price <= plan.price:
        found["compare_at_price"] = Problem.WAS_NOT_HIGHER
    if plan.starts_at <= utc_now():
        found["starts_at"] = Problem.PAST
    if plan.ends_at is not None and plan.ends_at <= plan.starts_at:
        found["ends_at"] = Problem.ENDS_BEFORE
    elif any(_overlap(plan, other) for other in others):
        found.setdefault("starts_at", Problem.OVERLAPS)
    return found


def _overlap(one: PriceChange, other: PriceChange) -> bool:
    """Whether one begins while the other is on; a price that stays is a moment, not a time."""
    first, second = sorted((one, other), key=lambda plan: plan.starts_at)
    return first.starts_at == second.starts_at or (first.ends_at is not None and second.starts_at < first.ends_at)


def _moment_words(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def cancel_price(plan_id: int, *, actor: str) -> None:
    """Call off a price to come; one that has begun ends now, and the price before it returns.

    :raise UnknownPlan: there is no such plan, or it is over
    """
    if _end(plan_id, actor) is not None or _call_off(plan_id, actor):
        return
    if _end(plan_id, actor) is None:  # it did not begin at this moment, either
        raise UnknownScheduledPrice(plan_id)


@retry_on_deadlock
def _call_off(plan_id: int, actor: str) -> bool:
    with transaction("catalog") as session:
        ended = {"state": PriceState.CANCELLED, "ended_at": utc_now()}
        if not _leave(session, plan_id, PriceState.SCHEDULED, ended):
            return False
        plan, sku, currency = _plan(session, plan_id)
        detail = f"{money_words(Money(plan.price, currency))} from {_moment_words(plan.starts_at)}"
        audit_log.record(session, AuditEntry, actor=actor, what="price called off", subject=sku, detail=detail)
    return True


def apply_prices() -> int:
    """Begin and end whatever is due, in the order of its time.

    :return: how many prices that changed
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
    # What ends at the moment at which another begins makes way for it.
    steps.sort(key=lambda step: (step[0], not step[2], step[1]))
    return sum((_end(plan_id, WORKER) or 0) if is_end else _begin(plan_id) for _, plan_id, is_end in steps)


@retry_on_deadlock
def _begin(plan_id: int) -> bool:
    with transaction("catalog") as session:
        found = _take(session, plan_id)
        if found is None:
            return False
        plan, sku, currency, price, compare_at_price = found
        state = PriceState.RUNNING if plan.ends_at else PriceState.DONE
        begun = {"state": state, "applied_at": utc_now(), "old_price": price, "old_compare_at_price": compare_at_price}
        if not _leave(session, plan_id, PriceState.SCHEDULED, begun):
            return False
        new = _words(plan.price, plan.compare_at_price, currency)
        detail = f"{_words(price, compare_at_price, currency)} to {new}, as {plan.created_by} planned"
        _set_price(session, plan.variant_id, plan.price, plan.compare_at_price)
        audit_log.record(session, AuditEntry, actor=WORKER, what="price", subject=sku, detail=detail)
    return True


@retry_on_deadlock
def _end(plan_id: int, actor: str) -> int | None:
    """Let the price before return, unless somebody set another one meanwhile.

    :return: how many prices that changed; None of a plan that is not running
    """
    with transaction("catalog") as session:
        found = _take(session, plan_id)
        if found is None or not _leave(
            session, plan_id, PriceState.RUNNING, {"state": PriceState.DONE, "ended_at": utc_now()}
        ):
            return None
        plan, sku, currency, price, compare_at_price = found
        if (price, compare_at_price) != (plan.price, plan.compare_at_price) or plan.old_price is None:
            detail = f"{_words(price, compare_at_price, currency)} stays: it was changed since"
            audit_log.record(session, AuditEntry, actor=actor, what="planned price over", subject=sku, detail=detail)
            return 0
        before = _words(plan.old_price, plan.old_compare_at_price, currency)
        detail = f"{_words(price, compare_at_price, currency)} to {before}, its time is over"
        _set_price(session, plan.variant_id, plan.old_price, plan.old_compare_at_price)
        audit_log.record(session, AuditEntry, actor=actor, what="price", subject=sku, detail=detail)
    return 1


def _take(session: Session, plan_id: int) -> tuple[PriceChange, str, str, int, int | None] | None:
    """A plan and the price of its variant now; the rows of its product are ours from here on."""
    product_id = session.scalar(
        select(Variant.product_id)
        .join(PriceChange, PriceChange.variant_id == Variant.id)
        .where(PriceChange.id == plan_id)
    )
    if product_id is None:
        return None
    lock_products(session, [product_id])
    plan, sku, currency = _plan(session, plan_id)
    now = session.execute(select(Variant.price, Variant.compare_at_price).where(Variant.id == plan.variant_id)).one()
    return plan, sku, currency, now.price, now.compare_at_price


def _plan(session: Session, plan_id: int) -> tuple[PriceChange, str, str]:
    row = session.execute(
        select(PriceChange, Variant.sku, Product.currency)
        .join(Variant, Variant.id == PriceChange.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(PriceChange.id == plan_id)
    ).one()
    return row[0], row[1], row[2]


def _leave(session: Session, plan_id: int, state: PriceState, values: dict[str, object]) -> bool:
    """Leave a state exactly once, whoever comes first."""
    there = update(PriceChange).where(PriceChange.id == plan_id, PriceChange.state == state)
    return bool(rows_changed(session.execute(there.values(**values))))


def _set_price(session: Session, variant_id: int, price: int, compare_at_price: int | None) -> None:
    changed = update(Variant).where(Variant.id == variant_id).values(price=price, compare_at_price=compare_at_price)
    session.execute(changed)
    product_id = session.scalars(select(Variant.product_id).where(Variant.id == variant_id)).one()
    counted = update(Product).where(Product.id == product_id).values(version=Product.version + 1)
    session.execute(counted)
    refresh_products(session, [product_id])


def _words(price: int, compare_at_price: int | None, currency: str) -> str:
    return money_words(Money(price, currency), None if compare_at_price is None else Money(compare_at_price, currency))
