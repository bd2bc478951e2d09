"""Profile, addresses, payment methods and wishlist by API: contract section 2.3 Users, cases 25 to 30 and 60."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.accounts.values import MAX_ADDRESSES, Role, UnknownAvatar
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import save_address, signed_in
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.mailbox import Mailbox

AT_HOME = {
    "fullName": "Asha Rao",
    "phone": "+91 98765 43210",
    "line1": "12 Lake Road",
    "line2": "",
    "city": "Pune",
    "state": "MH",
    "postalCode": "411001",
    "country": "India",
    "isDefault": False,
}


class Member:
    """A signed-in customer on a page of the legacy client."""

    def __init__(self, app: Flask) -> None:
        self.api, self.account = signed_in(app)
        self.path = f"/users/{self.account.id}"

    def get(self, what: str) -> Any:
        answer = self.api.get(f"{self.path}/{what}")
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, what: str, body: Any) -> TestResponse:
        return self.api.post(f"{self.path}/{what}", json=body)

    def delete(self, what: str) -> TestResponse:
        return self.api.send("DELETE", f"{self.path}/{what}")

    def change(self, **body: Any) -> TestResponse:
        return self.api.put(f"{self.path}/profile", json=body)

    def gives(self, what: str, body: Any) -> dict[str, Any]:
        answer = self.post(what, body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)


@pytest.fixture
def member(app: Flask) -> Member:
    return Member(app)


def assert_empty(answer: TestResponse) -> None:
    """Assert an empty 200, which the client's JSON parser accepts."""
    assert (answer.status_code, answer.data) == (200, b"")


# ------------------------------------------------------------------------------------------------ access

DOORS = [
    ("GET", "profile", None),
    ("PUT", "profile", {"name": "Mallory"}),
    ("GET", "addresses", None),
    ("POST", "addresses", AT_HOME),
    ("DELETE", "addresses/1", None),
    ("GET", "payments", None),
    ("POST", "payments", {"provider": "UPI", "token": "asha@okbank"}),
    ("DELETE", "payments/1", None),
    ("GET", "wishlist", None),
    ("POST", "wishlist", {"productId": 5}),
    ("DELETE", "wishlist/5", None),
    ("DELETE", "wishlist/item/1", None),
    ("GET", "orders", None),
]


@pytest.mark.parametrize(("method", "what", "body"), DOORS)
def test_only_the_account_and_staff_have_access(app: Flask, method: str, what: str, body: Any) -> None:
    owner = make_account()
    path = f"/users/{owner.id}/{what}"
    sent = {"json": body} if body is not None else {}
    assert_refused(Api(app).send(method, path, **sent), 401, "UNAUTHENTICATED")
    assert_refused(Api(app).with_cookie(make_account()).send(method, path, **sent), 403, "FORBIDDEN")
    for welcome in (owner, make_staff(Role.ORDER_STAFF)):
        assert Api(app).with_cookie(welcome).send(method, path, **sent).status_code in {200, 404}


@pytest.mark.parametrize(("method", "what", "body"), DOORS)
def test_an_unknown_account_is_not_found(app: Flask, method: str, what: str, body: Any) -> None:
    staff = Api(app).with_cookie(make_staff())
    answer = staff.send(method, f"/users/999999/{what}", **({"json": body} if body is not None else {}))
    assert answer.status_code == 404 or answer.json in ([], None)


# ------------------------------------------------------------------------------------------------ profile


def test_a_profile_has_both_member_names(member: Member) -> None:
    assert member.get("profile") == {
        "id": member.account.id,
        "userId": member.account.id,
        "fullName": "Asha Rao",
        "avatarUrl": None,
        "name": "Asha Rao",
        "avatar": None,
        "email": member.account.email,
        "phone": None,
    }


@pytest.mark.parametrize("names", [("fullName", "avatarUrl"), ("name", "avatar")])
def test_a_profile_can_be_changed_by_either_member_name(member: Member, names: tuple[str, str]) -> None:
    changed = member.change(**{names[0]: " Ravi  Rao ", names[1]: "/static/ravi.png"}, phone="98765 43210")
    assert changed.status_code == 200
    assert changed.json == member.get("profile")
    told = changed.json
    assert (told["fullName"], told["avatarUrl"], told["phone"]) == ("Ravi Rao", "/static/ravi.png", "+919876543210")


