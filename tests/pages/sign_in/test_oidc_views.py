"""Sign-in at an OpenID Connect provider, against one that runs on this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.accounts.values import Account
from storefront.pages.sign_in import oidc_client
from tests import demo_shop
from tests.accounts.sign_ups import EMAIL
from tests.factories.accounts import make_account, make_staff
from tests.isolated_shop import own_shop, shop_at
from tests.live_server import Program
from tests.outages import end_pause, join_probes, trip
from tests.page_client import Pages
from tests.run import free_port

LINK = "/login/with/marigold-id"


USERS = (
    {"sub": "verified", "email": EMAIL, "email_verified": True, "name": "Asha Rao"},
    {"sub": "unverified", "email": EMAIL, "email_verified": False},
    {"sub": "nameless"},
)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a provider that signs in any user by name, in a process of its own."""
    origin = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", origin.rpartition(":")[2]]
    for user in USERS:
        command += ["--user-claims", json.dumps(user)]
    log = tmp_path_factory.mktemp("provider") / "provider.log"
    program = Program("provider", command, dict(os.environ), log, lambda: _answers(origin))
    program.start()
    yield origin
    program.kill()


def _answers(origin: str) -> bool:
    try:
        return requests.get(f"{origin}/.well-known/openid-configuration", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def with_provider(provider: str, tmp_path: Path) -> Iterator[Flask]:
    """A shop with that provider."""
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    settings = {"OIDC_ISSUER": provider, "OIDC_CLIENT_ID": "shop", "OIDC_CLIENT_SECRET": "secret"}
    with own_shop("sqlite", tmp_path, filled=False) as empty, empty.app_context():
        demo_shop.make_tables()
        with shop_at(url, tmp_path, PUBLIC_ORIGIN="http://localhost", OIDC_NAME="Marigold ID", **settings) as app:
            yield app


def sign_in_at_provider(pages: Pages, subject: str, *, link: str = LINK) -> str:
    """Follow the link and sign in at the provider.

    :return: where it sends the browser back to
    """
    response = pages.client.get(link)
    assert response.status_code == 302, response.text
    redirect = requests.post(response.headers["Location"], data={"sub": subject}, timeout=10, allow_redirects=False)
    assert redirect.status_code == 302, redirect.text
    return redirect.headers["Location"]


def follow_callback(pages: Pages, url: str) -> TestResponse:
    parts = urlsplit(url)
    with pages.app.app_context():
        return pages.client.get(f"{parts.path}?{parts.query}")


def signed_in_account(pages: Pages) -> Account | None:
    with pages.client.session_transaction() as session:
        reference = session.get("_user_id")
    with pages.app.app_context():
        person, _ = (accounts.find_session(reference) if reference else None) or (None, False)
        return person.account if person else None


def test_a_user_signs_in_and_has_the_same_account_the_next_time(with_provider: Flask) -> None:
    pages = Pages(with_provider)
    assert "Continue with Marigold ID" in pages.client.get("/login").text
    response = follow_callback(pages, sign_in_at_provider(pages, "verified", link=f"{LINK}?next=/cart"))
    assert (response.status_code, response.headers["Location"]) == (303, "/cart")
    account = signed_in_account(pages)
    assert account is not None
    assert (account.email, account.name, account.has_verified_email) == (EMAIL, "Asha Rao", True)
    again = Pages(with_provider)
    follow_callback(again, sign_in_at_provider(again, "verified"))
    assert signed_in_account(again) == account


def test_an_account_with_the_verified_address_is_linked(with_provider: Flask) -> None:
    with with_provider.app_context():
        account = make_account(email=EMAIL)
    pages = Pages(with_provider)
    follow_callback(pages, sign_in_at_provider(pages, "verified"))
    assert signed_in_account(pages) == account


def test_an_address_unverified_by_the_provider_links_nothing(with_provider: Flask) -> None:
    with with_provider.app_context():
        account = make_account(email=EMAIL)
    pages = Pages(with_provider)
    follow_callback(pages, sign_in_at_provider(pages, "unverified"))
    created = signed_in_account(pages)
    assert created is not None
    assert (created.id != account.id, created.email) == (True, None)


def test_staff_enter_a_second_factor_after_the_provider(with_provider: Flask) -> None:
    with with_provider.app_context():
        make_staff(email=EMAIL)
    pages = Pages(with_provider)
    response = follow_callback(pages, sign_in_at_provider(pages, "verified", link=f"{LINK}?next=/cart"))
    assert response.headers["Location"] == "/login/code?next=/cart"
    assert signed_in_account(pages) is None


def test_a_user_without_an_address_gets_an_account(with_provider: Flask) -> None:
    pages = Pages(with_provider)
    follow_callback(pages, sign_in_at_provider(pages, "nameless"))
    assert signed_in_account(pages) is not None
    assert pages.get("/account/security").status == 200


@pytest.mark.parametrize("change", ["state=another", "code=another", "error=access_denied"])
def test_an_invalid_callback_signs_nobody_in(with_provider: Flask, change: str) -> None:
    pages = Pages(with_provider)
    parts = urlsplit(sign_in_at_provider(pages, "verified"))
    name = change.partition("=")[0]
    unchanged = "&".join(f"{key}={values[0]}" for key, values in parse_qs(parts.query).items() if key != name)
    response = follow_callback(pages, f"{parts.path}?{unchanged}&{change}")
    assert response.headers["Location"] == "/login"
    assert "did not work" in pages.get("/login").words
    assert signed_in_account(pages) is None


def test_a_callback_in_another_browser_signs_nobody_in(with_provider: Flask) -> None:
    victim = Pages(with_provider)
    follow_callback(victim, sign_in_at_provider(Pages(with_provider), "verified"))
    assert signed_in_account(victim) is None


def test_a_callback_is_valid_once(with_provider: Flask) -> None:
    pages = Pages(with_provider)
    url = sign_in_at_provider(pages, "verified")
    follow_callback(pages, url)
    pages.client.delete_cookie("storefront")
    follow_callback(pages, url)
    assert signed_in_account(pages) is None


def test_it_redirects_to_no_other_site(with_provider: Flask) -> None:
    pages = Pages(with_provider)
    response = follow_callback(pages, sign_in_at_provider(pages, "verified", link=f"{LINK}?next=//evil.example"))
    assert response.headers["Location"] == "/"


def test_an_unavailable_provider_shows_an_error(with_provider: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **more: object) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "request", fail)
    page = Pages(with_provider).get(LINK)
    assert page.url == "/login"
    assert "Signing in with Marigold ID did not work" in page.words


