"""The legacy services' checkout, which orders the contents of the cart; and the payments of orders."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.values import Role
from storefront.cart import service as cart
from storefront.catalog.values import ProductCard
from storefront.worker import tasks
from tests import consistency
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import order_body, save_address, signed_in, written
from tests.api.test_orders import place
from tests.consistency import Stock
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.fakes import Clock


class Shopper:
    """A customer with products in the cart and a saved address."""

    def __init__(self, app: Flask, *goods: tuple[ProductCard, int]) -> None:
        self.api, self.account = signed_in(app)
        self.token = cart.cart_key_of(self.account.id)
        self.address = save_address(self.account)
        for product, units in goods:
            cart.add_line(self.token, product.sku, units)

    def check_out(self, *, key: str = "", **changed: object) -> Any:
        query = {"userId": self.account.id, "addressId": self.address.id, "shipping": "STANDARD", "method": "cod"}
        query |= changed
        headers = self.api.headers | ({"Idempotency-Key": key} if key else {})
        given = {name: value for name, value in query.items() if value is not None}
        return self.api.post("/checkout", query_string=given, json={}, headers=headers)

    def order(self, answer: Any) -> dict[str, Any]:
        assert answer.status_code == 200, answer.text
        return dict(self.api.get(f"/api/orders/{answer.json['order']['id']}").json)


def test_the_contents_of_the_cart_are_ordered_and_removed(app: Flask) -> None:
    mug, pot = make_product(price=599, stock=5), make_product(price=400, stock=5)
    shopper = Shopper(app, (mug, 1), (pot, 2))
    answer = shopper.check_out()
    assert answer.status_code == 200, answer.text
    body = answer.json
    assert body["message"] == "Order placed successfully!"
    assert body["payment"]["status"] == "pending"
    assert body["payment"]["intentId"] == "pi_" + body["payment"]["paymentId"].replace("-", "")
    assert body["order"]["status"] == "CONFIRMED"
    assert body["order"]["total"] == body["order"]["totalAmount"] == 2150.82
    order = shopper.order(answer)
    assert [(item["productId"], item["quantity"]) for item in order["items"]] == [(mug.id, 1), (pot.id, 2)]
    assert order["shippingCity"] == "Pune"
    assert cart.quote(shopper.token).lines == ()
    assert consistency.stock_of(pot.sku) == Stock(on_hand=3, reserved=0)


def test_the_variants_in_the_cart_are_ordered(app: Flask) -> None:
    shoe = make_product(name="Shoe", options=(("S", 5), ("M", 5)))
    shopper = Shopper(app)
    for option, units in (("M", 1), ("S", 2)):
        cart.add_product(shopper.token, shoe.id, units, variant=option)
    items = shopper.order(shopper.check_out())["items"]
    assert [(item["productName"], item["quantity"]) for item in items] == [("Shoe, M", 1), ("Shoe, S", 2)]


@pytest.mark.parametrize(
    ("method", "status", "details"),
    [
        ("card", "confirmed", "Card"),
        ("UPI", "confirmed", "UPI"),
        ("cod", "pending", "Cash on Delivery"),
        ("Bnpl", "pending", "Buy Now Pay Later - Klarna"),
    ],
)
def test_the_order_is_paid_by_the_given_method(app: Flask, method: str, status: str, details: str) -> None:
    shopper = Shopper(app, (make_product(), 1))
    answer = shopper.check_out(method=method, shipping="standard")
    assert answer.json["payment"]["status"] == status
    assert shopper.order(answer)["paymentDetails"] == details


def test_the_order_is_paid_by_the_saved_method(app: Flask) -> None:
    shopper = Shopper(app, (make_product(), 1))
    accounts.add_method(shopper.account.id, "BNPL", "Affirm")
    accounts.add_method(shopper.account.id, "VISA", "card_1705314600000_1111")
    saved = accounts.add_method(shopper.account.id, "VISA", "card_1705314600000_4242")
    accounts.set_default_method(shopper.account.id, saved.id)
    assert shopper.order(shopper.check_out(method="card"))["paymentDetails"] == "**** **** **** 4242"
    cart.add_line(shopper.token, make_product().sku, 1)
    assert shopper.order(shopper.check_out(method="bnpl"))["paymentProvider"] == "Affirm"


def test_a_repeated_key_returns_the_same_order_although_the_cart_is_empty(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    shopper = Shopper(app, (mug, 2))
    first = shopper.check_out(key="k")
    now.advance(hours=1)
    assert shopper.check_out(key="k").json == first.json
    cart.add_line(shopper.token, mug.sku, 1)
    assert shopper.check_out(key="k").json == first.json
    assert_refused(shopper.check_out(key="k", method="upi"), 422, "IDEMPOTENCY_KEY_REUSED")
    assert consistency.stock_of(mug.sku) == Stock(on_hand=3, reserved=0)
    assert shopper.check_out(key="l").json["order"]["id"] != first.json["order"]["id"]


def test_a_double_click_is_one_order(app: Flask, now: Clock) -> None:
    shopper = Shopper(app, (make_product(), 2))
    first = shopper.check_out()
    now.advance(seconds=9)
    assert shopper.check_out().json == first.json
    assert_refused(shopper.check_out(method="upi"), 409, "CART_EMPTY")
    now.advance(seconds=2)
    assert_refused(shopper.check_out(), 409, "CART_EMPTY")


def test_another_cart_is_another_order(app: Flask) -> None:
    mug = make_product(stock=9)
    shopper = Shopper(app, (mug, 2))
    first = shopper.check_out()
    cart.add_line(shopper.token, mug.sku, 3)
    assert shopper.check_out().json["order"]["id"] != first.json["order"]["id"]


def test_an_order_that_is_still_being_placed_is_not_placed_again(
    app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its items stay in the cart until it is complete."""
    mug = make_product(stock=9)
    shopper = Shopper(app, (mug, 2))
    with monkeypatch.context() as slow:
        slow.setattr("storefront.checkout.one_request.RUNNER_TIMEOUT", 0)
        slow.setattr("storefront.checkout.saga.resume", lambda checkout: False)
        assert_refused(shopper.check_out(), 409, "ORDER_IN_PROGRESS")
        now.advance(minutes=1)
        assert_refused(shopper.check_out(), 409, "ORDER_IN_PROGRESS")
    before = written()
    assert shopper.check_out().status_code == 200
    assert written()["checkouts"] == before["checkouts"]
    assert consistency.stock_of(mug.sku) == Stock(on_hand=7, reserved=0)


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"method": "gold"}, 400, "VALIDATION_ERROR"),
        ({"method": None}, 400, "VALIDATION_ERROR"),
        ({"shipping": "EXPRESS"}, 400, "VALIDATION_ERROR"),
        ({"addressId": None}, 400, "VALIDATION_ERROR"),
        ({"addressId": "x"}, 400, "VALIDATION_ERROR"),
        ({"addressId": 999_999}, 404, "ADDRESS_NOT_FOUND"),
        ({"userId": None}, 400, "VALIDATION_ERROR"),
        ({"userId": 999_999}, 403, "FORBIDDEN"),
    ],
)
def test_an_invalid_checkout_is_refused(app: Flask, changed: dict[str, object], status: int, code: str) -> None:
    shopper, before = Shopper(app, (make_product(), 1)), written()
    assert_refused(shopper.check_out(**changed), status, code)
    assert written() == before
    assert cart.quote(shopper.token).unit_count == 1