def test_missing_members_are_kept_and_blank_ones_cleared(member: Member) -> None:
    member.change(name="Ravi", avatar="https://example.com/ravi.png", phone="98765 43210")
    assert member.change().json["name"] == "Ravi"
    assert member.change(avatar=None).json == member.get("profile")
    assert (member.get("profile")["avatar"], member.get("profile")["name"]) == (None, "Ravi")
    told = member.change(fullName="", phone="  ").json
    assert (told["name"], told["phone"]) == (None, None)


@pytest.mark.parametrize(
    "avatar", ["javascript:alert(1)", "data:image/png;base64,AA==", "//evil.example/a.png", "http://"]
)
def test_an_invalid_avatar_changes_nothing(member: Member, avatar: str) -> None:
    assert_refused(member.change(name="Ravi", avatarUrl=avatar), 400, "VALIDATION_ERROR")
    assert member.get("profile")["name"] == "Asha Rao"


def test_a_phone_number_of_another_account_changes_nothing(member: Member) -> None:
    make_account(phone="+919876543210")
    assert_refused(member.change(name="Ravi", phone="98765 43210"), 409, "DUPLICATE_PHONE")
    assert member.get("profile")["name"] == "Asha Rao"
    assert_refused(member.change(phone="12"), 400, "VALIDATION_ERROR")


def test_the_owner_is_notified_of_a_changed_phone_number(member: Member, mailbox: Mailbox) -> None:
    member.change(phone="98765 43210")
    member.change(phone="98765 43210", name="Ravi")
    assert len(mailbox.letters_to(str(member.account.email))) == 1


def test_an_external_avatar_replaces_the_uploaded_one(member: Member, app: Flask) -> None:
    with app.test_request_context():
        address = accounts.upload_avatar(member.account.id, picture())
    assert member.change(name="Ravi").json["avatar"] == address
    member.change(avatar="https://example.com/ravi.png")
    with pytest.raises(UnknownAvatar):
        accounts.get_avatar(member.account.id, address.rsplit("/", 1)[1][:32])


def picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(written, "PNG")
    return written.getvalue()


# ------------------------------------------------------------------------------------------------ addresses


def test_an_address_has_both_sets_of_member_names(member: Member) -> None:
    saved = member.gives("addresses", AT_HOME)
    assert saved == {
        **AT_HOME,
        "id": saved["id"],
        "userId": member.account.id,
        "line2": None,
        "isDefault": True,
        "addressLine1": "12 Lake Road",
        "addressLine2": None,
        "zipCode": "411001",
        "createdAt": "2026-11-22T12:00:00.000Z",
    }
    assert member.get("addresses") == [saved]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"country": ""}, {"country": "India"}),
        ({"country": None, "fullName": " ", "phone": None}, {"country": "India", "fullName": None, "phone": None}),
        ({"line1": " ", "addressLine1": "7 Hill Road"}, {"line1": "7 Hill Road", "addressLine1": "7 Hill Road"}),
        ({"postalCode": "", "zipCode": "560001"}, {"postalCode": "560001", "zipCode": "560001"}),
        ({"line1": "A", "addressLine1": "B", "isDefault": None}, {"line1": "A"}),
    ],
)
def test_either_member_name_is_accepted(member: Member, changed: dict[str, Any], expected: dict[str, Any]) -> None:
    saved = member.gives("addresses", AT_HOME | changed)
    assert expected.items() <= saved.items()


@pytest.mark.parametrize("missing", [("city",), ("state",), ("line1",), ("postalCode",)])
@pytest.mark.parametrize("instead", [{}, None, " "])
def test_an_address_without_a_required_member_is_refused(
    member: Member, missing: tuple[str, ...], instead: Any
) -> None:
    body = {name: value for name, value in AT_HOME.items() if name not in missing}
    body |= {} if instead == {} else dict.fromkeys(missing, instead)
    assert_refused(member.post("addresses", body), 400, "VALIDATION_ERROR")
    assert member.get("addresses") == []


