"""Tampered orders: every one is refused with a JSON error, and nothing is written."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from storefront.cart import service as cart
from tests import consistency
from tests.api.client import Api
from tests.api.order_payloads import ADDRESS, Body, order_body, signed_in, written
from tests.consistency import Stock
from tests.factories.catalog import make_product

Meddle = Callable[[Body], None]


def put(*path: str | int, value: Any) -> Meddle:
    """Make a function that replaces the value at a path of an order."""

    def tamper(body: Body) -> None:
        place: Any = body
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return tamper


def drop(*path: str | int) -> Meddle:
    def tamper(body: Body) -> None:
        place: Any = body
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return tamper


TAMPERED: dict[str, Meddle] = {
    # what it costs
    "a total of one rupee": put("total", value=1),
    "a total of nothing": put("total", value=0),
    "a total below nothing": put("total", value=-1206.82),
    "a total just too low": put("total", value=1089.94),
    "a total in text": put("total", value="1090"),
    "a total that is true": put("total", value=True),
    "a total that is a list": put("total", value=[1090]),
    "a total beyond all bounds": put("total", value=10**400),
    "a discount and the total for it": lambda body: body.update(discount=400, total=690),
    "no shipping and the total for it": lambda body: body.update(shipping=0, total=590),
    "no tax and the total for it": lambda body: body.update(tax=0, total=1000),
    "a cheaper price and the sums for it": lambda body: (
        body["items"][0].update(price=1, total=1),
        body.update(subtotal=1, tax=0.18, total=501.18),
    )[0],
    "a price in text": put("items", 0, "price", value="500"),
    "a discount in text": put("discount", value="free"),
    # how much
    "no units": put("items", 0, "quantity", value=0),
    "units below nothing": put("items", 0, "quantity", value=-1),
    "half a unit": put("items", 0, "quantity", value=0.5),
    "one unit and a bit": put("items", 0, "quantity", value=1.0000001),
    "units in text": put("items", 0, "quantity", value="2"),
    "units that are true": put("items", 0, "quantity", value=True),
    "units that are null": put("items", 0, "quantity", value=None),
    "units beyond all bounds": put("items", 0, "quantity", value=10**30),
    "more units than there are": put("items", 0, "quantity", value=6),
    "more units than fit a column": put("items", 0, "quantity", value=2**63),
    "no quantity": drop("items", 0, "quantity"),
    "units that make up for others": lambda body: body["items"].append({"productId": 1, "quantity": -1}),
    # of what
    "no items": put("items", value=[]),
    "items that are null": put("items", value=None),
    "items that are an object": put("items", value={"productId": 1, "quantity": 1}),
    "an item that is a number": put("items", 0, value=1),
    "no member items": drop("items"),
    "a hundred and one items": lambda body: body.update(items=body["items"] * 101),
    "a product that is none": put("items", 0, "productId", value=999_999),
    "a product below nothing": put("items", 0, "productId", value=-1),
    "product nought": put("items", 0, "productId", value=0),
    "a product in text": put("items", 0, "productId", value="1"),
    "a product that is true": put("items", 0, "productId", value=True),
    "a product beyond all bounds": put("items", 0, "productId", value=2**64),
    # where to
    "no address": drop("shippingAddress"),
    "an address that is null": put("shippingAddress", value=None),
    "an address that is a number": put("shippingAddress", value=11),
    "a blank address": put(
        "shippingAddress", value=dict.fromkeys(ADDRESS, "") | {"country": "India", "isDefault": False}
    ),
    "an address of blanks": put("shippingAddress", "addressLine1", value="   "),
    "no city": drop("shippingAddress", "city"),
    "no code": drop("shippingAddress", "zipCode"),
    "a city that is a list": put("shippingAddress", "city", value=["Pune"]),
    "a line without end": put("shippingAddress", "addressLine1", value="x" * 501),
    "a name without end": put("shippingAddress", "fullName", value="x" * 256),
    "a name with a null in it": put("shippingAddress", "fullName", value="Asha\0Rao"),
    # how it is paid
    "no payment": drop("paymentMethod"),
    "a payment of no kind": drop("paymentMethod", "type"),
    "a payment of another kind": put("paymentMethod", "type", value="gold"),
    "a lender that is none": put("paymentMethod", value={"type": "bnpl", "bnplProvider": "My uncle"}),
    "a card number beside its place": put("paymentMethod", "number", value="4242 4242 4242 4242"),
    # by whom
    "somebody else": put("userId", value=1),
    "somebody else as the customer": put("customerId", value=1),
    "somebody in text": put("userId", value="1"),
    "an id that is a number": put("id", value=5),
    "an id without end": put("id", value="x" * 256),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_tampered_order_is_refused_and_nothing_is_written(app: Flask, how: str) -> None:
    mug = make_product(price=500, stock=5)
    api, account = signed_in(app)
    cart.add_line(cart.cart_key_of(account.id), mug.sku, 1)
    body = copy.deepcopy(order_body((mug, 1)))
    TAMPERED[how](body)
    before = written()
    assert_nothing_came_of_it(api.post("/api/orders/", json=body))
    assert written() == before
    assert consistency.stock_of(mug.sku) == Stock(on_hand=5, reserved=0)
    assert cart.quote(cart.cart_key_of(account.id)).unit_count == 1


RAW = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "null": b"null",
    "text": b'"order"',
    "NaN": b'{"items":[{"productId":1,"quantity":NaN}],"total":NaN}',
    "deep": b'{"items":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "half a surrogate": json.dumps(order_body()).replace("Asha", "\\ud800").encode(),
    "no UTF-8": b'{"id":"\xff\xfe"}',
}


@pytest.mark.parametrize("how", RAW)
def test_a_body_that_is_no_order_is_refused(app: Flask, how: str) -> None:
    api, _ = signed_in(app)
    before = written()
    assert_nothing_came_of_it(api.post("/api/orders/", data=RAW[how], content_type="application/json"))
    assert written() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_another_content_type_is_refused(app: Flask, kind: str | None) -> None:
    api, _ = signed_in(app)
    answer = api.post("/api/orders/", data=json.dumps(order_body((make_product(), 1))), content_type=kind)
    assert (answer.status_code, answer.json["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def assert_nothing_came_of_it(answer: Any) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.mimetype == "application/json"
    assert answer.json["status"] == "error"
    assert answer.json["message"]
    assert "Traceback" not in answer.text


def test_the_untampered_order_is_accepted(app: Flask) -> None:
    mug = make_product(price=500, stock=5)
    assert signed_in(app)[0].post("/api/orders/", json=order_body((mug, 1))).status_code == 200


def test_there_are_enough_tampered_orders(api: Api) -> None:
    assert len(TAMPERED) + len(RAW) >= 50
