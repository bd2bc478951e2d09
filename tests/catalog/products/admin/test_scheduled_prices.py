"""Scheduled prices: created, cancelled, started and ended, each once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask

from storefront.catalog import listing, products
from storefront.catalog.products.admin import (
    DraftRefused,
    Problem,
    ScheduledPrice,
    UnknownScheduledPrice,
    scheduled_prices,
)
from storefront.catalog.values import ProductCard, UnknownSku
from storefront.checkout import service as checkout
from storefront.checkout.values import ReviewChanged
from storefront.core.money import Money
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.worker import tasks
from tests.conftest import NOON
from tests.factories.catalog import make_product, rupees
from tests.factories.products import KEEPER, acts, change, priced, record_of, variants
from tests.factories.shopping import agreed_now, make_cart, make_draft, place, return_url
from tests.fakes import Clock

pytestmark = pytest.mark.usefixtures("_consistent_read_model")

HOUR = timedelta(hours=1)


@pytest.fixture
def mug(app: Flask) -> ProductCard:
    return make_product(name="Clay Mug", price=500)


def schedule(
    mug: ProductCard,
    price: Money,
    starts_at: datetime = NOON + HOUR,
    ends_at: datetime | None = None,
    *,
    compare_at_price: Money | None = None,
) -> ScheduledPrice:
    variant = record_of(mug.id).variants[0].id
    products.admin.schedule_price(variant, price, compare_at_price, starts_at, ends_at, actor=KEEPER)
    return record_of(mug.id).planned[-1]


def price_of(mug: ProductCard) -> Money:
    read_session().rollback()
    return products.get_offer(mug.sku).price


def problems_of(
    mug: ProductCard, price: Money, *args: datetime, compare_at_price: Money | None = None
) -> dict[str, Problem]:
    with pytest.raises(DraftRefused) as refused:
        schedule(mug, price, *args, compare_at_price=compare_at_price)
    return refused.value.problems


def test_a_scheduled_price_starts_at_its_time(mug: ProductCard, now: Clock) -> None:
    schedule(mug, rupees(450), compare_at_price=rupees(500))
    tasks.sweep()
    assert price_of(mug) == rupees(500)
    now.advance(hours=1)
    tasks.sweep()
    (card,) = listing.cards_of([mug.id])
    assert (card.price, card.compare_at_price) == (rupees(450), rupees(500))
    assert record_of(mug.id).planned == ()
    assert acts()[-1] == (
        "price",
        mug.sku,
        f"INR 500.00 to INR 450.00 (was 500.00), as {KEEPER} scheduled",
    )


def test_a_scheduled_price_starts_once(mug: ProductCard, now: Clock) -> None:
    schedule(mug, rupees(450))
    now.advance(hours=1)
    assert products.admin.apply_prices() == 1
    change(mug.id, variants=variants(record_of(mug.id), only=priced(480)))
    assert products.admin.apply_prices() == 0
    assert price_of(mug) == rupees(480)


def test_a_price_with_an_end_restores_the_earlier_one(mug: ProductCard, now: Clock) -> None:
    schedule(mug, rupees(450), NOON + HOUR, NOON + 3 * HOUR, compare_at_price=rupees(500))
    now.advance(hours=1)
    products.admin.apply_prices()
    assert record_of(mug.id).planned[0].state == "running"
    now.advance(hours=2)
    assert products.admin.apply_prices() == 1
    (card,) = listing.cards_of([mug.id])
    assert (card.price, card.compare_at_price) == (rupees(500), None)


def test_a_late_worker_ends_with_the_same_price(mug: ProductCard, now: Clock) -> None:
    schedule(mug, rupees(450), NOON + HOUR, NOON + 2 * HOUR)
    schedule(mug, rupees(475), NOON + 2 * HOUR)
    now.advance(hours=9)
    products.admin.apply_prices()
    assert price_of(mug) == rupees(475)


def test_a_price_changed_meanwhile_is_not_restored(mug: ProductCard, now: Clock) -> None:
    schedule(mug, rupees(450), NOON + HOUR, NOON + 2 * HOUR)
    now.advance(hours=1)
    products.admin.apply_prices()
    change(mug.id, variants=variants(record_of(mug.id), only=priced(480)))
    now.advance(hours=1)
    products.admin.apply_prices()
    assert price_of(mug) == rupees(480)
    assert acts()[-1][0] == "price ended"


def test_a_scheduled_price_is_cancelled(mug: ProductCard, now: Clock) -> None:
    scheduled = schedule(mug, rupees(450))
    products.admin.cancel_price(scheduled.id, actor=KEEPER)
    now.advance(hours=2)
    assert products.admin.apply_prices() == 0
    assert price_of(mug) == rupees(500)
    assert acts()[-1][0] == "price cancelled"
    with pytest.raises(UnknownScheduledPrice):
        products.admin.cancel_price(scheduled.id, actor=KEEPER)


def test_cancelling_a_running_price_ends_it(mug: ProductCard, now: Clock) -> None:
    scheduled = schedule(mug, rupees(450), NOON + HOUR, NOON + 9 * HOUR)
    now.advance(hours=1)
    products.admin.apply_prices()
    products.admin.cancel_price(scheduled.id, actor=KEEPER)
    assert price_of(mug) == rupees(500)
    assert record_of(mug.id).planned == ()


def test_a_running_price_that_was_changed_can_be_cancelled_too(mug: ProductCard, now: Clock) -> None:
    scheduled = schedule(mug, rupees(450), NOON + HOUR, NOON + 9 * HOUR)
    now.advance(hours=1)
    products.admin.apply_prices()
    change(mug.id, variants=variants(record_of(mug.id), only=priced(480)))
    products.admin.cancel_price(scheduled.id, actor=KEEPER)
    assert (price_of(mug), record_of(mug.id).planned) == (rupees(480), ())
    assert acts()[-1] == ("price ended", mug.sku, "INR 480.00 stays: it was changed since")


def test_a_price_that_starts_during_its_cancellation_is_ended(
    mug: ProductCard, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled, cancel = schedule(mug, rupees(450), NOON + HOUR, NOON + 9 * HOUR), scheduled_prices._cancel

    def start_first(*args: object) -> bool:
        products.admin.apply_prices()
        return cancel(*args)  # type: ignore[arg-type]

    now.advance(hours=1)
    monkeypatch.setattr(scheduled_prices, "_cancel", start_first)
    products.admin.cancel_price(scheduled.id, actor=KEEPER)
    assert (price_of(mug), record_of(mug.id).planned) == (rupees(500), ())


def test_scheduling_a_price_is_idempotent(mug: ProductCard) -> None:
    assert schedule(mug, rupees(450)) == schedule(mug, rupees(450))
    assert len(record_of(mug.id).planned) == 1


@pytest.mark.parametrize(
    ("moments", "compare_at_price", "problems"),
    [
        ((NOON,), None, {"starts_at": Problem.PAST}),
        ((NOON + HOUR, NOON + HOUR), None, {"ends_at": Problem.ENDS_BEFORE}),
        ((NOON + HOUR,), rupees(450), {"compare_at_price": Problem.WAS_NOT_HIGHER}),
    ],
)
def test_an_invalid_schedule_is_refused(
    mug: ProductCard, moments: tuple[datetime, ...], compare_at_price: Money | None, problems: dict[str, Problem]
) -> None:
    assert problems_of(mug, rupees(450), *moments, compare_at_price=compare_at_price) == problems


def test_overlapping_prices_are_refused(mug: ProductCard) -> None:
    schedule(mug, rupees(450), NOON + 2 * HOUR, NOON + 4 * HOUR)
    for moments in (
        (NOON + 2 * HOUR,),
        (NOON + 3 * HOUR,),
        (NOON + HOUR, NOON + 3 * HOUR),
        (NOON + HOUR, NOON + 9 * HOUR),
    ):
        assert problems_of(mug, rupees(400), *moments) == {"starts_at": Problem.OVERLAPS}
    schedule(mug, rupees(400), NOON + 4 * HOUR)
    schedule(mug, rupees(480), NOON + HOUR)


def test_an_unknown_variant_has_no_scheduled_price(app: Flask) -> None:
    with pytest.raises(UnknownSku):
        products.admin.schedule_price(2**31 - 1, rupees(5), None, NOON + HOUR, None, actor=KEEPER)


def test_shoppers_never_pay_another_price_than_shown(mug: ProductCard, now: Clock) -> None:
    schedule(mug, rupees(600))
    token = make_cart((mug, 2))
    draft = make_draft(token)
    agreed = agreed_now(draft.id, token)
    now.advance(hours=1)
    products.admin.apply_prices()
    with pytest.raises(ReviewChanged):
        checkout.place_order(draft.id, token, agreed=agreed, return_url=return_url)
    order_id = place(draft, token).order_id
    assert order_id is not None
    assert orders.get_order(order_id).subtotal == rupees(1200)


def test_shoppers_pay_the_old_price_until_the_worker_runs(mug: ProductCard, now: Clock) -> None:
    """Whenever the worker runs, the price shown is the price charged."""
    schedule(mug, rupees(600))
    now.advance(hours=1)
    token = make_cart((mug, 2))
    draft = make_draft(token)
    order_id = place(draft, token).order_id
    assert order_id is not None
    assert orders.get_order(order_id).subtotal == rupees(1000)