@pytest.mark.parametrize("phone", ["98765 4321O", "98765 43210 home", "call me", "98765 43210 \U0001f642"])
def test_a_phone_number_with_letters_is_refused(member: Member, phone: str) -> None:
    """C9: of an address, and of the account."""
    assert_refused(member.post("addresses", AT_HOME | {"phone": phone}), 400, "VALIDATION_ERROR")
    assert_refused(member.change(phone=phone), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"country": "india", "postalCode": "411-001"}, {"country": "India", "postalCode": "411001"}),
        ({"country": "USA", "state": "TX", "postalCode": "78701"}, {"country": "United States"}),
        ({"country": "Hong Kong", "state": "", "postalCode": ""}, {"state": "", "postalCode": "", "zipCode": ""}),
        ({"country": "Hong Kong", "postalCode": "999077"}, {"postalCode": "999077"}),
        ({"country": "AE", "city": "", "postalCode": "0"}, {"country": "United Arab Emirates"}),
        ({"country": "Ireland", "state": "", "postalCode": ""}, {"country": "Ireland"}),
    ],
)
def test_an_address_needs_what_its_country_has(member: Member, changed: dict[str, Any], kept: dict[str, Any]) -> None:
    """C10."""
    assert kept.items() <= member.gives("addresses", AT_HOME | changed).items()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"country": "Atlantis"}, "country is unknown"),
        ({"country": "4242 4242 4242 424"}, "country is unknown"),
        ({"postalCode": "²²²²²²"}, "postalCode is not in the format of India, such as 110034"),
        ({"country": "UK", "postalCode": ""}, "postalCode is required"),
    ],
)
def test_an_address_that_does_not_fit_its_country_is_refused(
    member: Member, changed: dict[str, Any], words: str
) -> None:
    """C10."""
    answer = member.post("addresses", AT_HOME | changed)
    assert_refused(answer, 400, "VALIDATION_ERROR")
    assert words in answer.text
    assert member.get("addresses") == []


def test_the_id_of_a_sent_address_is_ignored(member: Member) -> None:
    other = make_account()
    theirs = save_address(other)
    saved = member.gives("addresses", AT_HOME | {"id": theirs.id, "userId": other.id})
    assert (saved["userId"], saved["id"] != theirs.id) == (member.account.id, True)
    assert accounts.addresses_of(other.id) == [theirs]


def test_a_new_default_replaces_the_previous_one(member: Member) -> None:
    first, second = member.gives("addresses", AT_HOME), member.gives("addresses", AT_HOME | {"isDefault": True})
    told = [(address["id"], address["isDefault"]) for address in member.get("addresses")]
    assert told == [(second["id"], True), (first["id"], False)]


def test_deleting_an_address(member: Member) -> None:
    saved, theirs = member.gives("addresses", AT_HOME), save_address(make_account())
    assert_empty(member.delete(f"addresses/{saved['id']}"))
    for gone in (saved["id"], theirs.id, 0, 10**15):
        assert_refused(member.delete(f"addresses/{gone}"), 404, "ADDRESS_NOT_FOUND")


def test_a_full_address_book(member: Member) -> None:
    for _ in range(MAX_ADDRESSES):
        save_address(member.account)
    assert_refused(member.post("addresses", AT_HOME), 409, "TOO_MANY_ADDRESSES")


# ------------------------------------------------------------------------------------------------ payment methods


def test_a_card_as_sent_by_the_profile_page(member: Member) -> None:
    saved = member.gives("payments", {"provider": "VISA", "token": "card_1705314600000_4242"})
    assert saved == {
        "id": saved["id"],
        "userId": member.account.id,
        "provider": "VISA",
        "token": "card_1705314600000_4242",
        "isDefault": False,
        "createdAt": "2026-11-22T12:00:00.000Z",
        "displayName": "VISA ending in 4242",
        "paymentType": "card",
        "type": "card",
        "cardNumber": "**** **** **** 4242",
        "cardHolder": None,
        "expiryMonth": None,
        "expiryYear": None,
        "upiId": None,
        "bnplProvider": None,
    }
    assert member.get("payments") == [saved]


@pytest.mark.parametrize(
    ("provider", "token", "kept", "told"),
    [
        (
            "CARD",
            "A|B|4242|12/2027",
            r"card_\d{13}_4242",
            {"cardNumber": "**** **** **** 4242", "cardHolder": "A|B", "expiryMonth": 12, "expiryYear": 2027},
        ),
        ("UPI", "asha@okbank", r"upi_\d{13}_[0-9a-f]+", {"type": "upi", "upiId": "ash***@okbank", "cardNumber": None}),
        ("UPI", "upi_1705314600000_YXNoYUBv", r"upi_1705314600000_YXNoYUBv", {"type": "upi", "upiId": None}),
        ("COD", "COD_TOKEN", "cod", {"type": "cod"}),
        ("BNPL", "Klarna", "bnpl_Klarna", {"type": "bnpl", "bnplProvider": "Klarna"}),
    ],
)
def test_a_method_as_sent_by_the_payment_page(
    member: Member, provider: str, token: str, kept: str, told: dict[str, Any]
) -> None:
    saved = member.gives("payments", {"provider": provider, "token": token})
    assert re.fullmatch(kept, saved["token"])
    assert told.items() <= saved.items()
    assert (saved["provider"], saved["type"]) == (provider, saved["paymentType"])
    assert token in {saved["token"], "Klarna", "COD_TOKEN"} or token not in str(member.get("payments"))


