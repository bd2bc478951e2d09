"""A live shop for load tests: two server processes and a worker, with access to its databases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from flask import Flask
from sqlalchemy import func, select

from storefront.accounts import service as accounts
from storefront.accounts.values import Account
from storefront.cart import service as cart
from storefront.catalog.values import ProductCard
from storefront.cli.consistency import violations
from storefront.db.session import db, read_session
from storefront.orders.models import Item, Message, Order
from storefront.orders.values import OrderStatus
from tests.api.order_payloads import save_address
from tests.factories.accounts import make_account
from tests.factories.shopping import make_cart, make_draft
from tests.isolated_shop import shop_at
from tests.live_server import LiveShop, eventually, live_shop
from tests.proofs.load_clients import (
    Answer,
    Call,
    Press,
    Reply,
    call_all,
    cookie_of,
    press_all,
    press_and_call_all,
    session_of,
)

ORDER_FORM = "form.checkout-submit__form"
PAYMENTS = ("cod", "sandbox-success")
SECRET = "only-for-tests"

Record = Callable[[str, object], None]


def report(record: Record, answers: Sequence[Answer | Reply], description: str) -> None:
    """Record and print the response times of a run; `pytest -rP` shows them."""
    seconds = sorted(answer.seconds for answer in answers)
    text = f"{description}; {len(answers)} answers, median {median(seconds):.2f} s, slowest {seconds[-1]:.2f} s"
    record("figures", text)
    print(text)


def guest_cookie(app: Flask, **session: Any) -> str:
    """Make the cookie of a guest's session, with the record behind it."""
    return cookie_of(app, guest=accounts.open_guest_session(), **session)


@dataclass(frozen=True)
class Customer:
    """A customer who orders by the API.

    :ivar address: id of an address in the address book
    """

    account: Account
    token: str
    address: int

    def orders(self, bodies: Sequence[dict[str, Any]], key: str = "") -> Call:
        """Requests to /api/orders/, one for each body."""
        return Call(self.token, "/api/orders/", [json.dumps(body) for body in bodies], key)

    def check_out(self, times: int = 1, key: str = "", method: str = "card") -> Call:
        """Requests to /checkout for the customer's cart."""
        query = f"userId={self.account.id}&addressId={self.address}&shipping=STANDARD&method={method}"
        return Call(self.token, f"/checkout?{query}", [""] * times, key)

    @property
    def cart_units(self) -> Counter[str]:
        """Units by SKU that are in the cart now."""
        return Counter({line.sku: line.quantity for line in cart.quote(cart.cart_key_of(self.account.id)).lines})


@dataclass(frozen=True)
class LoadShop:
    """A live shop, and an application that reads its databases."""

    live: LiveShop
    app: Flask

    def shopper(self, *goods: tuple[ProductCard, int], payment: str = "cod") -> Press:
        """Make a guest with products in the cart.

        :return: pressing "Place order" on the review page
        """
        token = make_cart(*goods)
        draft = make_draft(token, payment=payment, email=f"{uuid4().hex}@example.com")  # of few e-mails each
        return Press(guest_cookie(self.app, cart=token, checkout=draft.id), "/checkout/review", ORDER_FORM)

    def press(self, presses: list[Press]) -> list[list[Answer]]:
        """Press all buttons at once; assert that every answer arrives and none is a server error."""
        db.session.rollback()
        answers = press_all(self.live.origin, presses)
        assert [len(group) for group in answers] == [press.times for press in presses], "answers were lost"
        failed = [answer for group in answers for answer in group if max(answer.statuses) >= 500]
        assert not failed, f"{len(failed)} server errors: {failed[0]}"
        db.session.rollback()
        return answers

    def customer(self, *goods: tuple[ProductCard, int]) -> Customer:
        """Make an account with a token, a saved address and products in the cart."""
        account = make_account()
        person, _ = accounts.find_session(accounts.open_session(account.id, "a program")) or (None, False)
        assert person is not None
        for product, units in goods:
            cart.add_line(cart.cart_key_of(account.id), product.sku, units)
        return Customer(account, accounts.issue_token(person), save_address(account).id)

    def call(self, calls: list[Call]) -> list[list[Reply]]:
        """Send all requests at once; assert that every reply arrives and none is a server error."""
        db.session.rollback()
        replies = call_all(self.live.origin, calls)
        assert [len(group) for group in replies] == [len(call.bodies) for call in calls], "replies were lost"
        failed = [reply for group in replies for reply in group if reply.status >= 500]
        assert not failed, f"{len(failed)} server errors: {failed[0]}"
        db.session.rollback()
        return replies

    def device(self, customer: Customer, payment: str, tabs: int = 1) -> Press:
        """Sign a customer in on one more device, where they have reached the review page.

        :return: pressing "Place order" there, in each tab
        """
        token = cart.cart_key_of(customer.account.id)
        reference = accounts.open_session(customer.account.id, "a browser")
        cookie = cookie_of(self.app, _user_id=reference, checkout=make_draft(token, payment=payment).id)
        return Press(cookie, "/checkout/review", ORDER_FORM, tabs)

    def press_and_call(self, presses: list[Press], calls: list[Call]) -> tuple[list[list[Answer]], list[list[Reply]]]:
        """Press buttons and send requests at once; assert that none is a server error."""
        db.session.rollback()
        answers, replies = press_and_call_all(self.live.origin, presses, calls)
        failed = [answer for group in answers for answer in group if max(answer.statuses) >= 500]
        refused = [reply for group in replies for reply in group if reply.status >= 500]
        assert not failed, f"{len(failed)} server errors: {failed[0]}"
        assert not refused, f"{len(refused)} server errors: {refused[0]}"
        db.session.rollback()
        return answers, replies

    def order_emails(self) -> int:
        """Number of e-mails about orders that were sent to customers."""
        return len(list((self.live.folder / "mail").glob("order-*.eml")))

    def is_delivered(self) -> bool:
        """Whether the outbox has no undelivered message."""
        db.session.rollback()
        return read_session().scalar(select(func.count()).where(Message.delivered_at.is_(None))) == 0

    def settle(self) -> None:
        """Wait until the worker has delivered everything, then assert consistency."""
        eventually(self.is_delivered, "every message to be delivered", within=150)
        db.session.rollback()
        assert list(violations()) == []

    def cart_units(self, shopper: Press) -> Counter[str]:
        """Units by SKU in a guest's cart."""
        token = session_of(self.app, shopper.cookie)["cart"]
        return Counter({line.sku: line.quantity for line in cart.quote(token).lines})

    def ordered_units(self, shopper: Press) -> Counter[str]:
        """Units by SKU of a guest's order; empty if it was refused."""
        checkout = session_of(self.app, shopper.cookie)["checkout"]
        rows = select(Item.sku, Item.quantity).join(Order, Order.id == Item.order_id)
        paid = rows.where(Order.checkout_id == checkout, Order.status != OrderStatus.CANCELLED)
        return Counter({row.sku: row.quantity for row in read_session().execute(paid)})


@contextmanager
def open_load_shop(engine: str, folder: Path, **settings: str) -> Iterator[LoadShop]:
    """Run the demo shop with two server processes.

    :param settings: environment variables of the shop
    """
    with live_shop(engine, folder, workers=2, threads=8, SECRET_KEY=SECRET, **settings) as live:
        shared = {"SECRET_KEY": SECRET, "PUBLIC_ORIGIN": live.origin}
        with shop_at(live.database_url, folder, **shared) as app:
            yield LoadShop(live, app)