def test_another_accounts_address_is_unknown(app: Flask) -> None:
    shopper, theirs = Shopper(app, (make_product(), 1)), save_address(make_account())
    assert_refused(shopper.check_out(addressId=theirs.id), 404, "ADDRESS_NOT_FOUND")


def test_an_address_without_a_name_uses_the_accounts_name(app: Flask) -> None:
    shopper = Shopper(app, (make_product(), 1))
    nameless = save_address(shopper.account, full_name="")
    order = shopper.order(shopper.check_out(addressId=nameless.id))
    assert order["shippingFullName"] == shopper.account.name
    again = {
        "userId": shopper.account.id,
        "addressId": nameless.id,
        "items": [{"productId": make_product().id, "quantity": 1}],
    }
    placed = shopper.api.post("/api/orders/create", json=again).json
    assert shopper.api.get(f"/api/orders/{placed['id']}").json["shippingFullName"] == shopper.account.name


def test_an_anonymous_checkout_is_refused(app: Flask, api: Api) -> None:
    assert_refused(api.post("/checkout?userId=1&addressId=1&method=cod"), 401, "UNAUTHENTICATED")


def test_a_sold_out_product_is_named_and_the_cart_is_kept(app: Flask) -> None:
    mug = make_product(name="Clay Mug", stock=2)
    shopper = Shopper(app, (mug, 2))
    make_order((mug, 1))
    error = assert_refused(shopper.check_out(), 409, "INSUFFICIENT_STOCK")
    assert "Clay Mug" in error["message"]
    assert cart.quote(shopper.token).unit_count == 2