@pytest.mark.parametrize(
    "body",
    [
        {"provider": "VISA", "token": "4242424242424242"},
        {"provider": "VISA", "token": "4242 4242 4242 4242"},
        {"provider": "VISA", "token": "123456789012"},
        {"provider": "VISA", "token": None},
        {"provider": "VISA", "token": ""},
        {"provider": "VISA"},
        {"provider": None, "token": "COD_TOKEN"},
        {"provider": "4242", "token": "COD_TOKEN"},
        {"provider": "BNPL", "token": "Nobody"},
        {"provider": "UPI", "token": "not an id"},
    ],
)
def test_an_invalid_saved_method_is_refused(member: Member, body: dict[str, Any]) -> None:
    assert_refused(member.post("payments", body), 400, "VALIDATION_ERROR")
    assert member.get("payments") == []


def test_the_default_comes_first_then_the_newest(member: Member, now: Clock) -> None:
    ids = []
    for token, is_default in (("card_1_1111", True), ("card_2_2222", False), ("card_3_3333", None)):
        ids.append(member.gives("payments", {"provider": "VISA", "token": token, "isDefault": is_default})["id"])
        now.advance(minutes=1)
    assert [method["id"] for method in member.get("payments")] == [ids[0], ids[2], ids[1]]


def test_deleting_a_payment_method(member: Member) -> None:
    saved = member.gives("payments", {"provider": "COD", "token": "COD_TOKEN"})
    theirs = accounts.add_method(make_account().id, "COD", "COD_TOKEN")
    assert_empty(member.delete(f"payments/{saved['id']}"))
    for gone in (saved["id"], theirs.id, 0):
        assert_refused(member.delete(f"payments/{gone}"), 404, "PAYMENT_METHOD_NOT_FOUND")


# ------------------------------------------------------------------------------------------------ wishlist


def test_a_product_is_on_the_wishlist_once(member: Member) -> None:
    product = make_product()
    first = member.gives("wishlist", {"productId": product.id})
    assert first == {
        "id": first["id"],
        "userId": member.account.id,
        "productId": product.id,
        "createdAt": "2026-11-22T12:00:00.000Z",
    }
    assert member.gives("wishlist", {"productId": product.id}) == first
    assert member.get("wishlist") == [first]


def test_removing_a_product_from_the_wishlist_twice_is_no_error(member: Member) -> None:
    product = make_product()
    member.post("wishlist", {"productId": product.id})
    for _ in range(2):
        assert_empty(member.delete(f"wishlist/{product.id}"))
    assert member.get("wishlist") == []


def test_removing_an_item_from_the_wishlist(member: Member) -> None:
    entry = member.gives("wishlist", {"productId": make_product().id})
    theirs = accounts.add_wishlist_item(make_account().id, make_product().id)
    assert_empty(member.delete(f"wishlist/item/{entry['id']}"))
    for gone in (entry["id"], theirs.id, 0):
        assert_refused(member.delete(f"wishlist/item/{gone}"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"productId": 999999}, 404, "PRODUCT_NOT_FOUND"),
        ({"productId": 0}, 400, "VALIDATION_ERROR"),
        ({"productId": "5"}, 400, "VALIDATION_ERROR"),
        ({}, 400, "VALIDATION_ERROR"),
    ],
)
def test_an_invalid_wishlist_item_is_refused(member: Member, body: dict[str, Any], status: int, code: str) -> None:
    assert_refused(member.post("wishlist", body), status, code)


def test_a_full_wishlist(member: Member) -> None:
    for number in range(accounts.MAX_WISHLIST_ITEMS):
        accounts.add_wishlist_item(member.account.id, 10**6 + number)
    assert_refused(member.post("wishlist", {"productId": make_product().id}), 409, "WISHLIST_FULL")


def test_login_answers_the_account_with_addresses_methods_and_wishlist(member: Member) -> None:
    """The client stores the response of the login."""
    address = member.gives("addresses", AT_HOME)
    method = member.gives("payments", {"provider": "COD", "token": "COD_TOKEN"})
    me = member.api.get("/auth/me").json
    assert (me["addresses"], me["paymentMethods"], me["orders"]) == ([address], [method], [])
