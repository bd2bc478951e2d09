"""Whatever shoppers, staff, bank and worker do, in whatever order: after every step the doctor finds nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.ctx import RequestContext
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from storefront import tasks
from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.service import Outcome
from storefront.database import queries
from storefront.doctor import faults
from storefront.errors import DomainError
from storefront.orders import service as orders
from storefront.orders.models import Item, Order
from storefront.orders.service import OrderStatus
from storefront.payments import sandbox
from storefront.payments.models import SandboxCharge
from storefront.payments.service import PaymentStatus
from tests import books
from tests.checkout.purchase import STEPS, Crash, at_step, raising
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.factories.shopping import make_cart, make_draft, return_url
from tests.fakes import Clock, MemoryPost
from tests.own import own_shop

WAYS_TO_PAY = ["cod", "sandbox-success", "sandbox-confirm", "sandbox-decline", "sandbox-timeout"]
SHELVES = 3  # products; few and with few units, so that shoppers meet
places = st.integers(0, 10**6)  # picks one of what there is at that moment


@dataclass(frozen=True)
class Sent:
    """A form that was sent, to be sent again."""

    id: str
    token: str
    agreed: str

    def send(self) -> Outcome:
        return checkout.place_order(self.id, self.token, agreed=self.agreed, return_url=return_url)


class Shop(RuleBasedStateMachine):
    """:cvar clock: of the shop :cvar stocked: units that ever came in, by SKU"""

    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.goods = [make_product(name=f"Shelf {shelf}", stock=3 + shelf) for shelf in range(SHELVES)]
        self.stocked = {product.sku: 3 + shelf for shelf, product in enumerate(self.goods)}
        self.carts = [make_cart(), make_cart()]
        self.sent: list[Sent] = []
        self.deliveries = 0

    # -------------------------------------------------------------------------------------------- shoppers

    @rule(who=places, what=places, units=st.integers(1, 4))
    def put_in_cart(self, who: int, what: int, units: int) -> None:
        with suppress(DomainError):
            cart.add_line(self._cart(who), self.goods[what % SHELVES].sku, units)

    @rule(who=places, which=places, units=st.integers(1, 5))
    def change_quantity(self, who: int, which: int, units: int) -> None:
        if lines := cart.quote(self._cart(who)).lines:
            with suppress(DomainError):
                cart.change_quantity(self._cart(who), lines[which % len(lines)].id, units)

    @rule(who=places, which=places)
    def take_out(self, who: int, which: int) -> None:
        if lines := cart.quote(self._cart(who)).lines:
            cart.remove_line(self._cart(who), lines[which % len(lines)].id)

    @rule(who=places, what=places, payment=st.sampled_from(WAYS_TO_PAY))
    def buy(self, who: int, what: int, payment: str) -> None:
        with suppress(DomainError):
            self._fill_in(who, what, payment).send()

    @rule(
        who=places,
        what=places,
        payment=st.sampled_from(WAYS_TO_PAY),
        step=st.sampled_from(STEPS),
        moment=st.sampled_from(["before", "after"]),
        is_undoing=st.booleans(),
    )
    def buy_while_the_process_dies(
        self, who: int, what: int, payment: str, step: str, moment: str, is_undoing: bool
    ) -> None:
        sent = self._fill_in(who, what, payment)
        with pytest.MonkeyPatch.context() as patch, suppress(DomainError, Crash):
            at_step(patch, step, raising(Crash()), when=moment, undoing=is_undoing)
            sent.send()

    def _cart(self, who: int) -> str:
        return self.carts[who % len(self.carts)]

    def _fill_in(self, who: int, what: int, payment: str) -> Sent:
        token = self._cart(who)
        if not cart.count_units(token):
            self.put_in_cart(who, what, 1)
        sent = Sent(make_draft(token, payment=payment).id, token, cart.quote(token).fingerprint)
        self.sent.append(sent)
        return sent

    @precondition(lambda self: self.sent)
    @rule(which=places)
    def send_again(self, which: int) -> None:
        with suppress(DomainError):
            self._sent(which).send()

    @precondition(lambda self: self.sent)
    @rule(which=places)
    def look_again(self, which: int) -> None:
        checkout.resume(self._sent(which).id)

    @precondition(lambda self: self.sent)
    @rule(which=places)
    def give_up(self, which: int) -> None:
        checkout.abandon(self._sent(which).id)

    @precondition(lambda self: self.sent)
    @rule(which=places)
    def cancel(self, which: int) -> None:
        with suppress(DomainError):
            orders.cancel(self._order(which), by="you")

    def _sent(self, which: int) -> Sent:
        return self.sent[which % len(self.sent)]

    def _order(self, which: int) -> str:
        numbers = select(Order.order_id).where(Order.checkout_id == self._sent(which).id)
        return queries().scalar(numbers) or "none"

    # ----------------------------------------------------------------------------- the bank, staff, the worker

    @rule(which=places, approve=st.booleans())
    def decide_at_the_bank(self, which: int, approve: bool) -> None:
        asked = select(SandboxCharge.reference).where(SandboxCharge.state == PaymentStatus.ACTION_NEEDED)
        if waiting := queries().scalars(asked.order_by(SandboxCharge.id)).all():
            sandbox.decide(waiting[which % len(waiting)], approve=approve)

    @rule(what=places, units=st.integers(-3, 4).filter(bool))
    def count_stock(self, what: int, units: int) -> None:
        sku = self.goods[what % SHELVES].sku
        self.deliveries += 1
        with suppress(DomainError):
            catalog.receive(sku, units, reason="recount", reference=f"{sku}/{self.deliveries}", actor="tests")
            self.stocked[sku] += units

    @precondition(lambda self: self.sent)
    @rule(which=places, status=st.sampled_from([OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.CANCELLED]))
    def take_a_step_with_an_order(self, which: int, status: OrderStatus) -> None:
        with suppress(DomainError):
            if status is OrderStatus.CANCELLED:
                orders.cancel(self._order(which), by="staff", may_be_packed=True)
            else:
                orders.advance(self._order(which), status, by="staff")

    @rule(seconds=st.integers(1, 5))
    def a_moment_passes(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule(minutes=st.sampled_from([1, 2, 14, 16, 30]))
    def time_passes_and_the_worker_sweeps(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)
        tasks.sweep()

    @rule()
    def holds_end(self) -> None:
        catalog.release_expired()

    @rule()
    def messages_go_out(self) -> None:
        tasks.deliver_outboxes()

    # ------------------------------------------------------------------------------------------------ the laws

    @invariant()
    def the_doctor_finds_nothing(self) -> None:
        queries().rollback()
        assert list(faults()) == []

    @invariant()
    def stock_is_never_below_zero(self) -> None:
        for product in self.goods:
            stock = books.stock_of(product.sku)
            assert 0 <= stock.reserved <= stock.on_hand, f"{product.sku}: {stock}"

    def teardown(self) -> None:
        """In the end nothing is under way, and every unit that came in is on the shelf or in an order."""
        for _ in range(4):
            self.time_passes_and_the_worker_sweeps(16)
        assert saga.unfinished() == []
        self.the_doctor_finds_nothing()
        for product in self.goods:
            sold = select(func.coalesce(func.sum(Item.quantity), 0)).join(Order, Order.id == Item.order_id)
            live = queries().scalar(sold.where(Item.sku == product.sku, Order.status != OrderStatus.CANCELLED))
            assert books.stock_of(product.sku) == books.Stock(self.stocked[product.sku] - int(live or 0), 0)


def run(engine: str, folder: Path, now: Clock, *, examples: int, steps: int) -> None:
    with own_shop(engine, folder) as app, _request_of_worker(app):
        app.extensions["post"] = MemoryPost()
        machine = type("ShopAtThisHour", (Shop,), {"clock": now})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


def _request_of_worker(app: Flask) -> RequestContext:
    return app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"])


@pytest.mark.parametrize("engine", ENGINES)
def test_whatever_happens_in_whatever_order_the_doctor_finds_nothing(engine: str, tmp_path: Path, now: Clock) -> None:
    run(engine, tmp_path, now, examples=6, steps=20)


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_for_much_longer(engine: str, tmp_path: Path, now: Clock) -> None:
    run(engine, tmp_path, now, examples=60, steps=50)
