"""The cart by API, with the requests that the legacy client sends."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts.values import Role
from storefront.cart import service as cart
from storefront.cart.models import Cart
from storefront.catalog.models import Product
from storefront.catalog.values import ProductCard
from storefront.db.session import db, read_session, transaction
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import signed_in
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.fakes import Clock

ORIGIN = "http://localhost:9090"


class Shopper:
    """A signed-in customer on a page of the legacy client."""

    def __init__(self, app: Flask) -> None:
        self.api, self.account = signed_in(app)
        self.path = f"/cart/{self.account.id}"

    def add(self, product: ProductCard | int, quantity: Any = 1, *, at: str = "", **rest: Any) -> Any:
        """Add units of a product to the cart.

        :param at: path of the page that sends the request
        """
        headers = self.api.headers | ({"Referer": ORIGIN + at} if at else {})
        number = product if isinstance(product, int) else product.id
        query = {"productId": str(number), "quantity": str(quantity)} | rest.pop("query", {})
        return self.api.post(f"{self.path}/items", query_string=query, headers=headers, **rest)

    def cart(self) -> dict[str, Any]:
        answer = self.api.get(self.path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def units(self) -> list[int]:
        return [item["quantity"] for item in self.cart()["items"]]


@pytest.fixture
def shopper(app: Flask) -> Shopper:
    return Shopper(app)


def withdraw(product: ProductCard) -> None:
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == product.id).values(active=False))


# ------------------------------------------------------------------------------------------------ reading


def test_the_first_read_creates_an_empty_cart(shopper: Shopper) -> None:
    first = shopper.cart()
    assert (first["userId"], first["items"]) == (shopper.account.id, [])
    assert first["updatedAt"].endswith("Z")
    assert shopper.cart()["id"] == first["id"]


def test_a_cart_shows_its_lines_at_current_prices(shopper: Shopper) -> None:
    mug = make_product(name="Clay Mug", price="349.50", stock=9)
    answer = shopper.add(mug, 2)
    assert answer.headers["Cache-Control"] == "no-store"
    (line,) = answer.json["items"]
    assert line == {
        "id": line["id"],
        "productId": mug.id,
        "quantity": 2,
        "variant": None,
        "name": "Clay Mug",
        "unitPrice": 349.5,
        "lineTotal": 699.0,
        "available": True,
    }


def test_a_product_off_sale_stays_in_the_cart_as_unavailable(shopper: Shopper) -> None:
    mug = make_product()
    shopper.add(mug)
    withdraw(mug)
    (line,) = shopper.cart()["items"]
    assert line["available"] is False
    assert_refused(shopper.api.get(f"/api/products/{mug.id}"), 404, "PRODUCT_NOT_FOUND")
    answer = shopper.api.send("DELETE", f"{shopper.path}/items/{line['id']}")
    assert answer.json["items"] == []


def test_the_api_and_the_pages_share_the_cart(shopper: Shopper) -> None:
    mug = make_product()
    cart.add_line(cart.cart_key_of(shopper.account.id), mug.sku, 3)
    assert shopper.units() == [3]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_anonymous_callers_and_other_accounts_are_refused(app: Flask, api: Api, method: str) -> None:
    theirs = make_account()
    path = f"/cart/{theirs.id}" + {"GET": "", "POST": "/items?productId=1&quantity=1"}.get(
        method, "/items/1?quantity=1"
    )
    refused = api.send(method, path)
    assert_refused(refused, 401, "UNAUTHENTICATED")
    assert "Location" not in refused.headers
    stranger, _ = signed_in(app)
    assert_refused(stranger.send(method, path), 403, "FORBIDDEN")


def test_staff_can_read_carts_of_existing_accounts(app: Flask) -> None:
    staff, shopper = Api(app).with_token(make_staff(Role.ORDER_STAFF)), Shopper(app)
    shopper.add(make_product(), 2)
    assert staff.get(shopper.path).json["items"][0]["quantity"] == 2
    assert_refused(staff.get("/cart/999999"), 404, "USER_NOT_FOUND")
    db.session.rollback()
    assert read_session().scalar(sa.select(Cart.id).where(Cart.user_id == 999_999)) is None


def test_an_expired_session_cookie_answers_401(shopper: Shopper, now: Clock) -> None:
    now.advance(hours=25)
    refused = shopper.api.get(shopper.path)
    assert_refused(refused, 401, "UNAUTHENTICATED")
    assert "Location" not in refused.headers


# ------------------------------------------------------------------------------------------------ adding


@pytest.mark.parametrize(
    "sent",
    [{}, {"data": "{}", "content_type": "text/plain"}, {"json": {}}, {"data": "{", "content_type": "application/json"}],
    ids=["no body", "text", "JSON", "no JSON"],
)
def test_a_request_body_is_ignored(shopper: Shopper, sent: dict[str, Any]) -> None:
    assert shopper.add(make_product(), 2, **sent).json["items"][0]["quantity"] == 2


def test_a_product_added_twice_is_one_line(shopper: Shopper) -> None:
    mug = make_product(stock=9)
    shopper.add(mug, 2)
    assert [item["quantity"] for item in shopper.add(mug, 3).json["items"]] == [5]


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "abc", "", "1e2", "\u0661"])
def test_a_quantity_must_be_a_positive_whole_number(shopper: Shopper, quantity: str) -> None:
    assert_refused(shopper.add(make_product(), quantity), 400, "VALIDATION_ERROR")
    assert shopper.units() == []


@pytest.mark.parametrize("query", [{"productId": ""}, {"productId": "NaN"}, {"productId": "0"}, {"quantity": " "}])
def test_missing_parameters_are_named(shopper: Shopper, query: dict[str, str]) -> None:
    error = assert_refused(shopper.add(make_product(), 1, query=query), 400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in error["details"]] == [*query]


def test_a_product_off_sale_is_not_added(shopper: Shopper) -> None:
    mug = make_product()
    withdraw(mug)
    assert_refused(shopper.add(mug), 404, "PRODUCT_NOT_FOUND")
    assert_refused(shopper.add(999_999), 404, "PRODUCT_NOT_FOUND")
    assert shopper.units() == []


@pytest.mark.parametrize("quantity", [3, 100, 10**9])
def test_a_line_cannot_exceed_the_stock(shopper: Shopper, quantity: int) -> None:
    mug = make_product(stock=4)
    shopper.add(mug, 2)
    assert_refused(shopper.add(mug, quantity), 409, "INSUFFICIENT_STOCK")
    assert shopper.units() == [2]


def test_a_sold_out_product_is_refused(shopper: Shopper) -> None:
    error = assert_refused(shopper.add(make_product(stock=0)), 409, "INSUFFICIENT_STOCK")
    assert error["message"] == "Sold out"


# ---------------------------------------------------------------------------------------------- variants


@pytest.fixture
def shoe(app: Flask) -> ProductCard:
    return make_product(name="Shoe", options=(("S", 2), ("M", 5), ("L", 0)))


def variants(shopper: Shopper) -> list[tuple[str, int]]:
    return [(item["variant"], item["quantity"]) for item in shopper.cart()["items"]]


@pytest.mark.parametrize("name", ["m", "M", "{sku}-M"])
def test_a_variant_is_chosen_by_name_or_sku(shopper: Shopper, shoe: ProductCard, name: str) -> None:
    shopper.add(shoe, 1, query={"variant": name.format(sku=shoe.sku)})
    assert variants(shopper) == [("M", 1)]


def test_an_unknown_variant_is_not_found(shopper: Shopper, shoe: ProductCard) -> None:
    assert_refused(shopper.add(shoe, 1, query={"variant": "XXL"}), 404, "PRODUCT_NOT_FOUND")


def test_without_a_variant_the_one_in_the_cart_is_used(shopper: Shopper, shoe: ProductCard) -> None:
    shopper.add(shoe, 1, query={"variant": "M"})
    shopper.add(shoe, 1)
    assert variants(shopper) == [("M", 2)]


def test_units_are_spread_over_variants_if_one_has_too_few(shopper: Shopper, shoe: ProductCard) -> None:
    shopper.add(shoe, 2)
    assert variants(shopper) == [("S", 2)]
    shopper.add(shoe, 3)
    assert variants(shopper) == [("S", 2), ("M", 3)]
    assert_refused(shopper.add(shoe, 3), 409, "INSUFFICIENT_STOCK")
    assert variants(shopper) == [("S", 2), ("M", 3)]
    shopper.add(shoe, 2)
    assert variants(shopper) == [("S", 2), ("M", 5)]


# ---------------------------------------------------------------------------------------------- changing


def line_of(shopper: Shopper) -> str:
    return f"{shopper.path}/items/{shopper.cart()['items'][0]['id']}"


def test_the_quantity_of_a_line_is_set(shopper: Shopper) -> None:
    shopper.add(make_product(stock=9), 2)
    answer = shopper.api.put(f"{line_of(shopper)}?quantity=5", json={})
    assert [item["quantity"] for item in answer.json["items"]] == [5]


def test_a_quantity_of_zero_removes_the_line(shopper: Shopper) -> None:
    shopper.add(make_product(), 2)
    assert shopper.api.put(f"{line_of(shopper)}?quantity=0", json={}).json["items"] == []


@pytest.mark.parametrize(
    ("quantity", "status", "code"),
    [("-1", 400, "VALIDATION_ERROR"), ("x", 400, "VALIDATION_ERROR"), ("5", 409, "INSUFFICIENT_STOCK")],
)
def test_an_invalid_quantity_is_refused(shopper: Shopper, quantity: str, status: int, code: str) -> None:
    shopper.add(make_product(stock=4), 2)
    assert_refused(shopper.api.put(f"{line_of(shopper)}?quantity={quantity}"), status, code)
    assert shopper.units() == [2]


@pytest.mark.parametrize("quantity", ["0", "1"])
def test_a_line_of_another_cart_is_unknown(app: Flask, quantity: str) -> None:
    mine, theirs = Shopper(app), Shopper(app)
    theirs.add(make_product(), 2)
    number = theirs.cart()["items"][0]["id"]
    for line in (number, 0, 999_999):
        refused = mine.api.put(f"{mine.path}/items/{line}?quantity={quantity}")
        assert_refused(refused, 404, "CART_ITEM_NOT_FOUND")
    assert theirs.units() == [2]


def test_removing_a_line_twice_is_no_error(shopper: Shopper) -> None:
    shopper.add(make_product(), 2)
    line = line_of(shopper)
    assert [shopper.api.send("DELETE", line).status_code for _ in range(2)] == [200, 200]
    assert shopper.units() == []


def test_removing_another_carts_line_removes_nothing(app: Flask) -> None:
    mine, theirs = Shopper(app), Shopper(app)
    theirs.add(make_product(), 2)
    number = theirs.cart()["items"][0]["id"]
    answer = mine.api.send("DELETE", f"{mine.path}/items/{number}")
    assert (answer.status_code, answer.json["items"]) == (200, [])
    assert theirs.units() == [2]


def test_a_change_updates_the_carts_timestamp(shopper: Shopper, now: Clock) -> None:
    moments = [shopper.cart()["updatedAt"]]
    for act in ("POST", "PUT", "DELETE"):
        now.advance(minutes=1)
        if act == "POST":
            shopper.add(make_product(stock=9), 2)
        else:
            shopper.api.send(act, f"{line_of(shopper)}?quantity=3")
        moments.append(shopper.cart()["updatedAt"])
    assert moments == sorted(set(moments))


# ------------------------------------------------------------------------------------------------- price


def test_the_price_equals_that_of_the_pages(shopper: Shopper) -> None:
    shopper.add(make_product(price=599))
    assert shopper.api.get(f"{shopper.path}/price").json == {
        "subtotal": 599.0,
        "tax": 107.82,
        "shipping": 500.0,
        "discount": 0.0,
        "grandTotal": 1206.82,
        "currency": "INR",
    }


def test_an_empty_cart_costs_nothing(shopper: Shopper) -> None:
    price = shopper.api.get(f"{shopper.path}/price").json
    assert {name: amount for name, amount in price.items() if name != "currency"} == dict.fromkeys(
        ("subtotal", "tax", "shipping", "discount", "grandTotal"), 0.0
    )
