"""Account pages: for their owner only."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from storefront.accounts import service as accounts
from storefront.accounts.values import MAX_ADDRESSES, Account
from tests.accounts.test_addresses import HOME, add, lines_of
from tests.core.test_image_processing import HTML, SVG, a_picture
from tests.factories.accounts import make_account
from tests.page_client import SAME_ORIGIN, Page, Pages

ADDRESS = {
    "full_name": "Asha Rao",
    "line1": "12 Lake Road",
    "city": "Pune",
    "state": "Maharashtra",
    "postal_code": "411001",
    "phone": "98765 43210",
}
FORM = "form.account-form"
MB = 1024 * 1024
MARKUP = "<script>alert(1)</script>"


@pytest.fixture
def asha(pages: Pages) -> Account:
    """The signed-in account."""
    account = make_account()
    pages.sign_in(account)
    return account


def name_form(pages: Pages) -> Page:
    return pages.get("/account/profile")


@pytest.mark.parametrize(
    "path", ["", "/profile", "/addresses", "/addresses/new", "/payment-methods", "/data", "/data.json", "/deletion"]
)
def test_guests_are_asked_to_sign_in_and_return(pages: Pages, path: str) -> None:
    page = pages.get(f"/account{path}")
    assert page.url.startswith("/login?next=")
    assert path in page.url.replace("%2F", "/")


# ------------------------------------------------------------------------------------------ name and picture


def test_a_name_is_changed(pages: Pages, asha: Account) -> None:
    page = pages.submit(name_form(pages), f"{FORM}[action$=profile]", name=" Asha  R. ")
    assert "Name updated" in page.words
    assert accounts.get_account(asha.id).name == "Asha R."
    assert pages.get("/account").one("h1").get_text() == "Hello, Asha R."


@pytest.mark.parametrize("name", ["", "x" * 256])
def test_an_invalid_name_is_refused(pages: Pages, asha: Account, name: str) -> None:
    refused = pages.submit(name_form(pages), f"{FORM}[action$=profile]", status=422, name=name)
    assert refused.one("#problems a")["href"] == "#name"
    assert accounts.get_account(asha.id).name == asha.name


def test_markup_in_a_name_is_escaped(pages: Pages, asha: Account) -> None:
    pages.submit(name_form(pages), f"{FORM}[action$=profile]", name=MARKUP)
    for path in ("/account", "/account/profile", "/account/addresses/new"):
        page = pages.get(path)
        assert page.all("script:not([src])") == []
    assert MARKUP in pages.get("/account").one("h1").get_text()


def upload(pages: Pages, content: bytes, *, token: bool = True) -> int:
    """Send a file as the form does.

    :return: the status of the answer
    """
    form = name_form(pages).one(f"{FORM}[action$=avatar]")
    sent: dict[str, Any] = {"csrf_token": str(form.select_one("input[name=csrf_token]")["value"])} if token else {}
    sent["picture"] = FileStorage(io.BytesIO(content), "me.png", content_type="image/png")
    boundary, body = encode_multipart(sent)  # the client's own way leaves a file open
    kind = f"multipart/form-data; boundary={boundary}"
    return pages.client.post("/account/avatar", data=body, content_type=kind, headers=SAME_ORIGIN).status_code


def test_a_picture_is_uploaded_cached_and_deleted(pages: Pages, asha: Account) -> None:
    assert upload(pages, a_picture("JPEG", (2000, 1500))) == 303
    address = str(name_form(pages).one("#face")["src"])
    response = pages.client.get(address)
    assert Image.open(io.BytesIO(response.data)).size == (256, 256)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (response.mimetype, response.headers["X-Content-Type-Options"]) == ("image/webp", "nosniff")
    pages.submit(name_form(pages), "form[action$='avatar/removal']")
    assert accounts.get_account(asha.id).avatar is None
    assert pages.client.get(address).status_code == 404


def test_an_upload_may_be_larger_than_a_form_without_file(pages: Pages, asha: Account) -> None:
    noise = Image.effect_noise((1400, 1400), 100)
    file = io.BytesIO()
    noise.save(file, "PNG")
    assert 1024 * 1024 < len(file.getvalue()) < 5 * 1024 * 1024
    assert upload(pages, file.getvalue()) == 303


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (SVG, 415),
        (HTML, 415),
        (b"", 415),
        (b"%PDF", 415),
        (bytes(5 * MB + 1), 413),
        (bytes(6 * MB), 413),
    ],
    ids=["svg", "html", "empty", "pdf", "5 MB and a byte", "6 MB"],
)
def test_other_files_are_refused(pages: Pages, asha: Account, content: bytes, status: int) -> None:
    assert upload(pages, content) == status
    assert accounts.get_account(asha.id).avatar is None


def test_an_upload_without_its_token_is_refused(pages: Pages, asha: Account) -> None:
    assert upload(pages, a_picture(), token=False) == 403


@pytest.mark.parametrize("address", ["1-" + "0" * 32, f"{10**9}-" + "a" * 32, "0-x"])
def test_an_unknown_picture_is_not_found(pages: Pages, address: str) -> None:
    assert pages.client.get(f"/account/avatars/{address}").status_code == 404


# ------------------------------------------------------------------------------------------------- addresses


def test_an_address_is_added_changed_made_the_default_and_deleted(pages: Pages, asha: Account) -> None:
    for line1 in ("One", "Two"):
        page = pages.submit(pages.get("/account/addresses/new"), FORM, **ADDRESS | {"line1": line1})
    assert "Address added" in page.words
    book = pages.submit(page, "form[action$=default]")
    assert lines_of(asha.id) == [("Two", True), ("One", False)]
    change = pages.get(str(book.all("a[href^='/account/addresses/']:not([href$=new])")[0]["href"]))
    assert change.one("#line1")["value"] == "Two"
    book = pages.submit(change, FORM, line1="Second", line2="Flat 4")
    assert lines_of(asha.id)[0] == ("Second", True)
    pages.submit(
        Page(book.response, book.html, book.url, 0), f"form[action$='{accounts.addresses_of(asha.id)[0].id}/removal']"
    )
    assert lines_of(asha.id) == [("One", True)]


@pytest.mark.parametrize(
    ("field", "value"),
    [("full_name", ""), ("line1", " "), ("city", ""), ("postal_code", "12"), ("phone", "x"), ("phone", "")],
)
def test_an_address_that_cannot_be_delivered_to_is_refused(pages: Pages, asha: Account, field: str, value: str) -> None:
    refused = pages.submit(pages.get("/account/addresses/new"), FORM, status=422, **ADDRESS | {field: value})
    assert refused.one("#problems a")["href"] == f"#{field}"
    assert lines_of(asha.id) == []


def test_markup_in_an_address_is_escaped(pages: Pages, asha: Account) -> None:
    book = pages.submit(pages.get("/account/addresses/new"), FORM, **ADDRESS | {"full_name": MARKUP, "line1": MARKUP})
    assert book.all("script:not([src])") == []
    assert book.one("main address").get_text().count(MARKUP) == 2


def test_a_full_address_book_is_refused(pages: Pages, asha: Account) -> None:
    page = pages.get("/account/addresses/new")
    for number in range(MAX_ADDRESSES):
        add(asha.id, str(number))
    refused = pages.submit(page, FORM, status=422, **ADDRESS)
    assert "You can save up to 50 addresses" in refused.one("#problems").get_text()


def test_the_owner_of_an_address_cannot_be_submitted(pages: Pages, asha: Account) -> None:
    ravi = make_account()
    his = add(ravi.id, "His")
    form = pages.get("/account/addresses/new").one(FORM)
    token = str(form.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]
    sent = ADDRESS | {"country": "India", "csrf_token": token, "id": str(his), "user_id": str(ravi.id)}
    pages.client.post("/account/addresses/new", data=sent, headers=SAME_ORIGIN)
    assert lines_of(ravi.id) == [("His", True)]
    assert lines_of(asha.id) == [("12 Lake Road", True)]


@pytest.mark.parametrize("what", ["", "/default", "/removal"])
def test_addresses_of_other_accounts_are_not_found_and_unchanged(pages: Pages, asha: Account, what: str) -> None:
    ravi = make_account()
    his = add(ravi.id, "His")
    add(ravi.id, "His second")
    own = pages.get("/account/addresses/new")
    token = str(own.one(f"{FORM} input[name=csrf_token]")["value"])
    sent = ADDRESS | {"country": "India", "csrf_token": token}
    answer = pages.client.post(f"/account/addresses/{his}{what}", data=sent, headers=SAME_ORIGIN)
    assert answer.status_code == 404
    assert pages.client.get(f"/account/addresses/{his}").status_code == 404
    assert lines_of(ravi.id) == [("His", True), ("His second", False)]


# ---------------------------------------------------------------------------------------------- payment methods


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"kind": "upi", "upi_id": "asha@okbank"}, "UPI ash***@okbank"),
        ({"kind": "bnpl", "lender": "Klarna", "upi_id": "ignored"}, "Pay later with Klarna"),
        ({"kind": "cod"}, "Cash on delivery"),
    ],
)
def test_a_payment_method_is_saved_made_the_default_and_deleted(
    pages: Pages, asha: Account, fields: dict[str, str], shown: str
) -> None:
    page = pages.submit(pages.get("/account/payment-methods"), FORM, **fields)
    assert shown in page.one(".account-list").get_text()
    page = pages.submit(page, "form[action$=default]")
    assert accounts.methods_of(asha.id)[0].is_default
    page = pages.submit(page, "form[action$=removal]")
    assert accounts.methods_of(asha.id) == []


@pytest.mark.parametrize(
    "fields", [{}, {"kind": "upi"}, {"kind": "upi", "upi_id": "asha"}, {"kind": "bnpl"}, {"kind": "card"}]
)
def test_an_incomplete_payment_method_is_refused(pages: Pages, asha: Account, fields: dict[str, str]) -> None:
    refused = pages.submit(pages.get("/account/payment-methods"), FORM, status=422, **fields)
    assert refused.all("#problems a")
    assert accounts.methods_of(asha.id) == []


def test_no_page_asks_for_a_card_number(pages: Pages, asha: Account) -> None:
    page = pages.get("/account/payment-methods")
    assert "You cannot add cards here" in page.words
    assert page.all("[autocomplete^=cc-]") == []


@pytest.mark.parametrize("what", ["default", "removal"])
def test_payment_methods_of_other_accounts_are_not_found_and_unchanged(pages: Pages, asha: Account, what: str) -> None:
    ravi = make_account()
    his = accounts.add_method(ravi.id, "COD", "cod")
    token = str(pages.get("/account/payment-methods").one(f"{FORM} input[name=csrf_token]")["value"])
    sent = {"csrf_token": token}
    answer = pages.client.post(f"/account/payment-methods/{his.id}/{what}", data=sent, headers=SAME_ORIGIN)
    assert answer.status_code == 404
    assert accounts.methods_of(ravi.id) == [his]


@pytest.mark.parametrize(
    "path", ["avatar/removal", "addresses/1/default", "addresses/1/removal", "payment-methods/1/default"]
)
def test_a_form_without_its_token_is_refused(pages: Pages, asha: Account, path: str) -> None:
    assert pages.client.post(f"/account/{path}", headers=SAME_ORIGIN).status_code == 403


def test_account_pages_are_not_cached(pages: Pages, asha: Account, app: Flask) -> None:
    accounts.add_address(asha.id, HOME)
    for path in ("/account", "/account/addresses", "/account/data"):
        assert pages.get(path).response.headers["Cache-Control"] == "no-store"
