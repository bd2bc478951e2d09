"""Interleavings of payments: webhooks, other buyers and expiring holds exactly between two lines of a payment."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from storefront.cart import service as cart
from storefront.catalog import inventory
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutState, Failure, Outcome
from storefront.db.session import read_session
from storefront.payments import sandbox
from storefront.payments.models import SandboxCharge
from storefront.payments.values import PaymentStatus
from tests import consistency
from tests.checkout.purchase import STEPS, at_step
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.proofs.interleaving import MOMENTS, Action, RivalShops, adjust_stock, make_buyer, run_after, run_before


def confirm_at_provider(checkout_id: str) -> None:
    with read_session() as session:
        references = select(SandboxCharge.reference).where(SandboxCharge.key == checkout_id)
        reference = session.scalars(references).one()
    sandbox.decide(reference, approve=True)


# ---------------------------------------------------------------------- the return page and the webhook


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", STEPS)
def test_a_webhook_during_the_return_page_changes_nothing(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
) -> None:
    we = make_buyer(make_product(stock=5), payment="sandbox-confirm")
    if step in {"reserve", "authorise"}:
        confirm_when_asked(monkeypatch)
    else:
        assert we.place().state is CheckoutState.WAITING
        confirm_at_provider(we.id)
    at_step(monkeypatch, step, lambda: shops.rival(lambda: checkout.resume(we.id)), when=moment)
    we.place()
    assert checkout.resume(we.id).state is CheckoutState.COMPLETED
    assert (we.live_orders(), consistency.payments_of(we.id)) == (1, [PaymentStatus.CAPTURED])
    shops.settle(now)
    shops.assert_consistent()


def confirm_when_asked(patch: pytest.MonkeyPatch) -> None:
    """Let the customer confirm before our server learns that confirmation was needed."""
    patch.setattr(sandbox, "_first_state", lambda card: PaymentStatus.AUTHORISED)


@pytest.mark.parametrize("line", ["_take_lease", "_position", "_write"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_return_page_and_webhook_interleaved_at_any_line_are_one_order(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch, line: str, moment: str
) -> None:
    we = make_buyer(make_product(stock=5), payment="sandbox-confirm")
    we.place()
    confirm_at_provider(we.id)
    run = run_before if moment == "before" else run_after
    outcomes = run(monkeypatch, saga, line, lambda: shops.rival(lambda: checkout.resume(we.id)))
    checkout.resume(we.id)
    shops.settle(now)
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)
    assert (we.live_orders(), consistency.payments_of(we.id)) == (1, [PaymentStatus.CAPTURED])
    assert len(shops.post.letters) == 1
    shops.assert_consistent()


# -------------------------------------------------------------------------- holds and stock


@pytest.mark.parametrize("step", ["secure", "capture", "sell", "confirm", "clear"])
def test_no_rival_gets_the_units_of_a_payment_in_progress(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    mug = make_product(stock=1)
    we, they = make_buyer(mug), make_buyer(mug)

    def try_everything() -> list[object]:
        inventory.release_expired()
        return [shops.rival(they.place), shops.rival(lambda: adjust_stock(mug, -1))]

    outcomes = run_rivals_at(monkeypatch, step, try_everything)
    assert we.place().order_id is not None
    ((bought, counted),) = outcomes
    assert not isinstance(bought, Outcome) or bought.failure is Failure.SOLD_OUT
    assert isinstance(counted, inventory.admin.StockConflict)
    shops.settle(now)
    assert (we.live_orders(), they.live_orders()) == (1, 0)
    shops.assert_consistent()


def run_rivals_at(patch: pytest.MonkeyPatch, step: str, action: Action) -> list[Any]:
    outcomes: list[Any] = []
    at_step(patch, step, lambda: outcomes.append(action()))
    return outcomes


def test_units_whose_hold_expired_before_they_were_secured_go_to_the_rival_without_a_charge(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=1)
    we, they = make_buyer(mug), make_buyer(mug)

    def come_late() -> None:
        now.advance(minutes=16)
        shops.rival(they.place)

    at_step(monkeypatch, "secure", come_late)
    outcome = we.place()
    assert (outcome.failure, outcome.detail) == (Failure.SOLD_OUT, mug.name)
    assert (we.live_orders(), they.live_orders()) == (0, 1)
    assert consistency.charges_of(we.id) == [PaymentStatus.VOIDED]
    assert cart.count_units(we.token) == 1
    shops.settle(now)
    shops.assert_consistent()


def test_units_whose_hold_expired_are_reserved_again_if_available(
    shops: RivalShops, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=2)
    we, they = make_buyer(mug), make_buyer(mug)

    def come_late() -> None:
        now.advance(minutes=16)
        shops.rival(they.place)

    at_step(monkeypatch, "secure", come_late)
    assert we.place().order_id is not None
    assert (we.live_orders(), they.live_orders()) == (1, 1)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    shops.settle(now)
    shops.assert_consistent()
