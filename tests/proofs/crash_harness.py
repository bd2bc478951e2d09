"""Ground for crashes: one shop on one engine, processes that die in it, and what must be true of every order after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from storefront.cart import service as cart
from storefront.catalog.models import StockReservation
from storefront.catalog.service import ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.service import CheckoutDraft, CheckoutId, Contact
from storefront.db.session import db, read_session
from storefront.orders.models import Order
from storefront.orders.service import OrderStatus
from tests import consistency
from tests.consistency import LET_GO, TAKEN, Stock
from tests.factories.catalog import make_product
from tests.factories.shopping import ADDRESS, EMAIL, PHONE, make_cart
from tests.isolated_shop import own_shop
from tests.proofs.crash_target import Act, Fate, Victims, victims
from tests.times import machine_time

AT_ONCE = 4  # victims that live beside each other, so that they also die beside each other
STOCK = 100_000
UNITS = 2
LEASE_OVER = 120.0  # seconds; outlasts any lease


@dataclass(frozen=True)
class Road:
    """:ivar payment: code of the payment option
    :ivar bank: see `Act`
    :ivar may_buy: whether an order may come of it
    """

    payment: str
    bank: str = ""
    may_buy: bool = True
    must_buy: bool = True


ROADS = {
    "cash": Road("cod"),
    "card": Road("sandbox-success"),
    "declined": Road("sandbox-decline", may_buy=False, must_buy=False),
    # Killed before the bank was asked for the money, the next runner finds a bank that has it still.
    "refused at the capture": Road("sandbox-success", "refuses-capture", must_buy=False),
}


@dataclass(frozen=True)
class Purchase:
    id: str
    token: str
    road: Road
    dies: str = ""


@dataclass(frozen=True)
class Ground:
    app: Flask
    url: str
    folder: Path
    mug: ProductCard
    crew: tuple[Victims, ...]

    def purchase(self, road: Road, dies: str = "") -> Purchase:
        """A cart with two mugs, and a checkout filled in."""
        token = make_cart((self.mug, UNITS))
        entered = CheckoutDraft(CheckoutId(""), Contact(EMAIL, PHONE), ADDRESS, road.payment)
        return Purchase(checkout.start(token, like=entered).id, token, road, dies)

    def act(self, purchase: Purchase, kind: str = "place", **more: object) -> Act:
        agreed = cart.quote(purchase.token).fingerprint
        db.session.rollback()
        known = {"checkout": purchase.id, "token": purchase.token, "agreed": agreed, "dies": purchase.dies}
        return Act(kind, **{**known, "bank": purchase.road.bank, **more})  # type: ignore[arg-type]

    def warm_up(self) -> None:
        for crew in self.crew:
            assert crew.do(self.act(self.purchase(ROADS["card"]), "warm up")).said == []

    def points_of(self, road: Road) -> list[str]:
        """Every place an undisturbed purchase comes by."""
        fate = self.crew[0].do(self.act(self.purchase(road)))
        assert not fate.said, fate
        return fate.points

    def kill_all(self, purchases: Sequence[Purchase]) -> None:
        """Let each purchase die at its point."""
        for purchase, fate in zip(purchases, self.do_all([self.act(p) for p in purchases]), strict=True):
            assert fate.was_killed, (purchase, fate)

    def do_all(self, acts: Sequence[Act]) -> list[Fate]:
        """Several at once, each crew one after the other."""
        with ThreadPoolExecutor(len(self.crew)) as pool:
            shares = [acts[number :: len(self.crew)] for number in range(len(self.crew))]
            told = list(
                pool.map(lambda pair: [pair[0].do(act) for act in pair[1]], zip(self.crew, shares, strict=True))
            )
        return [told[number % len(told)][number // len(told)] for number in range(len(acts))]

    def recover(self, *, ahead: float = LEASE_OVER) -> None:
        """A process started anew sweeps once the leases are over; then the doctor has nothing to say."""
        with victims(self.url, self.folder) as fresh:
            fate = fresh.do(Act("sweep", ahead=ahead))
            assert not fate.said, fate
            assert fresh.do(Act("audit", ahead=ahead)).said == []
        consistency.assert_balanced()

    def assert_right(self, purchases: Sequence[Purchase], *, letters_may_repeat: bool = False) -> Counter[str]:
        """Each has exactly one order and all that belongs to it, or none and its cart.

        :return: how they ended
        """
        letters = Counter((self.folder / "letters").read_text().split())
        ended = Counter(self._end_of(purchase, letters, letters_may_repeat) for purchase in purchases)
        assert consistency.stock_of(self.mug.sku) == Stock(STOCK - UNITS * self._sold(), 0)
        return ended

    def _sold(self) -> int:
        with read_session() as session:
            return len(session.scalars(select(StockReservation.id).where(StockReservation.state == "committed")).all())

    def _end_of(self, purchase: Purchase, letters: Counter[str], letters_may_repeat: bool) -> str:
        state = consistency.state_of(purchase.id)
        orders, paid = consistency.orders_of(purchase.id), consistency.payments_of(purchase.id)
        if state == "completed":
            assert purchase.road.may_buy, purchase
            assert orders == [OrderStatus.CONFIRMED], purchase
            assert len(paid) == 1, purchase
            assert set(paid) <= TAKEN, purchase
            assert cart.count_units(purchase.token) == 0, purchase
            sent = letters[f"order-placed-{_number_of(purchase.id)}@localhost"]
            assert sent == 1 or (letters_may_repeat and sent == 2), (purchase, sent)
            return state
        # A draft was killed before anything was written; that a process died is no reason to fail an order.
        assert state == "draft" or (state == "failed" and not purchase.road.must_buy), (purchase, state)
        assert orders in ([], [OrderStatus.CANCELLED]), purchase
        assert set(paid + consistency.charges_of(purchase.id)) <= LET_GO, purchase
        assert cart.count_units(purchase.token) == UNITS, purchase
        return state


def _number_of(checkout_id: str) -> str:
    with read_session() as session:
        return session.scalars(select(Order.order_id).where(Order.checkout_id == checkout_id)).one()


@contextmanager
def open_ground(engine: str, folder: Path) -> Iterator[Ground]:
    """A demo shop with committed data and a warm crew of victims."""
    with ExitStack() as stack:
        with machine_time():  # by which the victims live
            app = stack.enter_context(own_shop(engine, folder))
            stack.enter_context(app.app_context())
            url = str(app.config["SQLALCHEMY_BINDS"]["cart"]["url"]).replace("cart", "{schema}")
            crew = tuple(stack.enter_context(victims(url, folder)) for _ in range(AT_ONCE))
            ground = Ground(app, url, folder, make_product(stock=STOCK), crew)
            ground.warm_up()
        yield ground
