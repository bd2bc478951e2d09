"""Reading orders by API, and placing orders in the legacy services' format."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import order_body, prices, save_address, signed_in, written
from tests.api.test_orders import place
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.fakes import Clock
from tests.page_client import counted_selects

# ------------------------------------------------------------------------------------------------ reading


def test_an_order_can_be_read_by_its_owner_and_by_staff(app: Flask, api: Api) -> None:
    mine, _ = signed_in(app)
    order = place(mine, order_body((make_product(), 1)))
    path = f"/api/orders/{order['id']}"
    assert mine.get(path).json == order
    assert mine.get(path + "/").json == order
    assert Api(app).with_token(make_staff(Role.ORDER_STAFF)).get(path).json == order
    assert_refused(api.get(path), 401, "UNAUTHENTICATED")
    stranger, _ = signed_in(app)
    for gone in (path, f"{path}/track", "/api/orders/ORD-1", "/api/orders/create", f"/api/orders/{'x' * 50}"):
        assert_refused(stranger.get(gone), 404, "ORDER_NOT_FOUND")


@pytest.mark.parametrize("path", ["/api/orders/user/{}", "/users/{}/orders"])
def test_orders_are_listed_newest_first(app: Flask, api: Api, now: Clock, path: str) -> None:
    mine, account = signed_in(app)
    mine_path = path.format(account.id)
    assert mine.get(mine_path).json == []
    placed = []
    for number in range(3):
        placed.append(place(mine, order_body((make_product(), 1), (make_product(), 2), id=f"ORD-{number}")))
        now.advance(minutes=1)
    place(signed_in(app)[0], order_body((make_product(), 1)))
    answer = mine.get(mine_path)
    assert answer.json == placed[::-1]
    assert answer.headers["Cache-Control"] == "no-store"
    assert {order["status"] for order in answer.json} == {"confirmed"}
    assert_refused(api.get(mine_path), 401, "UNAUTHENTICATED")
    assert_refused(signed_in(app)[0].get(mine_path), 403, "FORBIDDEN")
    assert Api(app).with_token(make_staff()).get(mine_path).json == placed[::-1]


def test_many_orders_take_no_more_selects_than_one(app: Flask) -> None:
    mine, account = signed_in(app)
    counts = []
    for number in range(3):
        place(mine, order_body((make_product(), 1), id=f"ORD-{number}"))
        with counted_selects() as counter:
            mine.get(f"/api/orders/user/{account.id}")
        counts.append(counter["selects"])
    assert counts == [5, 5, 5]  # the session, orders, items, timelines, payments


def test_a_guests_order_is_seen_by_staff_only(app: Flask) -> None:
    order = make_order((make_product(), 1))
    staff = Api(app).with_token(make_staff(Role.ORDER_STAFF))
    assert staff.get(f"/api/orders/{order.id}").json["userId"] == 0
    assert_refused(signed_in(app)[0].get(f"/api/orders/{order.id}"), 404, "ORDER_NOT_FOUND")


def test_tracking_shows_the_status_history(app: Flask, now: Clock) -> None:
    mine, _ = signed_in(app)
    order = place(mine, order_body((make_product(), 1)))
    now.advance(hours=1)
    orders.advance(order["id"], OrderStatus.PROCESSING, by="the shop")
    orders.set_tracking(order["id"], "AWB-1", by="the shop")
    told = mine.get(f"/api/orders/{order['id']}/track").json
    assert told["statusHistory"] == [
        {"status": "pending", "at": "2026-11-22T12:00:00.000Z"},
        {"status": "confirmed", "at": "2026-11-22T12:00:00.000Z"},
        {"status": "processing", "at": "2026-11-22T13:00:00.000Z"},
    ]
    assert told["trackingNumber"] == "AWB-1"
    assert told.keys() - {"statusHistory"} == order.keys()


# ------------------------------------------------------------------------------------- in the legacy format


def test_an_order_in_the_legacy_format(app: Flask) -> None:
    mug = make_product(price=599, stock=5)
    api, account = signed_in(app)
    first, second = save_address(account), save_address(account, city="Nashik")
    body: dict[str, Any] = {"userId": account.id, "items": [{"productId": mug.id, "quantity": 1}]}
    answer = api.post("/api/orders/create", json=body)
    assert answer.status_code == 200, answer.text
    order = answer.json
    assert order == {
        "id": order["id"],
        "orderId": order["id"],
        "dbId": order["dbId"],
        "status": "CONFIRMED",
        "totalAmount": 1206.82,
        "total": 1206.82,
        "orderDate": "2026-11-22T12:00:00.000Z",
        "date": "2026-11-22T12:00:00.000Z",
    }
    full = api.get(f"/api/orders/{order['id']}").json
    assert (full["paymentType"], full["shippingCity"]) == ("cod", first.where.city)
    body["items"][0]["quantity"] = 2
    named = body | {"addressId": second.id, "paymentMethod": "UPI", "shippingOption": "standard", "amount": 1913.64}
    full = api.get(f"/api/orders/{api.post('/api/orders/create', json=named).json['id']}").json
    assert (full["paymentType"], full["shippingCity"], full["total"]) == ("upi", "Nashik", 1913.64)


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"addressId": 999_999}, 404, "ADDRESS_NOT_FOUND"),
        ({"shippingOption": "EXPRESS"}, 400, "VALIDATION_ERROR"),
        ({"paymentMethod": "gold"}, 400, "VALIDATION_ERROR"),
        ({"amount": 1}, 409, "PRICE_CHANGED"),
        ({"items": []}, 400, "VALIDATION_ERROR"),
        ({"items": [{"productId": 999_999, "quantity": 1}]}, 400, "UNKNOWN_PRODUCT"),
        ({"userId": 1}, 403, "FORBIDDEN"),
    ],
)
def test_an_invalid_order_in_the_legacy_format_is_refused(
    app: Flask, changed: dict[str, Any], status: int, code: str
) -> None:
    make_account()
    api, account = signed_in(app)
    save_address(account)
    body = {"userId": account.id, "items": [{"productId": make_product().id, "quantity": 1}]}
    before = written()
    assert_refused(api.post("/api/orders/create", json=body | changed), status, code)
    assert written() == before


def test_a_legacy_order_needs_an_address(app: Flask) -> None:
    api, account = signed_in(app)
    body = {"userId": account.id, "items": [{"productId": make_product().id, "quantity": 1}]}
    assert_refused(api.post("/api/orders/create", json=body), 400, "VALIDATION_ERROR")
    theirs = save_address(make_account())
    assert_refused(api.post("/api/orders/create", json=body | {"addressId": theirs.id}), 404, "ADDRESS_NOT_FOUND")


def test_the_tests_calculate_amounts_as_the_client_does() -> None:
    assert prices((134999.0, 1))["total"] == 159298.82
    assert prices((0.25, 1))["tax"] == 0.04  # half a paisa, in doubles
