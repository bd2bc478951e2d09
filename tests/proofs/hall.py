"""A live shop as crowds find it: two server processes, a worker, and a look into its databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from flask import Flask
from sqlalchemy import func, select

from storefront.cart import service as cart
from storefront.catalog.service import ProductCard
from storefront.database import db, queries
from storefront.doctor import faults
from storefront.orders.models import Item, Message, Order
from storefront.orders.service import OrderStatus
from tests.factories.shopping import make_cart, make_draft
from tests.live import LiveShop, eventually, live_shop
from tests.own import shop_at
from tests.proofs.crowd import Answer, Press, cookie_of, press_all, session_of

ORDER_FORM = "form.checkout-place__form"
PAYMENTS = ("cod", "sandbox-success")
SECRET = "only-for-tests"

Record = Callable[[str, object], None]


def report(record: Record, answers: list[Answer], what: str) -> None:
    """Keep the figures of a run: pytest -rP shows them."""
    seconds = sorted(answer.seconds for answer in answers)
    text = f"{what}; {len(answers)} answers, median {median(seconds):.2f} s, slowest {seconds[-1]:.2f} s"
    record("figures", text)
    print(text)


@dataclass(frozen=True)
class Hall:
    """A live shop, and a look into its databases."""

    live: LiveShop
    app: Flask

    def shopper(self, *goods: tuple[ProductCard, int], payment: str = "cod") -> Press:
        """A guest with goods in the cart, about to press the button of the review."""
        token = make_cart(*goods)
        draft = make_draft(token, payment=payment)
        return Press(cookie_of(self.app, cart=token, checkout=draft.id), "/checkout/review", ORDER_FORM)

    def press(self, presses: list[Press]) -> list[list[Answer]]:
        """Press all at once. No answer is lost, none is an error of the server."""
        db.session.rollback()
        answers = press_all(self.live.origin, presses)
        assert [len(group) for group in answers] == [press.times for press in presses], "answers were lost"
        failed = [answer for group in answers for answer in group if max(answer.statuses) >= 500]
        assert not failed, f"{len(failed)} server errors: {failed[0]}"
        db.session.rollback()
        return answers

    def letters(self) -> int:
        return len(list((self.live.folder / "mail").glob("*.eml")))

    def is_delivered(self) -> bool:
        """Whether no message waits for the worker."""
        db.session.rollback()
        return queries().scalar(select(func.count()).where(Message.delivered_at.is_(None))) == 0

    def settle(self) -> None:
        """Wait until the worker has delivered everything; then every number explains itself."""
        eventually(self.is_delivered, "every message to be delivered", within=150)
        db.session.rollback()
        assert list(faults()) == []

    def kept(self, shopper: Press) -> Counter[str]:
        """Units by SKU that are in a shopper's cart now."""
        token = session_of(self.app, shopper.cookie)["cart"]
        return Counter({line.sku: line.quantity for line in cart.quote(token).lines})

    def bought(self, shopper: Press) -> Counter[str]:
        """Units by SKU of a shopper's order; of none when the order was refused."""
        checkout = session_of(self.app, shopper.cookie)["checkout"]
        rows = select(Item.sku, Item.quantity).join(Order, Order.id == Item.order_id)
        paid = rows.where(Order.checkout_id == checkout, Order.status != OrderStatus.CANCELLED)
        return Counter({row.sku: row.quantity for row in queries().execute(paid)})


@contextmanager
def open_hall(engine: str, folder: Path, **settings: str) -> Iterator[Hall]:
    """:param settings: environment variables of the shop"""
    with live_shop(engine, folder, workers=2, threads=8, SECRET_KEY=SECRET, **settings) as live:
        known = {"SECRET_KEY": SECRET, "PUBLIC_ORIGIN": live.origin}
        with shop_at(live.database_url, folder, **known) as app:
            yield Hall(live, app)
