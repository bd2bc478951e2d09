"""The cart sync of the legacy client, which sends its local cart repeatedly: docs/decisions/0011."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.api.cart import SYNC_PERIOD
from storefront.cart import service as cart
from tests.api.test_cart import ORIGIN, Shopper
from tests.factories.catalog import make_product
from tests.fakes import Clock

pytestmark = pytest.mark.both_engines

WITHOUT_BUTTON = ["/app/profile", "/app/profile?tab=orders", "/app/checkout", "/app/payment", "/app/cart", "/app/cart/"]


@pytest.mark.parametrize("page", WITHOUT_BUTTON)
def test_a_request_from_a_page_without_the_button_is_a_sync(app: Flask, now: Clock, page: str) -> None:
    shopper, mug = Shopper(app), make_product(stock=20)
    cart.add_line(cart.cart_key_of(shopper.account.id), mug.sku, 2)
    now.advance(hours=1)
    for quantity, held in ((2, 2), (1, 2), (3, 3)):
        assert shopper.add(mug, quantity, at=page).status_code == 200
        assert shopper.units() == [held]


@pytest.mark.parametrize("page", ["", "/app/products", "/app/product/5", "/app/login", "/product/1", "/app/profile/x"])
def test_requests_from_other_pages_add_units(app: Flask, page: str) -> None:
    shopper, mug = Shopper(app), make_product(stock=20)
    shopper.add(mug, 2, at=page)
    shopper.add(mug, 2, at=page)
    assert shopper.units() == [4]


def test_a_page_of_another_origin_is_no_page_of_the_client(app: Flask) -> None:
    shopper, mug = Shopper(app), make_product(stock=20)
    for _ in range(2):
        headers = shopper.api.headers | {"Referer": "http://elsewhere.example/app/profile"}
        shopper.api.post(f"{shopper.path}/items?productId={mug.id}&quantity=2", headers=headers)
    assert shopper.units() == [4]


def test_the_guest_cart_is_merged_once_when_the_profile_is_opened(app: Flask, now: Clock) -> None:
    shopper, goods = Shopper(app), [make_product(stock=20), make_product(stock=20)]
    for page in ("/app/profile", "/app/", "/app/profile"):  # in whatever order they arrive
        for product in goods:
            shopper.add(product, 2, at=page)
        now.advance(seconds=1)
    assert shopper.units() == [2, 2]


def test_a_request_from_home_just_after_login_is_a_sync(app: Flask, now: Clock) -> None:
    shopper, mug = Shopper(app), make_product(stock=20)
    shopper.add(mug, 2, at="/app/")
    now.advance(seconds=SYNC_PERIOD.total_seconds())
    shopper.add(mug, 2, at="/app/")
    assert shopper.units() == [2]


def test_a_later_request_from_home_adds_units(app: Flask, now: Clock) -> None:
    shopper, mug = Shopper(app), make_product(stock=20)
    shopper.add(mug, 2, at="/app/")
    now.advance(seconds=SYNC_PERIOD.total_seconds() + 0.001)
    shopper.add(mug, 1, at="/app/")
    assert shopper.units() == [3]


def test_lines_older_than_the_login_are_not_part_of_the_sync(app: Flask, now: Clock) -> None:
    """The client syncs only if the shop's cart is empty, so this request is the button's."""
    before, mug = Shopper(app), make_product(stock=20)
    before.add(mug, 2)
    now.advance(minutes=1)
    before.api = before.api.with_cookie(before.account)
    before.add(mug, 1, at="/app/")
    assert before.units() == [3]


def test_a_request_with_a_token_is_never_a_sync(app: Flask) -> None:
    shopper, mug = Shopper(app), make_product(stock=20)
    shopper.api = shopper.api.with_token(shopper.account)
    shopper.add(mug, 2, at="/app/profile")
    shopper.add(mug, 2, at="/app/profile")
    assert shopper.units() == [4]


def test_a_sync_does_not_spread_units_over_variants_again(app: Flask) -> None:
    shopper, shoe = Shopper(app), make_product(options=(("S", 2), ("M", 3)))
    for quantity, held in ((4, [2, 2]), (4, [2, 2]), (5, [2, 3])):
        shopper.add(shoe, quantity, at="/app/profile")
        assert shopper.units() == held


def test_a_synced_variant_is_added_once(app: Flask) -> None:
    shopper, shoe = Shopper(app), make_product(options=(("S", 2), ("M", 5)))
    for _ in range(2):
        shopper.add(shoe, 2, at="/app/cart", query={"variant": "M"})
    assert [(item["variant"], item["quantity"]) for item in shopper.cart()["items"]] == [("M", 2)]


def test_the_clients_pages_send_the_referrer(app: Flask) -> None:
    """Browsers send the path in the Referer header only if the policy allows it."""
    policy = Shopper(app).api.get("/").headers["Referrer-Policy"]
    assert policy == "strict-origin-when-cross-origin"
    assert app.config["PUBLIC_ORIGIN"] == ORIGIN
