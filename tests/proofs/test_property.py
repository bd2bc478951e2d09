"""Random sequences of actions of customers, staff, provider and worker: after every step the shop is consistent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from storefront.cart import service as cart
from storefront.catalog import inventory
from storefront.catalog import products as catalog_products
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.checkout.values import Outcome
from storefront.cli.consistency import violations
from storefront.core.errors import DomainError
from storefront.core.money import Money
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.orders.models import Message, Order
from storefront.orders.refund_models import OrderReturn
from storefront.orders.refund_values import RefundRequest, ReturnReason
from storefront.orders.values import OrderStatus, OrderView
from storefront.payments import sandbox
from storefront.payments.models import SandboxCharge
from storefront.payments.values import PaymentDeclined, PaymentStatus, ProviderTimeout
from storefront.worker import tasks
from tests import consistency
from tests.checkout.purchase import Crash, at_step, no_database, raising
from tests.conftest import rolled_back
from tests.factories.catalog import make_product
from tests.factories.shopping import agreed_now, make_cart, make_draft, return_url
from tests.factories.stock import receive
from tests.fakes import Clock, MemoryPost
from tests.proofs.state_machine import (
    BUYING,
    MAX_SLEEP_SECONDS,
    PRODUCTS,
    REFUNDING,
    REPEATABLE_TOPICS,
    REVERSING,
    STAFF_STATUSES,
    WAITS,
    Mishap,
    indexes,
    mishaps,
)
from tests.stateful import run_machine


@dataclass(frozen=True)
class SentForm:
    """An order form that was sent, so that it can be sent again."""

    id: str
    token: str
    agreed: str

    def send(self) -> Outcome:
        return checkout.place_order(self.id, self.token, agreed=self.agreed, return_url=return_url)


class ShopMachine(RuleBasedStateMachine):
    """The shop as a state machine of Hypothesis.

    :ivar stocked: units ever received, by SKU
    """

    app: Flask
    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.resources = ExitStack()
        self.resources.enter_context(rolled_back(self.app))
        self.resources.enter_context(self.app.test_request_context(base_url=self.app.config["PUBLIC_ORIGIN"]))
        self.resources.enter_context(pytest.MonkeyPatch.context()).setitem(self.app.extensions, "mailer", MemoryPost())
        self.products = [make_product(name=f"Product {number}", stock=3 + number) for number in range(PRODUCTS)]
        self.stocked = {product.sku: 3 + number for number, product in enumerate(self.products)}
        self.carts = [make_cart(), make_cart()]
        self.sent: list[SentForm] = []
        self.keys = 0  # of forms about refunds and returns
        self.seconds_since_sweep = 0  # seconds

    # -------------------------------------------------------------------------------------------- shoppers

    @rule(who=indexes, what=indexes, units=st.integers(1, 4))
    def put_in_cart(self, who: int, what: int, units: int) -> None:
        with suppress(DomainError):
            cart.add_line(self._cart(who), self.products[what % PRODUCTS].sku, units)

    @rule(who=indexes, which=indexes, units=st.integers(0, 5))
    def change_quantity(self, who: int, which: int, units: int) -> None:
        """Change a line of a cart.

        :param units: 0 removes the line
        """
        if lines := cart.quote(self._cart(who)).lines:
            line = lines[which % len(lines)].id
            with suppress(DomainError):
                if units:
                    cart.change_quantity(self._cart(who), line, units)
                else:
                    cart.remove_line(self._cart(who), line)

    def buy(self, who: int, what: int, payment: str, between: list[Mishap], undoing: str | None, moment: str) -> None:
        """Place an order while other things happen.

        :param between: disturbances
        :param undoing: step whose compensation kills the process, if it is reached
        """
        sent = self._fill_in(who, what, payment)
        with self._disturbed(between) as patch:
            if undoing is not None:
                at_step(patch, undoing, raising(Crash()), when=moment, undoing=True)
            sent.send()

    # Rules are chosen with equal probability: several copies make this one more frequent.
    buy_with_disturbances = rule(**BUYING)(buy)
    buy_with_disturbances_again = rule(**BUYING)(buy)
    buy_with_more_disturbances = rule(**BUYING)(buy)

    @precondition(lambda self: self.sent)
    @rule(which=indexes, between=mishaps)
    def resume_with_disturbances(self, which: int, between: list[Mishap]) -> None:
        with self._disturbed(between):
            checkout.resume(self._form(which).id)

    @contextmanager
    def _disturbed(self, between: Iterable[Mishap]) -> Iterator[pytest.MonkeyPatch]:
        with pytest.MonkeyPatch.context() as patch, suppress(DomainError, Crash, OperationalError):
            for step, moment, mishap in between:
                at_step(patch, step, self._effect_of(mishap), when=moment)
            yield patch

    def _effect_of(self, mishap: str) -> Callable[[], None]:
        return {
            "hold ends": self._expire_hold,
            "rival buys": self._buy_all_available,
            "recount": self._remove_one_of_each,
            "runner stalls": lambda: self.advance_and_sweep(2),
            "process dies": raising(Crash()),
            "database fails": raising(no_database()),
            "bank declines": raising(PaymentDeclined("What was held is gone")),
        }[mishap]

    def _expire_hold(self) -> None:
        self.advance(16 * 60)
        inventory.release_expired()

    def _buy_all_available(self) -> None:
        products = [(product, catalog_products.get_offer(product.sku).available) for product in self.products]
        if left := [(product, units) for product, units in products if units > 0]:
            token = make_cart(*left)
            with suppress(DomainError):
                self._form_for(token, "cod").send()

    def _remove_one_of_each(self) -> None:
        for number in range(PRODUCTS):
            self.count_stock(number, -1)

    def _cart(self, who: int) -> str:
        return self.carts[who % len(self.carts)]

    def _fill_in(self, who: int, what: int, payment: str) -> SentForm:
        token = self._cart(who)
        quote = cart.quote(token)
        for line in quote.lines:
            if not line.can_be_bought:
                cart.remove_line(token, line.id)
        if not any(line.can_be_bought for line in quote.lines):
            if not catalog_products.get_offer(self.products[what % PRODUCTS].sku).available:
                self.count_stock(what, 2)
            self.put_in_cart(who, what, 1)
        return self._form_for(token, payment)

    def _form_for(self, token: str, payment: str) -> SentForm:
        draft = make_draft(token, payment=payment)
        sent = SentForm(draft.id, token, agreed_now(draft.id, token))
        self.sent.append(sent)
        return sent

    @precondition(lambda self: self.sent)
    @rule(which=indexes)
    def send_again(self, which: int) -> None:
        with suppress(DomainError):
            self._form(which).send()

    @precondition(lambda self: self.sent)
    @rule(which=indexes)
    def abandon(self, which: int) -> None:
        checkout.abandon(self._form(which).id)

    @precondition(lambda self: self.sent)
    @rule(which=indexes)
    def cancel(self, which: int) -> None:
        with suppress(DomainError):
            orders.cancel(self._order(which), by="you")

    def _form(self, which: int) -> SentForm:
        return self.sent[which % len(self.sent)]

    def _order(self, which: int) -> str:
        numbers = select(Order.order_id).where(Order.checkout_id == self._form(which).id)
        return read_session().scalar(numbers) or "none"

    # ----------------------------------------------------------------------------- provider, staff, worker

    @rule(which=indexes, approve=st.booleans())
    def decide_payment(self, which: int, approve: bool) -> None:
        references = select(SandboxCharge.reference).where(SandboxCharge.state == PaymentStatus.ACTION_NEEDED)
        if waiting := read_session().scalars(references.order_by(SandboxCharge.id)).all():
            sandbox.decide(waiting[which % len(waiting)], approve=approve)

    @rule(what=indexes, units=st.integers(-3, 4).filter(bool))
    def count_stock(self, what: int, units: int) -> None:
        sku = self.products[what % PRODUCTS].sku
        with suppress(DomainError):
            receive(sku, units)
            self.stocked[sku] += units

    @precondition(lambda self: self.sent)
    @rule(which=indexes, status=st.sampled_from(STAFF_STATUSES), restock=st.booleans())
    def change_order_status(self, which: int, status: OrderStatus, restock: bool) -> None:
        with suppress(DomainError):
            if status is OrderStatus.CANCELLED:
                orders.cancel(self._order(which), by="staff", may_be_packed=True, restock=restock)
            elif status is OrderStatus.UNDELIVERED:
                orders.mark_undelivered(self._order(which), by="staff", restock=restock)
            else:
                orders.advance(self._order(which), status, by="staff")

    @precondition(lambda self: self.sent)
    @rule(which=indexes)
    def receive_cash(self, which: int) -> None:
        with suppress(DomainError):
            orders.receive_cash(self._order(which), actor="staff")

    @rule(seconds=st.sampled_from(WAITS))
    def advance(self, seconds: int) -> None:
        """Advance the clock and deliver messages. After 40 minutes without a sweep the worker sweeps, too."""
        self.clock.advance(seconds=seconds)
        self.seconds_since_sweep += seconds
        tasks.deliver_outboxes()
        if self.seconds_since_sweep > MAX_SLEEP_SECONDS:
            self.advance_and_sweep(1)

    @rule(minutes=st.sampled_from([1, 2, 14, 16, 30]))
    def advance_and_sweep(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)
        self.seconds_since_sweep = 0
        tasks.sweep()

    @rule()
    def release_expired_holds(self) -> None:
        inventory.release_expired()

    def refund(
        self, which: int, units: int, with_shipping: bool, amount: int | None, restock: bool, times: int
    ) -> None:
        """Let staff refund a part of an order.

        :param amount: in minor units; None for the value of the units
        :param times: how often the form is submitted
        """
        with suppress(DomainError):
            order = orders.get_order(self._order(which))
            money = None if amount is None else Money(amount, order.grand_total.currency)
            wanted = RefundRequest(self._units(order, which, units), with_shipping, money, "", restock)
            self.keys += 1
            for _ in range(times):
                orders.refund(order.id, wanted, key=f"refund {self.keys}", actor="staff")

    refund_a_part = precondition(lambda self: self.sent)(rule(**REFUNDING)(refund))

    def order_and_change_mind(self, who: int, what: int, payment: str, actions: list[str]) -> None:
        """Place an order, then refund, return or cancel it in random ways."""
        with suppress(DomainError):
            self._fill_in(who, what, payment).send()
        which = len(self.sent) - 1
        calls: dict[str, Callable[[], object]] = {
            "refund": lambda: self.refund(which, 1, False, None, False, 2),
            "refund and restock": lambda: self.refund(which, 1, True, None, True, 1),
            "send back": lambda: self.request_return(which, 1),
            "approve": lambda: self.decide_return(-1, "approve", True),
            "decline": lambda: self.decide_return(-1, "decline", False),
            "cancel": lambda: self.change_order_status(which, OrderStatus.CANCELLED, True),
            "write off": lambda: self.change_order_status(which, OrderStatus.CANCELLED, False),
            "deliver": lambda: self.advance(60),
            "lost answer": self.deliver_while_refund_answers_are_lost,
            "redelivery": lambda: self.redeliver_message(-1),
        }
        for name in actions:
            calls[name]()

    order_and_reverse = rule(**REVERSING)(order_and_change_mind)
    order_and_reverse_again = rule(**REVERSING)(order_and_change_mind)

    def _units(self, order: OrderView, which: int, count: int) -> dict[int, int]:
        return {order.items[which % len(order.items)].id or 0: count} if count else {}

    @precondition(lambda self: self.sent)
    @rule(which=indexes, units=st.integers(1, 3))
    def request_return(self, which: int, units: int) -> None:
        """Let staff ship an order and the customer request a return."""
        with suppress(DomainError):
            order = orders.get_order(self._order(which))
            for step in (OrderStatus.PROCESSING, OrderStatus.SHIPPED):
                with suppress(DomainError):
                    orders.advance(order.id, step, by="staff")
            self.keys += 1
            wanted = self._units(order, which, units)
            orders.request_return(order.id, wanted, reason=ReturnReason.NONE, key=f"return {self.keys}")

    @rule(which=indexes, decision=st.sampled_from(["approve", "approve", "decline", "withdraw"]), restock=st.booleans())
    def decide_return(self, which: int, decision: str, restock: bool) -> None:
        """Decide on a return, which may have been decided before."""
        if numbers := read_session().scalars(select(OrderReturn.id).order_by(OrderReturn.id)).all():
            requested = orders.get_return(numbers[which % len(numbers)])
            with suppress(DomainError):
                if decision == "approve":
                    orders.approve_return(requested.id, restock=restock, with_shipping=restock, actor="staff")
                elif decision == "decline":
                    orders.decline_return(requested.id, "It was used", actor="staff")
                else:
                    orders.withdraw_return(requested.order_id, requested.id)

    @rule()
    def deliver_while_refund_answers_are_lost(self) -> None:
        real = sandbox.SandboxProvider.refund

        def refund_without_answer(*args: Any) -> None:
            real(*args)
            raise ProviderTimeout("no answer")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sandbox.SandboxProvider, "refund", refund_without_answer)
            tasks.deliver_outboxes()

    @rule(which=indexes)
    def redeliver_message(self, which: int) -> None:
        delivered = select(Message).where(Message.topic.in_(REPEATABLE_TOPICS), Message.delivered_at.is_not(None))
        if messages := read_session().scalars(delivered.order_by(Message.id)).all():
            message = messages[which % len(messages)]
            tasks.SUBSCRIPTIONS[message.topic](message.key, message.payload)

    # ------------------------------------------------------------------------------------------------ invariants

    @invariant()
    def consistency_checks_pass(self) -> None:
        read_session().rollback()
        assert list(violations()) == []

    @invariant()
    def stock_is_never_below_zero(self) -> None:
        for product in self.products:
            stock = consistency.stock_of(product.sku)
            assert 0 <= stock.reserved <= stock.on_hand, f"{product.sku}: {stock}"

    def teardown(self) -> None:
        with self.resources:
            self._finish_everything()

    def _finish_everything(self) -> None:
        """Sweep until nothing is in progress; then every received unit is in stock or in an order."""
        for _ in range(4):
            self.advance_and_sweep(16)
        assert saga.unfinished() == []
        self.consistency_checks_pass()
        for product in self.products:
            sold = consistency.units_sold(product.sku)
            assert consistency.stock_of(product.sku) == consistency.Stock(self.stocked[product.sku] - sold, 0)
        consistency.assert_provider_refunded_what_the_shop_recorded()


def test_random_sequences_of_actions_keep_the_shop_consistent(shop: Flask, now: Clock) -> None:
    run_machine(ShopMachine, shop, now, examples=8, steps=25, phases=[Phase.generate])


@pytest.mark.long
def test_long_random_sequences_keep_the_shop_consistent(shop: Flask, now: Clock) -> None:
    run_machine(ShopMachine, shop, now, examples=100, steps=50, phases=list(Phase))
