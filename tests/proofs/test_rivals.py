"""A rival acts exactly between two lines of ours, at every seam of the checkout: no sleeping, no luck."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from storefront import tasks
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.catalog import stock
from storefront.catalog.service import OutOfStock, ProductCard
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.service import CheckoutDraft, CheckoutState, Failure, Outcome
from storefront.database import queries
from storefront.errors import DomainError
from storefront.orders import events
from storefront.orders import service as orders
from storefront.orders.service import OrderStatus, StepNotAllowed
from storefront.payments import sandbox
from storefront.payments.models import SandboxCharge
from storefront.payments.service import PaymentStatus
from tests import books
from tests.books import Stock
from tests.checkout.purchase import STEPS, at_step
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.factories.shopping import make_cart, make_draft, make_order, place
from tests.fakes import Clock
from tests.proofs.rival import Arena, Deed, arena, at_commit, run_after, run_before

MOMENTS = ["before", "after"]


@pytest.fixture(scope="module", params=ENGINES)
def _ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    with arena(request.param, tmp_path_factory.mktemp("rivals")) as ground:
        yield ground


@pytest.fixture
def ground(_ground: Arena) -> Iterator[Arena]:
    _ground.post.letters.clear()
    with _ground.ours.test_request_context(base_url=_ground.ours.config["PUBLIC_ORIGIN"]):
        yield _ground


@dataclass(frozen=True)
class Buyer:
    """Somebody with a mug in the cart and a checkout filled in."""

    token: str
    draft: CheckoutDraft

    @property
    def id(self) -> str:
        return self.draft.id

    def place(self) -> Outcome:
        return place(self.draft, self.token)

    def live_orders(self) -> int:
        return len([status for status in books.orders_of(self.id) if status is not OrderStatus.CANCELLED])


def make_buyer(mug: ProductCard, units: int = 1, *, payment: str = "sandbox-success") -> Buyer:
    token = make_cart((mug, units))
    return Buyer(token, make_draft(token, payment=payment))


def confirm_at_bank(checkout_id: str) -> None:
    with queries() as session:
        asked = select(SandboxCharge.reference).where(SandboxCharge.key == checkout_id)
        reference = session.scalars(asked).one()
    sandbox.decide(reference, approve=True)


# ------------------------------------------------------------------------------- between check and write


def test_goods_bought_by_a_rival_after_our_cart_was_checked_are_sold_once(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=1)
    we, they = make_buyer(mug), make_buyer(mug)
    run_before(monkeypatch, catalog, "reserve", lambda: ground.rival(they.place))
    outcome = we.place()
    assert (outcome.failure, outcome.detail) == (Failure.SOLD_OUT, mug.name)
    assert (we.live_orders(), they.live_orders(), cart.count_units(we.token)) == (0, 1, 1)
    ground.settle(now)
    ground.assert_sound()


@pytest.mark.parametrize("line", ["_variants", "_take", "_reservations", "_promise", "_write_hold", "_shift_available"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rival_between_two_lines_of_a_reservation_gets_the_last_unit_or_we_do(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch, line: str, moment: str
) -> None:
    mug = make_product(stock=1)
    we, they = make_buyer(mug), make_buyer(mug)
    run = run_before if moment == "before" else run_after
    came_of_it = run(monkeypatch, stock, line, lambda: ground.rival(they.place))
    we.place()
    ground.settle(now)
    assert len(came_of_it) == 1
    assert we.live_orders() + they.live_orders() == 1
    assert books.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    assert cart.count_units(we.token) + cart.count_units(they.token) == 1
    ground.assert_sound()


def test_a_recount_between_check_and_write_is_not_sold(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=3)
    we = make_buyer(mug, 2)
    run_before(monkeypatch, catalog, "reserve", lambda: ground.rival(lambda: recount(mug, -2)))
    assert we.place().failure is Failure.SOLD_OUT
    assert books.stock_of(mug.sku) == Stock(on_hand=1, reserved=0)
    ground.assert_sound()


def recount(mug: ProductCard, units: int) -> None:
    catalog.receive(mug.sku, units, reason="recount", reference=f"recount of {mug.sku}", actor="tests")


# -------------------------------------------------------------------------- between the quote and the order


def test_what_is_put_in_the_cart_between_quote_and_order_stays_there(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug, bowl = make_product(stock=5), make_product(name="Bowl", price=900, stock=5)
    we = make_buyer(mug, 2)
    agreed = cart.quote(we.token).fingerprint

    def add() -> None:
        cart.add_line(we.token, mug.sku, 1)
        cart.add_line(we.token, bowl.sku, 1)

    run_after(monkeypatch, cart, "quote", lambda: ground.rival(add))
    outcome = checkout.place_order(we.id, we.token, agreed=agreed, return_url=lambda _: "/")
    assert outcome.order_id is not None
    bought = orders.get_order(outcome.order_id)
    assert [(item.sku, item.quantity) for item in bought.items] == [(mug.sku, 2)]
    assert {line.sku: line.quantity for line in cart.quote(we.token).lines} == {mug.sku: 1, bowl.sku: 1}
    ground.settle(now)
    ground.assert_sound()


def test_the_twin_of_a_double_click_that_finds_the_cart_cleared_gets_the_order_all_the_same(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    we = make_buyer(make_product(stock=5))
    agreed = cart.quote(we.token).fingerprint

    def press() -> Outcome:
        queries().rollback()  # a request reads the present state
        return checkout.place_order(we.id, we.token, agreed=agreed, return_url=lambda _: "/")

    came_of_it = run_before(monkeypatch, cart, "quote", lambda: ground.rival(press))
    ours = press()
    assert ours.order_id is not None
    assert came_of_it == [ours]
    assert we.live_orders() == 1
    ground.settle(now)
    assert len(ground.post.letters) == 1
    ground.assert_sound()


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
    assert (we.live_orders(), books.payments_of(we.id)) == (1, [PaymentStatus.CAPTURED])
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
    assert (we.live_orders(), books.payments_of(we.id)) == (1, [PaymentStatus.CAPTURED])
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
    assert isinstance(counted, OutOfStock)
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
    assert books.charges_of(we.id) == [PaymentStatus.VOIDED]
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
    assert books.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)
    ground.settle(now)
    ground.assert_sound()


# ------------------------------------------------------------------------------------------ cancelling


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rival_cancelling_between_read_and_write_is_one_cancellation(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    mug = make_product(stock=5)
    order = make_order((mug, 2), payment="sandbox-success")
    run = run_before if moment == "before" else run_after
    came_of_it = run(monkeypatch, orders, "_step", lambda: ground.rival(lambda: orders.cancel(order.id, by="them")))
    ours = attempt(lambda: orders.cancel(order.id, by="us"))
    assert [ours, *came_of_it].count(None) == 1
    assert ours is None or isinstance(ours, StepNotAllowed)
    ground.settle(now)
    assert books.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)
    assert len(ground.post.letters) == 2  # confirmed, cancelled
    ground.assert_sound()


def attempt(deed: Deed) -> object:
    try:
        return deed()
    except DomainError as refusal:
        return refusal


def test_an_order_taken_up_for_packing_between_read_and_write_is_not_cancelled_by_its_customer(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = make_order(payment="sandbox-success")
    packing = run_before(
        monkeypatch,
        orders,
        "_step",
        lambda: ground.rival(lambda: orders.advance(order.id, OrderStatus.PROCESSING, by="them")),
    )
    ours = attempt(lambda: orders.cancel(order.id, by="us"))
    ground.settle(now)
    status = orders.get_order(order.id).status
    assert (ours is None) != (packing == [None])
    assert status is (OrderStatus.CANCELLED if ours is None else OrderStatus.PROCESSING)
    ground.assert_sound()


@pytest.mark.parametrize("line", ["restock_cancelled", "refund_cancelled"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_goods_and_money_go_back_once_when_two_workers_deliver(
    ground: Arena, now: Clock, monkeypatch: pytest.MonkeyPatch, line: str, moment: str
) -> None:
    mug = make_product(stock=5)
    order = make_order((mug, 2), payment="sandbox-success")
    orders.cancel(order.id, by="us")
    topic = {"restock_cancelled": events.CANCELLED_RESTOCK, "refund_cancelled": events.CANCELLED_REFUND}[line]
    handler = tasks.SUBSCRIPTIONS[topic]

    def with_rival(key: str, payload: Mapping[str, Any]) -> None:
        if moment == "before":
            ground.rival(lambda: handler(key, payload))
        handler(key, payload)
        if moment == "after":
            ground.rival(lambda: handler(key, payload))

    monkeypatch.setattr(tasks, "SUBSCRIPTIONS", {**tasks.SUBSCRIPTIONS, topic: with_rival})
    ground.settle(now)
    assert books.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)
    ground.assert_sound()


# ---------------------------------------------------------------------------------- everywhere, one by one


RIVALS: dict[str, Callable[[Buyer, Buyer], Deed]] = {
    "the same form again": lambda we, they: lambda: place(we.draft, we.token),
    "another buyer": lambda we, they: they.place,
    "the provider's message": lambda we, they: lambda: checkout.resume(we.id),
    "the customer giving up": lambda we, they: lambda: checkout.abandon(we.id),
    "the worker": lambda we, they: tasks.sweep,
}


@pytest.mark.parametrize(
    ("rival", "moment"),
    [
        ("another buyer", "after"),
        *(
            pytest.param(rival, moment, marks=pytest.mark.long)
            for rival in RIVALS
            for moment in MOMENTS
            if (rival, moment) != ("another buyer", "after")
        ),
    ],
)
def test_a_rival_at_each_commit_of_an_order_in_turn_leaves_one_order_of_the_last_unit(
    ground: Arena, now: Clock, rival: str, moment: str
) -> None:
    number = 0
    is_reached = True
    while is_reached:
        number += 1
        mug = make_product(stock=1)
        we, they = make_buyer(mug), make_buyer(mug)
        act = partial(ground.rival, RIVALS[rival](we, they))
        queries().rollback()
        with at_commit(number, act, before=moment == "before") as came_of_it:
            attempt(we.place)
        is_reached = bool(came_of_it)
        ground.settle(now)
        assert we.live_orders() + they.live_orders() == 1, f"commit {number}: {came_of_it}"
        assert books.stock_of(mug.sku) == Stock(on_hand=0, reserved=0), f"commit {number}"
        assert len(ground.post.letters) == number, f"commit {number}"
        ground.assert_sound()
    assert number > len(STEPS)
