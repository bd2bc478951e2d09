"""Texts of the maximum length that the contract allows are stored and returned completely."""

from __future__ import annotations

from flask import Flask

from storefront.accounts import service as accounts
from storefront.catalog import listing
from storefront.cli import consistency
from tests.api.client import Api
from tests.api.order_payloads import order_body, signed_in
from tests.factories.catalog import make_product

FAR = {
    "fullName": "é" * 255,
    "phone": "9" * 20,
    "line1": "é" * 500,
    "line2": "é" * 500,
    "city": "é" * 100,
    "state": "é" * 100,
    "postalCode": "9" * 20,
    "country": "Bahamas",  # which have no postcodes, so any is kept
}


def test_an_address_of_maximum_length_is_stored_completely(app: Flask) -> None:
    api, person = signed_in(app)
    answer = api.post(f"/users/{person.id}/addresses", json=FAR)
    assert {name: answer.json[name] for name in FAR} == FAR
    assert [{name: kept[name] for name in FAR} for kept in api.get(f"/users/{person.id}/addresses").json] == [FAR]


def test_a_name_and_an_avatar_url_of_maximum_length_are_stored_completely(app: Flask) -> None:
    api, person = signed_in(app)
    avatar = "https://pictures.example/" + "a" * 475
    answer = api.put(f"/users/{person.id}/profile", json={"fullName": "N" * 255, "avatarUrl": avatar})
    assert (answer.json["name"], answer.json["avatar"]) == ("N" * 255, avatar)


def test_a_review_of_maximum_length_is_stored_completely(app: Flask) -> None:
    api, _ = signed_in(app)
    product = make_product().id
    sent = {"rating": 4, "title": "t" * 500, "comment": "c" * 2000}
    api.post(f"/api/products/{product}/reviews", json=sent)
    (kept,) = api.get(f"/api/products/{product}/reviews").json
    assert {name: kept[name] for name in sent} == sent


def test_a_review_shows_the_accounts_name_and_no_avatar_of_another_host(app: Flask) -> None:
    api, person = signed_in(app)
    product = make_product().id
    written = api.post(f"/api/products/{product}/reviews", json={"rating": 4, "title": "t", "comment": "c"})
    assert written.json["userAvatar"] is None
    avatar = "https://pictures.example/me.png"
    accounts.change_profile(person.id, {"avatar": avatar})
    (listed,) = [each for each in api.get("/api/products").json if each["id"] == product]
    shown = api.get(f"/api/products/{product}").json
    told = api.get(f"/api/products/{product}/reviews").json
    found = [review["userAvatar"] for each in (listed["reviews"], shown["reviews"], told) for review in each]
    assert found == [None] * 3


def test_a_product_of_maximum_length_is_stored_completely_and_can_be_ordered(app: Flask, stock_keeper: Api) -> None:
    sent = {
        "sku": "S" * 100,
        "name": "é" * 500,
        "brand": "é" * 255,
        "price": 599,
        "stock": 4,
        "description": "d" * 4000,
    }
    created = stock_keeper.post("/api/products", json=sent)
    assert {name: created.json[name] for name in sent} == sent
    api, person = signed_in(app)
    product = created.json["id"]
    assert api.post(f"/cart/{person.id}/items?productId={product}&quantity=1").json["items"][0]["name"] == "é" * 500
    assert api.post(f"/users/{person.id}/wishlist", json={"productId": product}).status_code == 200
    (card,) = listing.cards_of([product])
    ordered = api.post("/api/orders/", json=order_body((card, 1), shippingAddress=FAR)).json
    assert (ordered["items"][0]["productName"], ordered["shippingCity"]) == ("é" * 500, "é" * 100)
    assert list(consistency.violations()) == []
