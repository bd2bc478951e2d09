"""A live shop as crowds find it: two server processes, a worker, and a look into its databases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.service import Account
from storefront.cart import service as cart
from storefront.catalog.service import ProductCard
from storefront.cli.consistency import violations
from storefront.db.session import db, read_session
from storefront.orders.models import Item, Message, Order
from storefront.orders.service import OrderStatus
from tests.api.order_payloads import save_address
from tests.factories.accounts import make_account
from tests.factories.shopping import make_cart, make_draft
from tests.isolated_shop import shop_at
from tests.live_server import LiveShop, eventually, live_shop
from tests.proofs.load_clients import Answer, Call, Press, Reply, call_all, cookie_of, press_all, session_of

ORDER_FORM = "form.checkout-submit__form"
PAYMENTS = ("cod", "sandbox-success")
SECRET = "only-for-tests"

Record = Callable[[str, object], None]


def report(record: Record, answers: Sequence[Answer | Reply], what: str) -> None:
    """Keep the figures of a run: pytest -rP shows them."""
    seconds = sorted(answer.seconds for answer in answers)
    text = f"{what}; {len(answers)} answers, median {median(seconds):.2f} s, slowest {seconds[-1]:.2f} s"
    record("figures", text)
    print(text)


@dataclass(frozen=True)
class Customer:
    """Somebody who orders by the API.

    :ivar address: id of one in their book
    """

    account: Account
    token: str
    address: int

    def orders(self, bodies: Sequence[dict[str, Any]], key: str = "") -> Call:
        """These orders, sent to /api/orders/."""
        return Call(self.token, "/api/orders/", [json.dumps(body) for body in bodies], key)

    def check_out(self, times: int = 1, key: str = "", method: str = "card") -> Call:
        """The cart, sent to /checkout so many times."""
        query = f"userId={self.account.id}&addressId={self.address}&shipping=STANDARD&method={method}"
        return Call(self.token, f"/checkout?{query}", [""] * times, key)

    @property
    def kept(self) -> Counter[str]:
        """Units by SKU that are in the cart now."""
        return Counter({line.sku: line.quantity for line in cart.quote(cart.cart_key_of(self.account.id)).lines})


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

    def customer(self, *goods: tuple[ProductCard, int]) -> Customer:
        """Somebody with an account and a token, an address in the book and goods in the cart."""
        account = make_account()
        person, _ = accounts.find_session(accounts.open_session(account.id, "a program")) or (None, False)
        assert person is not None
        for product, units in goods:
            cart.add_line(cart.cart_key_of(account.id), product.sku, units)
        return Customer(account, accounts.issue_token(person), save_address(account).id)

    def call(self, calls: list[Call]) -> list[list[Reply]]:
        """Send all at once. No reply is lost, none is an error of the server."""
        db.session.rollback()
        replies = call_all(self.live.origin, calls)
        assert [len(group) for group in replies] == [len(call.bodies) for call in calls], "replies were lost"
        failed = [reply for group in replies for reply in group if reply.status >= 500]
        assert not failed, f"{len(failed)} server errors: {failed[0]}"
        db.session.rollback()
        return replies

    def letters(self) -> int:
        """Letters about orders that were sent; those to the staff are none."""
        return len(list((self.live.folder / "mail").glob("order-*.eml")))

    def is_delivered(self) -> bool:
        """Whether no message waits for the worker."""
        db.session.rollback()
        return read_session().scalar(select(func.count()).where(Message.delivered_at.is_(None))) == 0

    def settle(self) -> None:
        """Wait until the worker has delivered everything; then every number explains itself."""
        eventually(self.is_delivered, "every message to be delivered", within=150)
        db.session.rollback()
        assert list(violations()) == []

    def kept(self, shopper: Press) -> Counter[str]:
        """Units by SKU that are in a shopper's cart now."""
        token = session_of(self.app, shopper.cookie)["cart"]
        return Counter({line.sku: line.quantity for line in cart.quote(token).lines})

    def bought(self, shopper: Press) -> Counter[str]:
        """Units by SKU of a shopper's order; of none when the order was refused."""
        checkout = session_of(self.app, shopper.cookie)["checkout"]
        rows = select(Item.sku, Item.quantity).join(Order, Order.id == Item.order_id)
        paid = rows.where(Order.checkout_id == checkout, Order.status != OrderStatus.CANCELLED)
        return Counter({row.sku: row.quantity for row in read_session().execute(paid)})


@contextmanager
def open_hall(engine: str, folder: Path, **settings: str) -> Iterator[Hall]:
    """:param settings: environment variables of the shop"""
    with live_shop(engine, folder, workers=2, threads=8, SECRET_KEY=SECRET, **settings) as live:
        known = {"SECRET_KEY": SECRET, "PUBLIC_ORIGIN": live.origin}
        with shop_at(live.database_url, folder, **known) as app:
            yield Hall(live, app)
