"""A rival acts exactly between two lines of a payment: the provider's message, other buyers, a hold that runs out."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.catalog.service import inventory_admin
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.service import CheckoutState, Failure, Outcome
from storefront.db.session import read_session
from storefront.payments import sandbox
from storefront.payments.models import SandboxCharge
from storefront.payments.service import PaymentStatus
from tests import consistency
from tests.checkout.purchase import STEPS, at_step
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.proofs.interleaving import MOMENTS, Arena, Deed, make_buyer, recount, run_after, run_before


def confirm_at_bank(checkout_id: str) -> None:
    with read_session() as session:
        asked = select(SandboxCharge.reference).where(SandboxCharge.key == checkout_id)
        reference = session.scalars(asked).one()
    sandbox.decide(reference, approve=True)


# ---------------------------------------------------------------------- the provider's page and its message


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", STEPS)
def test_the_providers_message_during_the_return_page_changes_nothing(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
) -> None:
    we = make_buyer(make_product(stock=5), payment="sandbox-confirm")
    if step in {"reserve", "authorise"}:
        confirm_when_asked(monkeypatch)
    else:
        assert we.place().state is CheckoutState.WAITING
        confirm_at_bank(we.id)
    at_step(monkeypatch, step, lambda: ground.rival(lambda: checkout.resume(we.id)), when=moment)
    we.place()
    assert checkout.resume(we.id).state is CheckoutState.COMPLETED
    assert (we.live_orders(), consistency.payments_of(we.id)) == (1, [PaymentStatus.CAPTURED])
    ground.settle(now)
    ground.assert_sound()


def confirm_when_asked(patch: pytest.MonkeyPatch) -> None:
    """The customer has confirmed before our server learns that they were to be asked."""
    patch.setattr(sandbox, "_first_state", lambda card: PaymentStatus.AUTHORISED)


@pytest.mark.parametrize("line", ["_take_lease", "_position", "_write"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_return_page_and_message_between_two_lines_of_each_other_are_one_order(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch, line: str, moment: str
) -> None:
    we = make_buyer(make_product(stock=5), payment="sandbox-confirm")
    we.place()
    confirm_at_bank(we.id)
    run = run_before if moment == "before" else run_after
    came_of_it = run(monkeypatch, saga, line, lambda: ground.rival(lambda: checkout.resume(we.id)))
    checkout.resume(we.id)
    ground.settle(now)
    assert all(isinstance(outcome, Outcome) for outcome in came_of_it)
    assert (we.live_orders(), consistency.payments_of(we.id)) == (1, [PaymentStatus.CAPTURED])
    assert len(ground.post.letters) == 1
    ground.assert_sound()


# -------------------------------------------------------------------------- holds, money and what is sold


@pytest.mark.parametrize("step", ["secure", "capture", "sell", "confirm", "clear"])
def test_nothing_takes_the_goods_of_a_payment_under_way(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    mug = make_product(stock=1)
    we, they = make_buyer(mug), make_buyer(mug)

    def try_everything() -> list[object]:
        catalog.release_expired()
        return [ground.rival(they.place), ground.rival(lambda: recount(mug, -1))]

    came_of_it = run_rivals_at(monkeypatch, step, try_everything)
    assert we.place().order_id is not None
    ((bought, counted),) = came_of_it
    assert not isinstance(bought, Outcome) or bought.failure is Failure.SOLD_OUT
    assert isinstance(counted, inventory_admin.StockConflict)
    ground.settle(now)
    assert (we.live_orders(), they.live_orders()) == (1, 0)
    ground.assert_sound()


def run_rivals_at(patch: pytest.MonkeyPatch, step: str, act: Deed) -> list[Any]:
    came_of_it: list[Any] = []
    at_step(patch, step, lambda: came_of_it.append(act()))
    return came_of_it


def test_goods_whose_hold_ran_out_before_they_were_secured_go_to_the_rival_and_nothing_is_charged(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=1)
    we, they = make_buyer(mug), make_buyer(mug)

    def come_late() -> None:
        now.advance(minutes=16)
        ground.rival(they.place)

    at_step(monkeypatch, "secure", come_late)
    outcome = we.place()
    assert (outcome.failure, outcome.detail) == (Failure.SOLD_OUT, mug.name)
    assert (we.live_orders(), they.live_orders()) == (0, 1)
    assert consistency.charges_of(we.id) == [PaymentStatus.VOIDED]
    assert cart.count_units(we.token) == 1
    ground.settle(now)
    ground.assert_sound()


def test_goods_whose_hold_ran_out_are_taken_again_while_there_are_some(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=2)
    we, they = make_buyer(mug), make_buyer(mug)

    def come_late() -> None:
        now.advance(minutes=16)
        ground.rival(they.place)

    at_step(monkeypatch, "secure", come_late)
    assert we.place().order_id is not None
    assert (we.live_orders(), they.live_orders()) == (1, 1)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    ground.settle(now)
    ground.assert_sound()
