"""Placing orders by API as the legacy client does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from storefront.accounts.values import Account, Role
from storefront.cart import service as cart
from storefront.catalog.values import ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutId, CheckoutState, Failure, Outcome
from tests import consistency
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import ADDRESS, order_body, signed_in, written
from tests.consistency import Stock
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.fakes import Clock

pytestmark = pytest.mark.both_engines

Body = dict[str, Any]


def place(api: Api, body: Body, **rest: Any) -> Body:
    answer = api.post("/api/orders/", json=body, **rest)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


# ------------------------------------------------------------------------------------------------ placing


def as_answered(mug: ProductCard, account: Account, order: Body) -> Body:
    """The expected response of an order of one mug.

    :param order: the actual response, for generated ids
    """
    return {
        **placed_by(account, order),
        **delivered_to(),
        "items": [
            {
                "id": order["items"][0]["id"],
                "productId": mug.id,
                "productName": "Clay Mug",
                "productImage": "http://localhost:9090/api/products/image/placeholder",
                "quantity": 1,
                "price": 599.0,
                "total": 599.0,
            }
        ],
        "subtotal": 599.0,
        "shipping": 500.0,
        "tax": 107.82,
        "discount": 0.0,
        "total": 1206.82,
        "totalAmount": 1206.82,
        "currency": "INR",
        "paymentMethod": {
            "id": None,
            "type": "cod",
            "cardNumber": None,
            "cardHolder": None,
            "upiId": None,
            "bnplProvider": None,
            "isDefault": False,
        },
        "paymentStatus": "PENDING",
        "paymentType": "cod",
        "paymentDetails": "Cash on Delivery",
        "paymentProvider": "",
    }


def placed_by(account: Account, order: Body) -> Body:
    return {
        "id": order["id"],
        "orderId": order["id"],
        "dbId": order["dbId"],
        "userId": account.id,
        "customerId": account.id,
        "customerEmail": account.email,
        "date": "2026-11-22T12:00:00.000Z",
        "orderDate": "2026-11-22T12:00:00.000Z",
        "status": "confirmed",
    }


def delivered_to() -> Body:
    return {
        "shippingAddress": {
            "id": None,
            "fullName": "Asha Rao",
            "phone": "+91 98765 43210",
            "addressLine1": "12 Lake Road",
            "addressLine2": "",
            "city": "Pune",
            "state": "Maharashtra",
            "zipCode": "411001",
            "country": "India",
            "line1": "12 Lake Road",
            "line2": "",
            "postalCode": "411001",
            "isDefault": False,
        },
        "trackingNumber": "",
        "estimatedDelivery": "2026-11-29",
        "shippingFullName": "Asha Rao",
        "shippingPhone": "+91 98765 43210",
        "shippingAddressLine1": "12 Lake Road",
        "shippingAddressLine2": "",
        "shippingCity": "Pune",
        "shippingState": "Maharashtra",
        "shippingZipCode": "411001",
        "shippingCountry": "India",
    }


@pytest.mark.parametrize("path", ["/api/orders/", "/api/orders"])
def test_an_order_is_answered_as_it_is_stored(app: Flask, path: str) -> None:
    mug = make_product(name="Clay Mug", price=599, stock=5)
    api, account = signed_in(app)
    answer = api.post(path, json=order_body((mug, 1)))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r"ORD-[0-9]{12}", answer.json["id"])
    assert answer.json == as_answered(mug, account, answer.json)
    assert consistency.stock_of(mug.sku) == Stock(on_hand=4, reserved=0)


def test_an_items_image_has_an_absolute_url(app: Flask) -> None:
    api, _ = signed_in(app)
    body = order_body((make_product(), 1))
    body["items"] = [{"productId": 1, "quantity": 1}]
    del body["total"]
    (item,) = place(api, body)["items"]
    assert item["productImage"].startswith("http://localhost:9090/")
    with api.get(item["productImage"].removeprefix("http://localhost:9090")) as picture:
        assert (picture.status_code, picture.mimetype[:6]) == (200, "image/")


def test_the_items_of_the_body_are_ordered_and_leave_the_cart(app: Flask) -> None:
    mug, pot = make_product(stock=9), make_product(stock=9)
    api, account = signed_in(app)
    token = cart.cart_key_of(account.id)
    cart.add_line(token, mug.sku, 5)
    cart.add_line(token, pot.sku, 1)
    bowl = make_product(stock=9)
    order = place(api, order_body((mug, 2), (bowl, 1)))
    assert [(item["productId"], item["quantity"]) for item in order["items"]] == [(mug.id, 2), (bowl.id, 1)]
    assert [line.sku for line in cart.quote(token).lines] == [pot.sku]


def test_a_product_named_twice_is_one_line(app: Flask) -> None:
    mug = make_product(stock=9)
    order = place(signed_in(app)[0], order_body((mug, 2), (mug, 1)))
    assert [(item["productId"], item["quantity"]) for item in order["items"]] == [(mug.id, 3)]


def test_variants_in_the_cart_are_ordered(app: Flask) -> None:
    shoe = make_product(name="Shoe", options=(("S", 5), ("M", 5)))
    api, account = signed_in(app)
    for option, units in (("M", 1), ("S", 2)):
        api.post(f"/cart/{account.id}/items?productId={shoe.id}&quantity={units}&variant={option}")
    order = place(api, order_body((shoe, 1), (shoe, 2)))
    assert [(item["productName"], item["quantity"]) for item in order["items"]] == [("Shoe, M", 1), ("Shoe, S", 2)]


@pytest.mark.parametrize("changed", [{}, {"total": None}, {"total": ""}])
def test_prices_of_the_request_are_ignored(app: Flask, changed: dict[str, Any]) -> None:
    mug = make_product(price=599, stock=5)
    body = order_body((mug, 1), subtotal=0, shipping=0, tax=0, discount=599, **changed)
    body["items"][0] |= {"price": 0, "total": 0}
    if changed.get("total") == "":
        assert_refused(signed_in(app)[0].post("/api/orders/", json=body), 400, "VALIDATION_ERROR")
    else:
        assert place(signed_in(app)[0], body)["total"] == 1206.82


def test_amounts_are_optional(app: Flask) -> None:
    body = order_body((make_product(price=599), 1))
    for name in ("subtotal", "shipping", "tax", "discount", "total", "date", "status", "trackingNumber"):
        del body[name]
    assert place(signed_in(app)[0], body)["total"] == 1206.82


@pytest.mark.parametrize(("less", "is_taken"), [(0.01, True), (0.05, True), (0.06, False), (-1000, True)])
def test_a_total_may_be_a_little_less_than_it_costs(app: Flask, less: float, is_taken: bool) -> None:
    api, _ = signed_in(app)
    body = order_body((make_product(price=599), 1), total=round(1206.82 - less, 2))
    if is_taken:
        assert place(api, body)["total"] == 1206.82
    else:
        error = assert_refused(api.post("/api/orders/", json=body), 409, "PRICE_CHANGED")
        assert "1206.82" in error["message"]


@pytest.mark.parametrize(
    ("price", "units", "shipping", "tax", "total"),
    [
        ("50000", 1, 500.0, 9000.0, 59500.0),
        ("50000.01", 1, 0.0, 9000.0, 59000.01),
        ("49999.99", 1, 500.0, 9000.0, 59499.99),
        ("134999", 1, 0.0, 24299.82, 159298.82),
        ("0.25", 1, 500.0, 0.05, 500.30),
        ("10.25", 1, 500.0, 1.85, 512.10),
        ("0.07", 25, 500.0, 0.32, 502.07),
    ],
)
def test_amounts_are_those_of_the_contract(
    app: Flask, price: str, units: int, shipping: float, tax: float, total: float
) -> None:
    order = place(signed_in(app)[0], order_body((make_product(price=price, stock=99), units)))
    assert (order["shipping"], order["tax"], order["total"]) == (shipping, tax, total)


@pytest.mark.parametrize("price", ["0.25", "10.25", "33.35", "1.15", "1119.75", "8.325", "999.95", "12345.65"])
def test_a_client_that_calculates_with_doubles_is_never_refused(app: Flask, price: str) -> None:
    """If 18 % tax ends in half a paisa, doubles may give 0.01 less than decimals."""
    place(signed_in(app)[0], order_body((make_product(price=price, stock=99), 3)))


# ------------------------------------------------------------------------------------- idempotency


def test_the_same_id_is_the_same_order(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    api, _ = signed_in(app)
    first = place(api, order_body((mug, 2)))
    now.advance(hours=2)
    assert place(api, order_body((mug, 2)))["id"] == first["id"]
    assert consistency.stock_of(mug.sku) == Stock(on_hand=3, reserved=0)


def test_a_double_click_under_two_ids_is_one_order(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    api, _ = signed_in(app)
    first = place(api, order_body((mug, 2), id="ORD-1"))
    now.advance(seconds=9)
    assert place(api, order_body((mug, 2), id="ORD-2"))["id"] == first["id"]
    now.advance(seconds=2)
    assert place(api, order_body((mug, 2), id="ORD-3"))["id"] != first["id"]


def test_the_idempotency_header_takes_precedence_over_the_id(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    api, _ = signed_in(app)
    keyed = api.headers | {"Idempotency-Key": "k" * 255}
    first = place(api, order_body((mug, 2), id="ORD-1"), headers=keyed)
    now.advance(hours=2)
    assert place(api, order_body((mug, 2), id="ORD-2"), headers=keyed)["id"] == first["id"]
    assert place(api, order_body((mug, 2), id="ORD-1"))["id"] != first["id"]
    refused = api.post("/api/orders/", json=order_body((mug, 1)), headers=api.headers | {"Idempotency-Key": "k" * 256})
    assert_refused(refused, 400, "VALIDATION_ERROR")


def test_a_key_used_for_another_order_is_refused(app: Flask) -> None:
    mug = make_product(stock=5)
    api, _ = signed_in(app)
    place(api, order_body((mug, 2)))
    before = written()
    elsewhere = order_body((mug, 2), total=None, shippingAddress=ADDRESS | {"city": "Nashik"})
    for other in (order_body((mug, 1)), elsewhere):
        assert_refused(api.post("/api/orders/", json=other), 422, "IDEMPOTENCY_KEY_REUSED")
    assert written() == before


def test_the_same_id_of_another_customer_is_another_order(app: Flask) -> None:
    mug = make_product(stock=5)
    mine, theirs = (place(signed_in(app)[0], order_body((mug, 1))) for _ in range(2))
    assert mine["id"] != theirs["id"]


# ------------------------------------------------------------------------------------------- refused orders


def test_an_order_above_the_stock_is_refused_and_nothing_is_written(app: Flask) -> None:
    mug, pot = make_product(name="Mug", stock=9), make_product(name="Pot", stock=3)
    api, account = signed_in(app)
    cart.add_line(cart.cart_key_of(account.id), pot.sku, 3)
    before = written()
    refused = api.post("/api/orders/", json=order_body((mug, 1), (pot, 2), (pot, 2)))
    error = assert_refused(refused, 409, "INSUFFICIENT_STOCK")
    assert "Pot" in error["message"]
    assert written() == before
    assert consistency.stock_of(mug.sku) == Stock(on_hand=9, reserved=0)
    assert cart.quote(cart.cart_key_of(account.id)).unit_count == 3


def test_more_units_than_a_cart_allows_are_refused(app: Flask) -> None:
    refused = signed_in(app)[0].post("/api/orders/", json=order_body((make_product(stock=500), 100)))
    assert_refused(refused, 409, "INSUFFICIENT_STOCK")


def test_a_product_off_sale_cannot_be_ordered(app: Flask) -> None:
    body = order_body((make_product(), 1), total=None)
    body["items"].append({"productId": 999_999, "quantity": 1})
    assert_refused(signed_in(app)[0].post("/api/orders/", json=body), 400, "UNKNOWN_PRODUCT")


@pytest.mark.parametrize(
    ("state", "failure", "detail", "status", "code"),
    [
        (CheckoutState.RUNNING, None, "", 409, "ORDER_IN_PROGRESS"),
        (CheckoutState.UNDOING, Failure.DECLINED, "No", 409, "ORDER_IN_PROGRESS"),
        (CheckoutState.FAILED, Failure.SOLD_OUT, "Mug", 409, "INSUFFICIENT_STOCK"),
        (CheckoutState.FAILED, Failure.DECLINED, "The bank declined the card", 409, "PAYMENT_DECLINED"),
        (CheckoutState.FAILED, Failure.UNAVAILABLE, "The shop could not", 409, "ORDER_NOT_COMPLETED"),
    ],
)
def test_a_checkout_without_an_order_reports_its_outcome(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    state: CheckoutState,
    failure: Failure | None,
    detail: str,
    status: int,
    code: str,
) -> None:
    api, _ = signed_in(app)
    outcome = Outcome(CheckoutId("c"), state, None, None, failure, detail)
    monkeypatch.setattr(checkout, "place_direct_order", lambda token, order: outcome)
    refused = api.post("/api/orders/", json=order_body((make_product(), 1)))
    error = assert_refused(refused, status, code)
    is_under_way = state is not CheckoutState.FAILED
    assert detail in error["message"] or is_under_way
    assert ("Retry-After" in refused.headers) == is_under_way


def test_anonymous_orders_and_orders_for_other_customers_are_refused(app: Flask, api: Api) -> None:
    body = order_body((make_product(), 1))
    assert_refused(api.post("/api/orders/", json=body), 401, "UNAUTHENTICATED")
    mine, account = signed_in(app)
    other = make_account()
    for named in ({"userId": other.id}, {"customerId": other.id}, {"userId": account.id, "customerId": other.id}):
        assert_refused(mine.post("/api/orders/", json=body | named), 403, "FORBIDDEN")
    assert place(mine, body | {"userId": account.id, "customerId": account.id})["userId"] == account.id


def test_staff_can_order_for_a_customer(app: Flask) -> None:
    staff, other = Api(app).with_token(make_staff(Role.ORDER_STAFF)), make_account()
    order = place(staff, order_body((make_product(), 1), userId=other.id))
    assert (order["userId"], order["customerEmail"]) == (other.id, other.email)
    two = order_body((make_product(), 1), userId=other.id, customerId=make_account().id)
    assert_refused(staff.post("/api/orders/", json=two), 400, "VALIDATION_ERROR")
    nobody = order_body((make_product(), 1), userId=999_999)
    assert_refused(staff.post("/api/orders/", json=nobody), 404, "USER_NOT_FOUND")


def test_an_account_without_an_email_address_can_order(app: Flask) -> None:
    api, _ = signed_in(app, make_account(email=None, phone="+919876543210"))
    order = place(api, order_body((make_product(), 1), shippingAddress=ADDRESS | {"phone": ""}))
    assert (order["customerEmail"], order["shippingPhone"]) == (None, "+919876543210")


def test_a_large_unpaid_order_of_an_unproved_account_waits_for_staff(app: Flask) -> None:
    """A6: one request by cash on delivery ordered the whole shop and was confirmed."""
    mug = make_product(price=100, stock=200)
    for account, status, left in ((make_account(verified=False), "pending", 200), (make_account(), "confirmed", 149)):
        client = Api(app).with_token(account)
        body = order_body((mug, 51))
        order = place(client, body)
        assert (order["status"], order["paymentStatus"]) == (status, "PENDING")
        assert place(client, body)["orderId"] == order["orderId"]
        assert consistency.stock_of(mug.sku) == Stock(on_hand=left, reserved=0)