def test_a_provider_that_failed_repeatedly_is_not_asked_and_comes_back_by_itself(with_provider: Flask) -> None:
    pages = Pages(with_provider)
    url = sign_in_at_provider(pages, "verified")
    trip(with_provider, oidc_client.PROVIDER)
    for page in (pages.get("/login"), pages.get("/register"), pages.get(LINK)):
        assert page.html.select_one(f"a[href^='{LINK}']") is None
        assert "Signing in with Marigold ID is not available at the moment: it does not answer." in page.words
        assert page.one("button[disabled]").text == "Continue with Marigold ID"
    follow_callback(pages, url)
    assert "is not available at the moment" in pages.get("/login").words
    assert signed_in_account(pages) is None
    end_pause(with_provider, oidc_client.PROVIDER)
    pages.get("/login")  # it notices that the pause is over, and waits for nothing
    join_probes()
    assert pages.get("/login").html.select_one(f"a[href^='{LINK}']") is not None
    follow_callback(pages, sign_in_at_provider(pages, "verified"))
    assert signed_in_account(pages) is not None


def test_failing_token_requests_count_although_metadata_are_remembered(
    with_provider: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = Pages(with_provider)

    def fail(*arguments: object, **more: object) -> None:
        raise requests.ReadTimeout

    for _ in range(oidc_client.PROVIDER.opens_after):
        url = sign_in_at_provider(pages, "verified")
        with monkeypatch.context() as patch:
            patch.setattr(requests.Session, "request", fail)
            follow_callback(pages, url)
    assert "is not available at the moment" in pages.get("/login").words


def test_a_provider_with_another_issuer_is_refused(with_provider: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(with_provider.config, "OIDC_ISSUER", "https://id.example")
    with with_provider.test_request_context(), pytest.raises(oidc_client.ProviderFailed):
        oidc_client.redirect_to_provider("http://localhost/x")


def test_a_shop_without_provider_has_no_such_page(app: Flask) -> None:
    pages = Pages(app)
    assert "Continue with" not in pages.get("/login").words
    assert pages.client.get(LINK).status_code == 404
    assert pages.client.get(f"{LINK}/callback").status_code == 404
