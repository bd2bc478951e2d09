"""The security event log: one line per sign-in or refusal, without secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts.values import Role
from storefront.core.security_log import SecurityEvent, security_event
from storefront.web.security_headers import limiter
from tests.accounts.sign_ups import EMAIL, PASSWORD
from tests.api.client import Api
from tests.factories.accounts import make_account, make_staff
from tests.factories.shopping import make_order
from tests.isolated_shop import own_shop, shop_at
from tests.mailbox import Mailbox
from tests.page_client import SAME_ORIGIN, Page, Pages

WRONG = "a wrong password"
CODE = "form.sign-in__form"

Events = Callable[[], list[str]]


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Events:
    """The lines written so far; no secret of these tests is in the whole log."""
    caplog.set_level(logging.INFO)

    def read() -> list[str]:
        assert not [secret for secret in (PASSWORD, WRONG, EMAIL) if secret in caplog.text]
        return [entry.getMessage() for entry in caplog.records if entry.name == "storefront.security_events"]

    return read


def sign_in(pages: Pages, password: str, *, status: int = 200) -> Page:
    return pages.submit(pages.get("/login"), CODE, identifier=EMAIL, password=password, status=status)


def send(pages: Pages, method: str, url: str, **headers: str) -> TestResponse:
    with pages.app.app_context():
        return pages.client.open(url, method=method, headers=SAME_ORIGIN | headers)


def test_a_sign_in_is_logged_with_its_account(pages: Pages, events: Events) -> None:
    account = make_account(email=EMAIL)
    sign_in(pages, PASSWORD)
    assert events() == [
        f"event=authn_login_success account={account.id} address=127.0.0.1 method=POST route=/login factors=1"
    ]


def test_a_wrong_password_is_logged_with_its_account(pages: Pages, events: Events) -> None:
    account = make_account(email=EMAIL)
    sign_in(pages, WRONG, status=422)
    assert events() == [
        f"event=authn_login_fail account={account.id} address=127.0.0.1 method=POST route=/login by=password"
    ]


def test_a_wrong_password_without_an_account_is_logged_without_identifier(pages: Pages, events: Events) -> None:
    sign_in(pages, WRONG, status=422)
    assert events() == ["event=authn_login_fail account=- address=127.0.0.1 method=POST route=/login by=password"]


def test_a_wrong_password_at_a_confirmation_is_logged(pages: Pages, events: Events) -> None:
    account = make_account(email=EMAIL)
    pages.sign_in(account)
    form = pages.get("/account/security/password")
    pages.submit(form, CODE, old=WRONG, new=PASSWORD + "!", status=422)
    pages.submit(form, CODE, old=PASSWORD, new=PASSWORD + "!")
    refused, changed = events()
    assert f"authn_login_fail account={account.id} " in refused
    assert refused.endswith('by="password asked again"')
    assert f"authn_password_change account={account.id} " in changed


def test_a_wrong_code_and_the_second_factor_are_logged(pages: Pages, mailbox: Mailbox, events: Events) -> None:
    account = make_account(email=EMAIL, mfa=True)
    page = sign_in(pages, PASSWORD)
    digits = mailbox.code_for(EMAIL)
    pages.submit(page, CODE, code=f"{(int(digits) + 1) % 10**6:06}", status=422)
    pages.submit(page, CODE, code=digits)
    assert events() == [
        f"event=authn_code_fail account={account.id} address=127.0.0.1 method=POST route=/login/code "
        "purpose=sign-in reason=WrongCode",
        f"event=authn_login_success account={account.id} address=127.0.0.1 method=POST route=/login/code factors=2",
    ]


def test_an_invalid_token_is_logged_without_the_token(app: Flask, events: Events) -> None:
    api = Api(app).with_token(make_account(email=EMAIL))
    token = api.headers["Authorization"].removeprefix("Bearer ")
    assert api.get("/auth/me").status_code == 200
    assert api.post("/auth/logout").status_code == 200
    assert api.get("/auth/me").status_code == 401
    assert api.get("/auth/me", headers={"Authorization": "Bearer made-up"}).status_code == 401
    assert events() == ["event=authn_token_fail account=- address=127.0.0.1 method=GET route=/auth/me"] * 2
    assert not [line for line in events() if token in line or "made-up" in line]


def test_anonymous_requests_are_not_logged(pages: Pages, app: Flask, events: Events) -> None:
    assert send(pages, "GET", "/staff").status_code == 303
    assert Api(app).get("/auth/me").status_code == 401
    assert send(pages, "GET", "/no-such-page").status_code == 404
    assert events() == []


@pytest.mark.parametrize("url", ["/login", "/auth/login"])
def test_a_foreign_origin_is_logged(pages: Pages, events: Events, url: str) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert send(pages, "POST", url, **foreign).status_code == 403
    assert events() == [
        f"event=malicious_cors account=- address=127.0.0.1 method=POST route={url} "
        "origin=https://evil.example site=cross-site"
    ]


def test_visitor_input_is_cut_and_quoted(pages: Pages, events: Events) -> None:
    origin = 'https://x event=authn_login_success account=1 "' + "y" * 5000
    assert send(pages, "POST", "/login", Origin=origin, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    (line,) = events()
    assert 'origin="https://x event=authn_login_success account=1 \\"yyy' in line
    assert len(line) < 500


def test_a_form_without_csrf_token_is_logged(pages: Pages, events: Events) -> None:
    pages.begin_session()
    assert send(pages, "POST", "/login").status_code == 403
    assert events() == ["event=malicious_csrf account=- address=127.0.0.1 method=POST route=/login"]


def test_denied_access_to_an_order_is_logged(pages: Pages, app: Flask, events: Events) -> None:
    order, stranger = make_order(), make_account(email=EMAIL)
    pages.sign_in(stranger)
    assert send(pages, "GET", f"/orders/{order.id}").status_code == 303
    assert Api(app).with_token(stranger).get(f"/api/orders/{order.id}").status_code == 404
    fact = f"event=authz_fail account={stranger.id} address=127.0.0.1 method=GET"
    assert events() == [
        f"{fact} route=/orders/<order_id> order={order.id}",
        f'{fact} route="/api/orders/<string(maxlength=50):order_id>" order={order.id}',
    ]


def test_denied_access_by_role_is_logged(pages: Pages, app: Flask, events: Events) -> None:
    clerk, owner = make_staff(Role.STOCK_STAFF), make_account()
    pages.sign_in(clerk)
    assert send(pages, "GET", "/staff/audit-log").status_code == 403
    assert Api(app).with_token(owner).get(f"/users/{clerk.id}/profile").status_code == 403
    of_clerk, of_owner = events()
    assert of_clerk == f"event=authz_fail account={clerk.id} address=127.0.0.1 method=GET route=/staff/audit-log"
    assert of_owner.startswith(f"event=authz_fail account={owner.id} address=127.0.0.1 method=GET route=")


def test_an_exceeded_rate_limit_is_logged(tmp_path: Path, events: Events) -> None:
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with own_shop("sqlite", tmp_path), shop_at(url, tmp_path, RATELIMIT_ENABLED="1") as app:
        limiter.reset()
        pages = Pages(app)
        for status in (422, 422, 422, 422, 422, 429):
            sign_in(pages, WRONG, status=status)
        track = pages.get("/track")
        for status in [422] * 20 + [429]:
            pages.submit(track, "main form", order_id="ORD-1", email="a@example.com", status=status)
    assert [line for line in events() if "excess" in line] == [
        "event=excess_rate_limit_exceeded account=- address=127.0.0.1 method=POST route=/login limit=password",
        "event=excess_rate_limit_exceeded account=- address=127.0.0.1 method=POST route=/track",
    ]


def test_outside_of_a_request_there_is_no_address(app: Flask, events: Events) -> None:
    security_event(SecurityEvent.PASSWORD_CHANGED, account=7)
    assert events() == ["event=authn_password_change account=7"]
