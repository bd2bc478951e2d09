"""Harness of the crash tests: a shop on one engine, processes that are killed, and checks of every order afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from flask import Flask
from sqlalchemy import select

from storefront.cart import service as cart
from storefront.catalog.models import StockReservation
from storefront.catalog.values import ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutDraft, CheckoutId, Contact
from storefront.db.session import db, read_session
from storefront.orders.models import Order
from storefront.orders.values import OrderStatus
from tests import consistency
from tests.consistency import ACTIVE, CLOSED, Stock
from tests.factories.catalog import make_product
from tests.factories.shopping import ADDRESS, PHONE, agreed_now, make_cart
from tests.isolated_shop import own_shop
from tests.proofs.crash_target import TargetProcess, Task, TaskResult, target_process
from tests.times import machine_time

PROCESSES = 4  # run in parallel, so that crashes also happen in parallel
STOCK = 100_000
UNITS = 2
LEASE_OVER = 120.0  # seconds; longer than any lease


@dataclass(frozen=True)
class Scenario:
    """How an order is paid, and how it may end.

    :ivar payment: code of the payment option
    :ivar provider: see `Task`
    :ivar may_buy: the checkout may complete
    :ivar must_buy: a started checkout must complete
    """

    payment: str
    provider: str = ""
    may_buy: bool = True
    must_buy: bool = True


SCENARIOS = {
    "cash": Scenario("cod"),
    "card": Scenario("sandbox-success"),
    "declined": Scenario("sandbox-decline", may_buy=False, must_buy=False),
    # If it is killed before the capture, the next process captures with an intact provider, so it may complete, too.
    "refused at the capture": Scenario("sandbox-success", "refuses-capture", must_buy=False),
}


@dataclass(frozen=True)
class Purchase:
    """A checkout that is ready to be placed.

    :ivar dies_at: see `Task`
    """

    id: str
    token: str
    scenario: Scenario
    dies_at: str = ""


@dataclass(frozen=True)
class CrashHarness:
    """The shop, its product and the processes in which orders are placed."""

    app: Flask
    url: str
    folder: Path
    mug: ProductCard
    processes: tuple[TargetProcess, ...]

    def purchase(self, scenario: Scenario, dies_at: str = "") -> Purchase:
        """Make a cart with two mugs and a completed checkout form."""
        token = make_cart((self.mug, UNITS))
        contact = Contact(f"{uuid4().hex}@example.com", PHONE)  # one mailbox gets few e-mails an hour
        entered = CheckoutDraft(CheckoutId(""), contact, ADDRESS, scenario.payment)
        return Purchase(checkout.start(token, like=entered).id, token, scenario, dies_at)

    def task(self, purchase: Purchase, kind: str = "place", **more: object) -> Task:
        agreed = agreed_now(purchase.id, purchase.token)
        db.session.rollback()
        values = {"checkout": purchase.id, "token": purchase.token, "agreed": agreed, "dies_at": purchase.dies_at}
        return Task(kind, **{**values, "provider": purchase.scenario.provider, **more})  # type: ignore[arg-type]

    def warm_up(self) -> None:
        """Place an order in every process, so that forked children start with warm caches."""
        for process in self.processes:
            assert process.do(self.task(self.purchase(SCENARIOS["card"]), "warm up")).messages == []

    def points_of(self, scenario: Scenario) -> list[str]:
        """Every point that an undisturbed purchase passes."""
        result = self.processes[0].do(self.task(self.purchase(scenario)))
        assert not result.messages, result
        return result.points

    def kill_all(self, purchases: Sequence[Purchase]) -> None:
        """Place each purchase in a process that is killed at its point."""
        for purchase, result in zip(purchases, self.do_all([self.task(p) for p in purchases]), strict=True):
            assert result.was_killed, (purchase, result)

    def do_all(self, tasks: Sequence[Task]) -> list[TaskResult]:
        """Distribute tasks over the processes, which run in parallel.

        :return: in the order of `tasks`
        """
        with ThreadPoolExecutor(len(self.processes)) as pool:
            shares = [tasks[number :: len(self.processes)] for number in range(len(self.processes))]
            results = list(
                pool.map(lambda pair: [pair[0].do(task) for task in pair[1]], zip(self.processes, shares, strict=True))
            )
        return [results[number % len(results)][number // len(results)] for number in range(len(tasks))]

    def recover(self, *, ahead: float = LEASE_OVER) -> None:
        """Sweep in a new process after the leases have expired, then check consistency.

        :param ahead: seconds by which the new process's clock is ahead
        """
        with target_process(self.url, self.folder) as fresh:
            result = fresh.do(Task("sweep", ahead=ahead))
            assert not result.messages, result
            assert fresh.do(Task("audit", ahead=ahead)).messages == []
        consistency.assert_balanced()

    def assert_consistent(self, purchases: Sequence[Purchase], *, emails_may_repeat: bool = False) -> Counter[str]:
        """Assert that each purchase has one order with payment and e-mail, or none of them and still its cart.

        :return: number of checkouts by final state
        """
        emails = Counter((self.folder / "emails").read_text().split())
        states = Counter(self._end_of(purchase, emails, emails_may_repeat) for purchase in purchases)
        assert consistency.stock_of(self.mug.sku) == Stock(STOCK - UNITS * self._sold(), 0)
        return states

    def _sold(self) -> int:
        with read_session() as session:
            return len(session.scalars(select(StockReservation.id).where(StockReservation.state == "committed")).all())

    def _end_of(self, purchase: Purchase, emails: Counter[str], emails_may_repeat: bool) -> str:
        state = consistency.state_of(purchase.id)
        orders, paid = consistency.orders_of(purchase.id), consistency.payments_of(purchase.id)
        if state == "completed":
            assert purchase.scenario.may_buy, purchase
            assert orders == [OrderStatus.CONFIRMED], purchase
            assert len(paid) == 1, purchase
            assert set(paid) <= ACTIVE, purchase
            assert cart.count_units(purchase.token) == 0, purchase
            sent = emails[f"order-placed-{_number_of(purchase.id)}@localhost"]
            assert sent == 1 or (emails_may_repeat and sent == 2), (purchase, sent)
            return state
        # A draft was killed before anything was written. A crash alone must not make an order fail.
        assert state == "draft" or (state == "failed" and not purchase.scenario.must_buy), (purchase, state)
        assert orders in ([], [OrderStatus.CANCELLED]), purchase
        assert set(paid + consistency.charges_of(purchase.id)) <= CLOSED, purchase
        assert cart.count_units(purchase.token) == UNITS, purchase
        return state


def _number_of(checkout_id: str) -> str:
    with read_session() as session:
        return session.scalars(select(Order.order_id).where(Order.checkout_id == checkout_id)).one()


@contextmanager
def open_harness(engine: str, folder: Path) -> Iterator[CrashHarness]:
    """Create a demo shop with committed data and warmed-up processes."""
    with ExitStack() as stack:
        with machine_time():  # the clock of the processes
            app = stack.enter_context(own_shop(engine, folder))
            stack.enter_context(app.app_context())
            url = str(app.config["SQLALCHEMY_BINDS"]["cart"]["url"]).replace("cart", "{schema}")
            processes = tuple(stack.enter_context(target_process(url, folder)) for _ in range(PROCESSES))
            harness = CrashHarness(app, url, folder, make_product(stock=STOCK), processes)
            harness.warm_up()
        yield harness
