"""Several runners of one checkout: only one runs at a time, and a late one leaves nothing behind."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from storefront.cart import service as cart
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.models import Checkout
from storefront.checkout.values import CheckoutState, Outcome
from storefront.db.session import read_session
from storefront.orders.values import OrderStatus
from tests import consistency
from tests.checkout.purchase import FOR_EVER, STEPS, UNDONE_STEPS, Crash, Purchase, at_step, no_database, raising
from tests.conftest import ENGINES
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.factories.shopping import agreed_now, make_cart, make_draft, place
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

WHEN = ["before", "after"]


def test_a_second_runner_does_nothing_while_the_lease_is_held(
    purchase: Purchase, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Outcome] = []
    at_step(monkeypatch, "authorise", lambda: seen.append(checkout.resume(purchase.id)))
    assert purchase.place().state is CheckoutState.COMPLETED
    assert [outcome.state for outcome in seen] == [CheckoutState.RUNNING]
    purchase.assert_complete()


def test_a_checkout_is_resumed_only_after_its_lease_expired(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase.break_at(monkeypatch, "sell", Crash())
    now.at += saga.LEASE
    assert checkout.resume_unfinished() == 0
    now.advance(seconds=1)
    assert checkout.resume_unfinished() == 1


def test_a_runner_whose_steps_take_long_renews_its_lease(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[datetime] = []
    at_step(monkeypatch, "reserve", lambda: now.advance(seconds=11), when="after")
    for step in ("authorise", "create order"):
        at_step(monkeypatch, step, lambda: ends.append(read_session().scalars(select(Checkout.lease_until)).one()))
    assert purchase.place().state is CheckoutState.COMPLETED
    assert ends == [now.read() + saga.LEASE] * 2


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("step", STEPS)
def test_a_runner_that_outlasts_its_lease_stops_when_another_has_completed_the_checkout(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    def sleep_while_another_finishes() -> None:
        now.advance(seconds=61)
        assert checkout.resume(purchase.id).state is CheckoutState.COMPLETED

    at_step(monkeypatch, step, sleep_while_another_finishes, when=when)
    assert purchase.place().state is CheckoutState.COMPLETED
    purchase.assert_complete()


@pytest.mark.parametrize("purchase", ["cod", "sandbox-success"], indirect=True)
@pytest.mark.parametrize("step", UNDONE_STEPS)
def test_a_late_step_is_undone_when_another_runner_has_undone_the_checkout(
    purchase: Purchase, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def sleep_while_another_undoes() -> None:
        now.advance(minutes=16)
        with monkeypatch.context() as patch:
            at_step(patch, step, raising(no_database()), times=FOR_EVER)
            assert checkout.resume(purchase.id).state is CheckoutState.FAILED

    at_step(monkeypatch, step, sleep_while_another_undoes)
    assert purchase.place().state is CheckoutState.FAILED
    purchase.assert_undone()


# ------------------------------------------------------------------------- real threads, real commits


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_ten_concurrent_submits_of_one_checkout_make_one_order(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=5)
            token = make_cart((mug, 2))
            draft = make_draft(token)
        outcomes = at_once(app, [lambda: place(draft, token)] * 10)
        with app.app_context():
            for outcome in outcomes:
                assert isinstance(outcome, Outcome), outcome
            assert consistency.orders_of(draft.id) == [OrderStatus.CONFIRMED]
            assert consistency.stock_of(mug.sku) == Stock(3, 0)
            consistency.assert_balanced()


def test_ten_concurrent_runners_complete_a_checkout_once(
    engine: str, tmp_path: Path, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=5)
            token = make_cart((mug, 2))
            draft = make_draft(token)
            with monkeypatch.context() as patch:
                at_step(patch, "create order", raising(Crash()))
                with pytest.raises(Crash):
                    place(draft, token)
        now.advance(minutes=2)
        assert at_once(app, [checkout.resume_unfinished] * 10).count(1) >= 1
        with app.app_context():
            assert consistency.state_of(draft.id) == "completed"
            assert consistency.stock_of(mug.sku) == Stock(3, 0)
            consistency.assert_balanced()


def test_the_last_units_are_sold_to_as_many_shoppers_as_there_are_units(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=3)
            carts = [make_cart((mug, 1)) for _ in range(10)]
            drafts = [(make_draft(token).id, token) for token in carts]
            forms = [(draft, token, agreed_now(draft, token)) for draft, token in drafts]
        outcomes = at_once(
            app,
            [
                lambda draft=draft, token=token, agreed=agreed: checkout.place_order(
                    draft, token, agreed=agreed, return_url=lambda _: "/"
                )
                for draft, token, agreed in forms
            ],
        )
        with app.app_context():
            bought = [o for o in outcomes if isinstance(o, Outcome) and o.order_id]
            refused = [o for o in outcomes if o not in bought]
            assert (len(bought), len(refused)) == (3, 7), outcomes
            assert sum(cart.count_units(token) for token in carts) == 7
            assert consistency.stock_of(mug.sku) == Stock(0, 0)
            consistency.assert_balanced()
