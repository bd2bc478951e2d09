"""Whatever shoppers, staff, bank and worker do, in whatever order: after every step the doctor finds nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.service import Outcome
from storefront.cli.consistency import violations
from storefront.core.errors import DomainError
from storefront.core.money import Money
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.orders.models import Message, Order
from storefront.orders.refund_models import OrderReturn
from storefront.orders.service import OrderStatus, OrderView, RefundRequest, ReturnReason
from storefront.payments import sandbox
from storefront.payments.models import SandboxCharge
from storefront.payments.service import PaymentDeclined, PaymentStatus, ProviderTimeout
from storefront.worker import tasks
from tests import consistency
from tests.checkout.purchase import Crash, at_step, no_database, raising
from tests.conftest import rolled_back
from tests.factories.catalog import make_product
from tests.factories.shopping import make_cart, make_draft, return_url
from tests.factories.stock import receive
from tests.fakes import Clock, MemoryPost
from tests.proofs.state_machine import (
    BUYING,
    MAX_SLEEP_SECONDS,
    REFUNDING,
    SHELVES,
    STEPS_OF_STAFF,
    TAKING_BACK,
    WAITS,
    WORDS,
    Mishap,
    mishaps,
    places,
)


@dataclass(frozen=True)
class Sent:
    """A form that was sent, to be sent again."""

    id: str
    token: str
    agreed: str

    def send(self) -> Outcome:
        return checkout.place_order(self.id, self.token, agreed=self.agreed, return_url=return_url)


class Shop(RuleBasedStateMachine):
    """:ivar stocked: units that ever came in, by SKU"""

    app: Flask
    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.around = ExitStack()
        self.around.enter_context(rolled_back(self.app))
        self.around.enter_context(self.app.test_request_context(base_url=self.app.config["PUBLIC_ORIGIN"]))
        self.around.enter_context(pytest.MonkeyPatch.context()).setitem(self.app.extensions, "mailer", MemoryPost())
        self.goods = [make_product(name=f"Shelf {shelf}", stock=3 + shelf) for shelf in range(SHELVES)]
        self.stocked = {product.sku: 3 + shelf for shelf, product in enumerate(self.goods)}
        self.carts = [make_cart(), make_cart()]
        self.sent: list[Sent] = []
        self.keys = 0  # of forms about refunds and returns
        self.unswept = 0  # seconds

    # -------------------------------------------------------------------------------------------- shoppers

    @rule(who=places, what=places, units=st.integers(1, 4))
    def put_in_cart(self, who: int, what: int, units: int) -> None:
        with suppress(DomainError):
            cart.add_line(self._cart(who), self.goods[what % SHELVES].sku, units)

    @rule(who=places, which=places, units=st.integers(0, 5))
    def change_quantity(self, who: int, which: int, units: int) -> None:
        """:param units: 0 takes the line out"""
        if lines := cart.quote(self._cart(who)).lines:
            line = lines[which % len(lines)].id
            with suppress(DomainError):
                if units:
                    cart.change_quantity(self._cart(who), line, units)
                else:
                    cart.remove_line(self._cart(who), line)

    def buy(self, who: int, what: int, payment: str, between: list[Mishap], undoing: str | None, moment: str) -> None:
        """:param undoing: the step whose undoing, if it comes to that, kills the process"""
        sent = self._fill_in(who, what, payment)
        with self._meddling(between) as patch:
            if undoing is not None:
                at_step(patch, undoing, raising(Crash()), when=moment, undoing=True)
            sent.send()

    # Rules are picked evenly, and this one is what it is all about.
    buy_while_things_happen = rule(**BUYING)(buy)
    buy_while_other_things_happen = rule(**BUYING)(buy)
    buy_while_more_things_happen = rule(**BUYING)(buy)

    @precondition(lambda self: self.sent)
    @rule(which=places, between=mishaps)
    def look_again_while_things_happen(self, which: int, between: list[Mishap]) -> None:
        with self._meddling(between):
            checkout.resume(self._sent(which).id)

    @contextmanager
    def _meddling(self, between: Iterable[Mishap]) -> Iterator[pytest.MonkeyPatch]:
        with pytest.MonkeyPatch.context() as patch, suppress(DomainError, Crash, OperationalError):
            for step, moment, mishap in between:
                at_step(patch, step, self._deed(mishap), when=moment)
            yield patch

    def _deed(self, mishap: str) -> Callable[[], None]:
        return {
            "hold ends": self._let_the_hold_end,
            "rival buys": self._buy_what_is_left,
            "recount": self._count_one_less,
            "runner stalls": lambda: self.time_passes_and_the_worker_sweeps(2),
            "process dies": raising(Crash()),
            "database fails": raising(no_database()),
            "bank declines": raising(PaymentDeclined("What was held is gone")),
        }[mishap]

    def _let_the_hold_end(self) -> None:
        self.time_passes(16 * 60)
        catalog.release_expired()

    def _buy_what_is_left(self) -> None:
        goods = [(product, catalog.get_offer(product.sku).available) for product in self.goods]
        if left := [(product, units) for product, units in goods if units > 0]:
            token = make_cart(*left)
            with suppress(DomainError):
                self._sent_with(token, "cod").send()

    def _count_one_less(self) -> None:
        for shelf in range(SHELVES):
            self.count_stock(shelf, -1)

    def _cart(self, who: int) -> str:
        return self.carts[who % len(self.carts)]

    def _fill_in(self, who: int, what: int, payment: str) -> Sent:
        token = self._cart(who)
        quote = cart.quote(token)
        for line in quote.lines:
            if not line.can_be_bought:
                cart.remove_line(token, line.id)
        if not any(line.can_be_bought for line in quote.lines):
            if not catalog.get_offer(self.goods[what % SHELVES].sku).available:
                self.count_stock(what, 2)
            self.put_in_cart(who, what, 1)
        return self._sent_with(token, payment)

    def _sent_with(self, token: str, payment: str) -> Sent:
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
        return read_session().scalar(numbers) or "none"

    # ----------------------------------------------------------------------------- the bank, staff, the worker

    @rule(which=places, approve=st.booleans())
    def decide_at_the_bank(self, which: int, approve: bool) -> None:
        asked = select(SandboxCharge.reference).where(SandboxCharge.state == PaymentStatus.ACTION_NEEDED)
        if waiting := read_session().scalars(asked.order_by(SandboxCharge.id)).all():
            sandbox.decide(waiting[which % len(waiting)], approve=approve)

    @rule(what=places, units=st.integers(-3, 4).filter(bool))
    def count_stock(self, what: int, units: int) -> None:
        sku = self.goods[what % SHELVES].sku
        with suppress(DomainError):
            receive(sku, units)
            self.stocked[sku] += units

    @precondition(lambda self: self.sent)
    @rule(which=places, status=st.sampled_from(STEPS_OF_STAFF), restock=st.booleans())
    def take_a_step_with_an_order(self, which: int, status: OrderStatus, restock: bool) -> None:
        with suppress(DomainError):
            if status is OrderStatus.CANCELLED:
                orders.cancel(self._order(which), by="staff", may_be_packed=True, restock=restock)
            else:
                orders.advance(self._order(which), status, by="staff")

    @rule(seconds=st.sampled_from(WAITS))
    def time_passes(self, seconds: int) -> None:
        """Letters go out meanwhile, and nothing else is done; but the worker never sleeps for most of an hour."""
        self.clock.advance(seconds=seconds)
        self.unswept += seconds
        tasks.deliver_outboxes()
        if self.unswept > MAX_SLEEP_SECONDS:
            self.time_passes_and_the_worker_sweeps(1)

    @rule(minutes=st.sampled_from([1, 2, 14, 16, 30]))
    def time_passes_and_the_worker_sweeps(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)
        self.unswept = 0
        tasks.sweep()

    @rule()
    def holds_end(self) -> None:
        catalog.release_expired()

    def refund(
        self, which: int, units: int, with_shipping: bool, amount: int | None, restock: bool, times: int
    ) -> None:
        """Staff give a part back.

        :param amount: in minor units; None for what it is worth
        :param times: pressed
        """
        with suppress(DomainError):
            order = orders.get_order(self._order(which))
            money = None if amount is None else Money(amount, order.grand_total.currency)
            wanted = RefundRequest(self._units(order, which, units), with_shipping, money, "", restock)
            self.keys += 1
            for _ in range(times):
                orders.refund(order.id, wanted, key=f"refund {self.keys}", actor="staff")

    refund_a_part = precondition(lambda self: self.sent)(rule(**REFUNDING)(refund))

    def take_back(self, who: int, what: int, payment: str, acts: list[str]) -> None:
        """An order that goes through, and much of what may become of its money and its goods."""
        with suppress(DomainError):
            self._fill_in(who, what, payment).send()
        which = len(self.sent) - 1
        deeds: dict[str, Callable[[], object]] = {
            "refund": lambda: self.refund(which, 1, False, None, False, 2),
            "refund and restock": lambda: self.refund(which, 1, True, None, True, 1),
            "send back": lambda: self.send_goods_back(which, 1),
            "approve": lambda: self.decide_on_a_return(-1, "approve", True),
            "decline": lambda: self.decide_on_a_return(-1, "decline", False),
            "cancel": lambda: self.take_a_step_with_an_order(which, OrderStatus.CANCELLED, True),
            "write off": lambda: self.take_a_step_with_an_order(which, OrderStatus.CANCELLED, False),
            "deliver": lambda: self.time_passes(60),
            "unheard": self.letters_go_out_while_the_bank_gives_back_and_does_not_say_so,
            "heard again": lambda: self.a_word_about_money_or_goods_is_heard_again(-1),
        }
        for act in acts:
            deeds[act]()

    take_back_one = rule(**TAKING_BACK)(take_back)
    take_back_another = rule(**TAKING_BACK)(take_back)

    def _units(self, order: OrderView, which: int, count: int) -> dict[int, int]:
        return {order.items[which % len(order.items)].id or 0: count} if count else {}

    @precondition(lambda self: self.sent)
    @rule(which=places, units=st.integers(1, 3))
    def send_goods_back(self, which: int, units: int) -> None:
        """An order that its staff sent; the shopper asks to return some of it."""
        with suppress(DomainError):
            order = orders.get_order(self._order(which))
            for step in (OrderStatus.PROCESSING, OrderStatus.SHIPPED):
                with suppress(DomainError):
                    orders.advance(order.id, step, by="staff")
            self.keys += 1
            wanted = self._units(order, which, units)
            orders.request_return(order.id, wanted, reason=ReturnReason.NONE, key=f"return {self.keys}")

    @rule(which=places, decision=st.sampled_from(["approve", "approve", "decline", "withdraw"]), restock=st.booleans())
    def decide_on_a_return(self, which: int, decision: str, restock: bool) -> None:
        """Also on one that was decided already."""
        if numbers := read_session().scalars(select(OrderReturn.id).order_by(OrderReturn.id)).all():
            asked = orders.get_return(numbers[which % len(numbers)])
            with suppress(DomainError):
                if decision == "approve":
                    orders.approve_return(asked.id, restock=restock, with_shipping=restock, actor="staff")
                elif decision == "decline":
                    orders.decline_return(asked.id, "It was used", actor="staff")
                else:
                    orders.withdraw_return(asked.order_id, asked.id)

    @rule()
    def letters_go_out_while_the_bank_gives_back_and_does_not_say_so(self) -> None:
        real = sandbox.SandboxProvider.refund

        def unheard(*asked: Any) -> None:
            real(*asked)
            raise ProviderTimeout("no answer")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sandbox.SandboxProvider, "refund", unheard)
            tasks.deliver_outboxes()

    @rule(which=places)
    def a_word_about_money_or_goods_is_heard_again(self, which: int) -> None:
        heard = select(Message).where(Message.topic.in_(WORDS), Message.delivered_at.is_not(None)).order_by(Message.id)
        if messages := read_session().scalars(heard).all():
            message = messages[which % len(messages)]
            tasks.SUBSCRIPTIONS[message.topic](message.key, message.payload)

    # ------------------------------------------------------------------------------------------------ the laws

    @invariant()
    def the_doctor_finds_nothing(self) -> None:
        read_session().rollback()
        assert list(violations()) == []

    @invariant()
    def stock_is_never_below_zero(self) -> None:
        for product in self.goods:
            stock = consistency.stock_of(product.sku)
            assert 0 <= stock.reserved <= stock.on_hand, f"{product.sku}: {stock}"

    def teardown(self) -> None:
        with self.around:
            self._come_to_an_end()

    def _come_to_an_end(self) -> None:
        """In the end nothing is under way, and every unit that came in is on the shelf or in an order."""
        for _ in range(4):
            self.time_passes_and_the_worker_sweeps(16)
        assert saga.unfinished() == []
        self.the_doctor_finds_nothing()
        for product in self.goods:
            away = consistency.units_away(product.sku)
            assert consistency.stock_of(product.sku) == consistency.Stock(self.stocked[product.sku] - away, 0)
        consistency.assert_bank_gave_back_what_the_shop_promised()


def run(shop: Flask, now: Clock, *, examples: int, steps: int, phases: Sequence[Phase]) -> None:
    """:param phases: shrinking what was found to the least that shows it takes minutes"""
    machine = type("ShopAtThisHour", (Shop,), {"clock": now, "app": shop})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            phases=phases,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_happens_in_whatever_order_the_doctor_finds_nothing(shop: Flask, now: Clock) -> None:
    run(shop, now, examples=8, steps=25, phases=[Phase.generate])


@pytest.mark.long
def test_the_same_for_much_longer(shop: Flask, now: Clock) -> None:
    run(shop, now, examples=100, steps=50, phases=list(Phase))
