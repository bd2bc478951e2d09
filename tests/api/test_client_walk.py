"""The flows of the legacy client, call by call: contract section 4."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, UserId
from storefront.cart import service as cart
from storefront.catalog.models import Product
from storefront.db.session import db, transaction
from tests.accounts.sign_ups import EMAIL, PASSWORD
from tests.api.client import assert_refused
from tests.api.legacy_client import NEW_ON_THE_SPOT, LegacyClient, as_sent_with_an_order
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.mailbox import Mailbox


@pytest.fixture
def client(app: Flask) -> LegacyClient:
    """A browser with the client, not logged in."""
    return LegacyClient(app)


@pytest.fixture
def member(client: LegacyClient) -> LegacyClient:
    """A browser with the client, logged in."""
    assert client.log_in(str(make_account(name="Asha Rao").email), PASSWORD)
    return client


def server_cart(client: LegacyClient) -> dict[int, int]:
    db.session.rollback()
    lines = cart.quote(cart.cart_key_of(UserId(client.uid))).lines
    return {line.offer.product_id: line.quantity for line in lines}


def holder_of(client: LegacyClient) -> Account:
    return accounts.get_account(UserId(client.uid))


# ------------------------------------------------------------------------------------------ 4.1 to 4.3


def test_a_guest_browses(client: LegacyClient) -> None:
    home, again = client.products(), client.products()
    assert home == again
    assert len(home) > 60
    assert {"Electronics", "Books", "Home & Living"} <= {product["categories"][0] for product in home}
    for product in home[:9]:
        assert client.product(product["id"]) is not None
        for url in product["imageUrls"]:
            shown = client.send("GET", url.removeprefix("http://localhost:9090"))
            assert shown.status_code == 200
            shown.close()
    for nothing in ("NaN", "0", "999999"):
        assert client.product(nothing) is None


def test_a_visitor_signs_up_and_logs_in(client: LegacyClient, mailbox: Mailbox) -> None:
    user = client.register(EMAIL)
    assert user is not None
    assert client.register(EMAIL.upper()) == user
    code = mailbox.code_for(EMAIL)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert client.enter_code(user, EMAIL, wrong, PASSWORD) == [400]
    assert client.enter_code(user, EMAIL, code, PASSWORD) == [200, 200]
    assert not client.log_in(EMAIL, "wrong password")
    assert client.user is None
    assert client.log_in(EMAIL, PASSWORD)
    assert client.user is not None
    assert (client.uid, client.user["name"], client.user["email"]) == (user, None, EMAIL)
    assert client.register(EMAIL) is None


@pytest.mark.parametrize("fault", ["no letter", "short password"])
def test_an_interrupted_sign_up_continues(client: LegacyClient, mailbox: Mailbox, fault: str, now: Clock) -> None:
    user = client.register(EMAIL)
    assert user is not None
    if fault == "short password":
        assert client.enter_code(user, EMAIL, mailbox.code_for(EMAIL), "short") == [200, 400]
    now.advance(minutes=2)
    assert client.register(EMAIL) == user
    assert client.enter_code(user, EMAIL, mailbox.code_for(EMAIL), PASSWORD) == [200, 200]


# ------------------------------------------------------------------------------------------ 4.4 and 4.5


def test_the_guest_cart_is_sent_after_login(client: LegacyClient) -> None:
    mug, lamp = make_product(stock=9).id, make_product(stock=9).id
    client.add(mug, 2)
    client.add(lamp)
    assert client.log_in(str(make_account().email), PASSWORD)
    assert server_cart(client) == {mug: 2, lamp: 1}
    assert client.lines == {}
    assert len(client.load_cart()) == 2
    assert set(client.lines) == {mug, lamp}


def test_the_servers_cart_takes_precedence(client: LegacyClient) -> None:
    account, mug, lamp = make_account(), make_product(stock=9), make_product(stock=9).id
    cart.add_line(cart.cart_key_of(account.id), mug.sku, 3)
    client.add(lamp)
    assert client.log_in(str(account.email), PASSWORD)
    assert client.cart == {mug.id: 3} == server_cart(client)


def test_a_cart_is_edited(member: LegacyClient) -> None:
    mug, lamp = make_product(stock=9).id, make_product(stock=9).id
    member.page = "/app/products"
    assert member.add(mug)
    assert member.add(mug)
    assert member.add(lamp)
    member.load_cart()
    member.page = "/app/cart"
    assert member.change(mug, 5)
    assert not member.change(mug, 10)
    assert member.remove(lamp)
    assert server_cart(member) == {mug: 5}
    member.load_cart()
    assert member.cart == {mug: 5}


def test_a_product_off_sale_leaves_the_cart(member: LegacyClient) -> None:
    mug, lamp = make_product(stock=9).id, make_product(stock=9).id
    member.add(mug)
    member.add(lamp)
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == lamp).values(active=False))
    member.load_cart()
    assert member.cart == {mug: 1} == server_cart(member)


# ------------------------------------------------------------------------------------------ 4.6


def at_checkout(member: LegacyClient) -> tuple[dict[str, Any], int]:
    """Add a product to the cart and an address to the address book.

    :return: the address in the form that an order sends, and the product
    """
    product = make_product(stock=9).id
    member.page = "/app/product/1"
    member.add(product, 2)
    member.page = "/app/checkout"
    member.addresses()
    member.methods()
    saved = member.add_address()
    assert saved is not None
    return as_sent_with_an_order(saved), product


SAVED = {
    "card": ("VISA", "card_1705314600000_4242", "**** **** **** 4242"),
    "upi": ("UPI", "upi_1705314600000_YXNoYUBv", "UPI"),
    "cod": ("COD", "COD_TOKEN", "Cash on Delivery"),
    "bnpl": ("BNPL", "Klarna", "Buy Now Pay Later - Klarna"),
}


@pytest.mark.parametrize("kind", SAVED)
def test_an_order_paid_by_a_saved_method(member: LegacyClient, kind: str) -> None:
    provider, token, told = SAVED[kind]
    assert member.add_method(provider, token) is not None
    address, product = at_checkout(member)
    (method,) = member.methods()
    placeholder = {"upi": {"upiId": "UPI Payment"}, "bnpl": {"bnplProvider": "Klarna"}}.get(kind, {})
    order = member.place_order(address, {"id": method["id"], "type": kind, "isDefault": False, **placeholder})
    assert order is not None
    assert told in order["paymentDetails"]
    assert (order["paymentType"], [item["productId"] for item in order["items"]]) == (kind, [product])
    assert server_cart(member) == {}
    assert member.orders() == [order]


@pytest.mark.parametrize("kind", SAVED)
def test_an_order_paid_by_a_newly_entered_method(member: LegacyClient, kind: str) -> None:
    address, _ = at_checkout(member)
    provider, token, told = SAVED[kind]
    if kind in {"card", "upi"}:
        assert member.add_method(provider, token) is not None
    sent = NEW_ON_THE_SPOT | {"type": "card" if kind == "upi" else kind}
    order = member.place_order(address, sent | ({"bnplProvider": "Klarna"} if kind == "bnpl" else {}))
    assert order is not None
    assert order["paymentType"] == kind
    assert told in order["paymentDetails"]


def test_a_double_click_is_one_order(app: Flask, member: LegacyClient) -> None:
    address, product = at_checkout(member)
    payment = NEW_ON_THE_SPOT | {"type": "cod"}
    first = member.place_order(address, payment)
    member.cart = {product: 2}  # the second click is made before the cart is cleared
    second = member.place_order(address, payment)
    assert first is not None
    assert first == second
    assert len(member.orders()) == 1


def test_a_failed_order_keeps_the_cart(member: LegacyClient) -> None:
    address, product = at_checkout(member)
    member.cart[product] = 10
    assert member.place_order(address, NEW_ON_THE_SPOT | {"type": "cod"}) is None
    assert member.cart == {product: 10}
    blank = dict.fromkeys(address, "") | {"id": 1, "country": "India", "isDefault": False}
    member.cart[product] = 1
    assert member.place_order(blank, NEW_ON_THE_SPOT | {"type": "cod"}) is None
    assert member.orders() == []
    assert server_cart(member) == {product: 2}


def test_a_stored_card_number_is_shortened(member: LegacyClient) -> None:
    address, _ = at_checkout(member)
    order = member.place_order(address, {**NEW_ON_THE_SPOT, "type": "card", "cardNumber": "4242 4242 4242 4242"})
    assert order is not None
    assert "**** **** **** 4242" in order["paymentDetails"]
    assert "4242 4242" not in str(order).replace("**** 4242", "")


# ------------------------------------------------------------------------------------------ 4.7


def test_the_profile(member: LegacyClient) -> None:
    member.page = "/app/profile"
    assert (member.addresses(), member.methods(), member.orders(), member.wishlist()) == ([], [], [], [])
    first, second = member.add_address(), member.add_address(city="Mumbai")
    assert first is not None
    assert second is not None
    assert [address["city"] for address in member.addresses()] == ["Pune", "Mumbai"]
    assert [address["city"] for address in member.delete_address(first["id"])] == ["Mumbai"]
    card = member.add_method("MASTERCARD", "card_1705314600001_5454")
    assert card is not None
    assert member.delete_method(0) == 404  # added, and not read again
    assert member.delete_method(card["id"]) == 200
    assert member.methods() == []


def test_an_invalid_address_or_card_is_refused(member: LegacyClient) -> None:
    assert member.add_address(city=" ") is None
    assert member.add_method("VISA", "4242424242424242") is None
    assert (member.addresses(), member.methods()) == ([], [])


def test_the_wishlist(member: LegacyClient) -> None:
    mug, lamp = make_product().id, make_product().id
    assert [member.add_to_wishlist(product) for product in (mug, lamp, mug)] == [200] * 3
    assert member.wishlist() == [mug, lamp]
    assert member.remove_from_wishlist(mug) == [200, 200]
    assert member.wishlist() == [lamp]
    assert member.add_to_wishlist(999999) == 404
    assert member.log_in(str(holder_of(member).email), PASSWORD)
    assert member.user is not None
    assert member.user["wishlist"] == [lamp]


def test_the_payment_page(member: LegacyClient) -> None:
    for provider, token in (
        ("CARD", "Asha|4242|12/2027"),
        ("UPI", "asha@okbank"),
        ("COD", "COD_TOKEN"),
        ("BNPL", "Affirm"),
    ):
        assert member.add_method(provider, token) is not None
    assert [method["type"] for method in member.methods()] == ["bnpl", "cod", "upi", "card"]


def test_a_review(member: LegacyClient) -> None:
    product = make_product().id
    written = member.review(product, rating=4)
    assert (written["userName"], written["rating"]) == ("Asha R.", 4)
    shown = member.product(product)
    assert shown is not None
    assert (shown["averageRating"], shown["reviewCount"]) == (4, 1)


# ------------------------------------------------------------------------------------------ 4.8 and 4.9


def test_an_order_is_tracked_and_cancelled(member: LegacyClient) -> None:
    address, _ = at_checkout(member)
    order = member.place_order(address, NEW_ON_THE_SPOT | {"type": "cod"})
    assert order is not None
    tracked = member.json("GET", f"/api/orders/{order['id']}/track")
    assert tracked["statusHistory"][0]["status"] == "pending"
    assert member.json("DELETE", f"/api/orders/{order['id']}") == "Order cancelled successfully"
    assert [told["status"] for told in member.orders()] == ["cancelled"]


def test_another_user_can_log_in_after_logout(member: LegacyClient) -> None:
    mug = make_product(stock=9).id
    member.add(mug)
    before = member.uid
    member.log_out()
    assert member.log_in(str(make_account().email), PASSWORD)
    assert member.uid != before
    assert member.send("GET", f"/cart/{before}").status_code == 403
    assert server_cart(member) == {mug: 1}  # the client's own memory, sent by it


def test_an_expired_session_is_refused_without_redirect(member: LegacyClient, now: Clock) -> None:
    mug = make_product(stock=9).id
    member.add(mug)
    now.advance(hours=25)
    for method, path in (
        ("GET", f"/cart/{member.uid}"),
        ("GET", f"/users/{member.uid}/addresses"),
        ("GET", f"/api/orders/user/{member.uid}"),
        ("POST", f"/cart/{member.uid}/items?productId={mug}&quantity=1"),
    ):
        assert_refused(member.send(method, path), 401, "UNAUTHENTICATED")
    assert member.load_cart() == []


def test_calls_that_no_page_makes(client: LegacyClient, mailbox: Mailbox) -> None:
    registered = client.json("POST", "/auth/register", {"email": EMAIL, "password": PASSWORD, "phone": ""})
    client.user = registered
    product = make_product(stock=9).id
    client.add(product)
    address = client.add_address()
    assert address is not None
    query = f"userId={client.uid}&addressId={address['id']}&shipping=STANDARD&method=cod"
    done = client.json("POST", f"/checkout?{query}", {})
    assert done["message"] == "Order placed successfully!"
    assert [client.json("GET", f"/api/products/1/reviews{name}") for name in ("/average-rating", "/count")] == [4.5, 2]
