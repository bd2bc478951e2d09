"""Concurrent requests, as the legacy client sends them: with real commits, on databases of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts.values import Account
from storefront.cart.models import Cart
from storefront.db.session import read_session
from tests import consistency
from tests.api.client import Api
from tests.api.order_payloads import order_body, save_address, signed_in
from tests.conftest import ENGINES
from tests.consistency import Stock
from tests.factories.catalog import make_product
from tests.isolated_shop import at_once, own_shop

REFERER = {"Referer": "http://localhost:9090/app/profile"}


@pytest.fixture(scope="module", params=ENGINES)
def busy_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with own_shop(request.param, tmp_path_factory.mktemp("busy")) as app:
        yield app


@pytest.fixture
def busy(busy_shop: Flask) -> Iterator[Flask]:
    with busy_shop.app_context():
        yield busy_shop


def tab(app: Flask, account: Account) -> Api:
    """Another browser tab of an account."""
    return signed_in(app, account)[0]


def send_all(app: Flask, requests: list[Callable[[], TestResponse]]) -> list[TestResponse]:
    answers = at_once(app, requests)
    broken = [answer for answer in answers if isinstance(answer, Exception)]
    assert not broken, broken
    return [answer for answer in answers if not isinstance(answer, Exception)]


def test_three_concurrent_first_reads_create_one_cart(busy: Flask) -> None:
    _, account = signed_in(busy)
    tabs = [tab(busy, account) for _ in range(3)]
    path = f"/cart/{account.id}"
    answers = send_all(busy, [lambda each=each: each.get(path) for each in tabs])
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.json["id"] for answer in answers}) == 1
    assert read_session().scalar(sa.select(sa.func.count()).where(Cart.user_id == account.id)) == 1


def add_all(app: Flask, times: int, **headers: str) -> list[int]:
    """Send the same POST several times at once to a cart that does not exist yet.

    :return: the quantities of its lines afterwards
    """
    _, account = signed_in(app)
    path = f"/cart/{account.id}/items?productId={make_product(stock=50).id}&quantity=2"
    tabs = [tab(app, account) for _ in range(times)]
    requests = [lambda each=each: each.post(path, headers=each.headers | headers) for each in tabs]
    assert [answer.status_code for answer in send_all(app, requests)] == [200] * times
    return [item["quantity"] for item in tabs[0].get(f"/cart/{account.id}").json["items"]]


def test_concurrent_additions_are_one_line_with_the_sum(busy: Flask) -> None:
    assert add_all(busy, 4) == [8]


def test_concurrent_syncs_are_one_line_with_the_synced_quantity(busy: Flask) -> None:
    assert add_all(busy, 4, **REFERER) == [2]


def order_all(app: Flask, orders: list[tuple[Account, dict[str, Any]]]) -> list[TestResponse]:
    tabs = [(tab(app, account), body) for account, body in orders]
    requests = [lambda each=each, body=body: each.post("/api/orders/", json=body) for each, body in tabs]
    return send_all(app, requests)


def test_of_two_orders_for_the_last_unit_one_is_refused(busy: Flask) -> None:
    mug = make_product(stock=1)
    buyers = [signed_in(busy)[1] for _ in range(2)]
    answers = order_all(busy, [(buyer, order_body((mug, 1))) for buyer in buyers])
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 1}
    assert {answer.json["error"]["code"] for answer in answers if answer.status_code == 409} == {"INSUFFICIENT_STOCK"}
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)


@pytest.mark.parametrize("ids", [("ORD-1", "ORD-2"), ("ORD-1", "ORD-1")], ids=["two ids", "one id"])
def test_both_requests_of_a_double_click_get_the_same_order(busy: Flask, ids: tuple[str, str]) -> None:
    mug = make_product(stock=2)
    _, buyer = signed_in(busy)
    answers = order_all(busy, [(buyer, order_body((mug, 2), id=identity)) for identity in ids])
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert consistency.stock_of(mug.sku) == Stock(on_hand=0, reserved=0)


def test_two_concurrent_checkouts_of_a_cart_are_one_order(busy: Flask) -> None:
    mug = make_product(stock=9)
    shopper, account = signed_in(busy)
    shopper.post(f"/cart/{account.id}/items?productId={mug.id}&quantity=2")
    path = f"/checkout?userId={account.id}&addressId={save_address(account).id}&method=card"
    tabs = [tab(busy, account) for _ in range(4)]
    answers = send_all(busy, [lambda each=each: each.post(path) for each in tabs])
    assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
    assert len({answer.json["order"]["id"] for answer in answers}) == 1
    assert consistency.stock_of(mug.sku) == Stock(on_hand=7, reserved=0)