def test_an_empty_cart_cannot_be_ordered(app: Flask) -> None:
    assert_refused(Shopper(app).check_out(), 409, "CART_EMPTY")


# ---------------------------------------------------------------------------------------------- payments


@pytest.mark.parametrize(("kind", "status"), [("cod", "SUCCESS"), ("card", "SUCCESS"), ("bnpl", "PENDING")])
def test_an_order_is_paid_once(app: Flask, kind: str, status: str) -> None:
    api, _ = signed_in(app)
    method = {"type": kind, "cardNumber": "4242", "bnplProvider": "Klarna"}
    order = place(api, order_body((make_product(price=599), 1), paymentMethod=method))
    body = {"orderId": order["id"], "amount": 1206.82, "paymentMethod": kind.upper()}
    payment = api.post("/api/payments", json=body).json
    assert payment == {
        "id": payment["id"],
        "paymentId": payment["paymentId"],
        "orderId": order["id"],
        "amount": 1206.82,
        "paymentMethod": kind.upper(),
        "status": status,
        "paymentDate": "2026-11-22T12:00:00.000Z",
    }
    for again in (body, body | {"paymentMethod": "WALLET"}, body | {"amount": None}):
        assert api.post("/api/payments/", json=again).json == payment


def test_a_payment_that_does_not_match_the_order_is_refused(app: Flask, api: Api) -> None:
    mine, _ = signed_in(app)
    order = place(mine, order_body((make_product(price=599), 1)))
    body = {"orderId": order["id"], "amount": 1206.82, "paymentMethod": "COD"}
    for amount in (1206.81, 1206.83, 1, 0, -1206.82):
        assert_refused(mine.post("/api/payments", json=body | {"amount": amount}), 409, "AMOUNT_MISMATCH")
    for wrong in ({"paymentMethod": "GOLD"}, {"paymentMethod": None}, {"amount": "1206.82"}, {"orderId": ""}):
        assert_refused(mine.post("/api/payments", json=body | wrong), 400, "VALIDATION_ERROR")
    assert_refused(mine.post("/api/payments", json=body | {"orderId": "ORD-1"}), 404, "ORDER_NOT_FOUND")
    assert_refused(signed_in(app)[0].post("/api/payments", json=body), 404, "ORDER_NOT_FOUND")
    assert_refused(api.post("/api/payments", json=body), 401, "UNAUTHENTICATED")
    staff = Api(app).with_token(make_staff(Role.ORDER_STAFF))
    assert staff.post("/api/payments", json=body).status_code == 200


def test_the_payment_of_a_cancelled_order_failed(app: Flask) -> None:
    api, _ = signed_in(app)
    order = place(api, order_body((make_product(), 1)))
    api.send("DELETE", f"/api/orders/{order['id']}")
    with app.test_request_context():
        tasks.deliver_outboxes()
    answer = api.post("/api/payments", json={"orderId": order["id"], "paymentMethod": "COD"})
    assert answer.json["status"] == "FAILED"
