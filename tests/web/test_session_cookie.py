"""The session cookie of a shop behind HTTPS: reliability.md B15."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.web import session as web_session
from tests import demo_shop
from tests.accounts.sign_ups import EMAIL, PASSWORD
from tests.factories.accounts import make_account
from tests.isolated_shop import own_shop, shop_at

ORIGIN = "https://shop.example"
NAME = "__Host-storefront"
HEADERS = {"Origin": ORIGIN, "Referer": f"{ORIGIN}/login"}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A shop behind HTTPS, with one account."""
    folder: Path = tmp_path_factory.mktemp("secure")
    url = f"sqlite:///{folder}/{{schema}}.db"
    with own_shop("sqlite", folder, filled=False), shop_at(url, folder, PUBLIC_ORIGIN=ORIGIN) as app:
        with app.app_context():
            demo_shop.make_tables()
            make_account(email=EMAIL)
        yield app


def sign_in(client: FlaskClient) -> TestResponse:
    page = client.get("/login", base_url=ORIGIN)
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"csrf_token": token, "identifier": EMAIL, "password": PASSWORD}
    return client.post("/login", data=data, base_url=ORIGIN, headers=HEADERS)


def cookie_of(response: TestResponse) -> str:
    (header,) = (one for one in response.headers.getlist("Set-Cookie") if one.startswith(NAME))
    return header


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/account/security", base_url=ORIGIN).status_code == 200


def test_the_cookie_is_bound_to_host_and_https_and_hidden_from_scripts(secure: Flask) -> None:
    header = cookie_of(sign_in(secure.test_client()))
    morsel = SimpleCookie(header)[NAME]
    assert morsel["secure"] is True
    assert morsel["httponly"] is True
    assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("Lax", "/", "")


def test_it_is_renewed_at_sign_in_and_invalid_after_signing_out_like_a_token(secure: Flask) -> None:
    client = secure.test_client()
    with client.session_transaction(base_url=ORIGIN) as session:
        session[web_session.RECENTLY_VIEWED] = []
    planted = client.get_cookie(NAME, domain="shop.example")
    assert planted is not None
    sign_in(client)
    taken = client.get_cookie(NAME, domain="shop.example")
    assert taken is not None
    assert taken.value != planted.value
    assert is_signed_in(client)
    with client.session_transaction(base_url=ORIGIN) as session:
        reference = session["_user_id"]
    with secure.app_context(), secure.test_request_context(base_url=ORIGIN):
        person, _ = accounts.find_session(reference) or (None, False)
        assert person is not None
        token = accounts.issue_token(person)
    bearer = {"Authorization": f"Bearer {token}"}
    assert secure.test_client().get("/account/security", base_url=ORIGIN, headers=bearer).status_code == 200

    page = client.get("/account/security", base_url=ORIGIN)
    form = page.text.split('action="/logout"')[1].split('name="csrf_token" value="')[1].split('"')[0]
    client.post("/logout", data={"csrf_token": form}, base_url=ORIGIN, headers=HEADERS)
    assert not is_signed_in(client)
    for value in (planted.value, taken.value):
        thief = secure.test_client()
        thief.set_cookie(NAME, value, domain="shop.example", secure=True)
        assert not is_signed_in(thief)
    assert secure.test_client().get("/account/security", base_url=ORIGIN, headers=bearer).status_code == 303


def test_a_fallback_key_keeps_cookies_valid(secure: Flask) -> None:
    client = secure.test_client()
    sign_in(client)
    old = secure.config["SECRET_KEY"]
    try:
        secure.config["SECRET_KEY"] = "the next one"
        assert not is_signed_in(client)
        secure.config["SECRET_KEY_FALLBACKS"] = [old]
        assert is_signed_in(client)
    finally:
        secure.config.update(SECRET_KEY=old, SECRET_KEY_FALLBACKS=[])


def test_the_reference_in_it_has_at_least_128_bits(secure: Flask) -> None:
    client = secure.test_client()
    sign_in(client)
    with client.session_transaction(base_url=ORIGIN) as session:
        assert len(session["_user_id"]) * 6 >= 128
