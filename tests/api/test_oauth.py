"""OAuth 2 client credentials: an API key exchanged for a token."""

from __future__ import annotations

import base64

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.accounts.service import Scope
from tests.api.client import Api
from tests.factories.api_keys import make_api_key
from tests.page_client import SAME_ORIGIN

CHECK = "/api/products/1/check-stock?quantity=1"
GRANT = {"grant_type": "client_credentials"}


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def ask(app: Flask, form: dict[str, str], headers: dict[str, str] | None = None) -> TestResponse:
    return Api(app).post("/oauth/token", data=form, headers=headers or {})


def assert_error(answer: TestResponse, status: int, error: str) -> None:
    assert (answer.status_code, answer.json["error"]) == (status, error)
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("is_basic", [True, False])
def test_a_key_is_exchanged_for_a_token(app: Flask, is_basic: bool) -> None:
    secret, key = make_api_key(Scope.READ_STOCK, Scope.READ_ORDERS)
    form = GRANT if is_basic else {**GRANT, "client_id": key.id, "client_secret": secret}
    answer = ask(app, form, basic(key.id, secret) if is_basic else None)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    issued = answer.json
    assert (issued["token_type"], issued["expires_in"], issued["scope"]) == ("Bearer", 900, "orders:read stock:read")
    bearer = {"Authorization": f"Bearer {issued['access_token']}"}
    assert Api(app).get(CHECK, headers=bearer).json is True
    assert Api(app).get("/api/products", headers=bearer).status_code == 403


def test_a_token_can_be_asked_for_with_fewer_scopes(app: Flask) -> None:
    secret, key = make_api_key(Scope.READ_STOCK, Scope.READ_CATALOG)
    answer = ask(app, {**GRANT, "scope": "catalog:read"}, basic(key.id, secret))
    assert answer.json["scope"] == "catalog:read"
    assert Api(app).get(CHECK, headers={"Authorization": f"Bearer {answer.json['access_token']}"}).status_code == 403


@pytest.mark.parametrize("scope", ["orders:write", "stock:read orders:write", "everything", "x" * 5000])
def test_a_scope_that_the_key_has_not_is_refused(app: Flask, scope: str) -> None:
    secret, key = make_api_key(Scope.READ_STOCK)
    assert_error(ask(app, {**GRANT, "scope": scope}, basic(key.id, secret)), 400, "invalid_scope")


def test_a_wrong_secret_is_an_invalid_client(app: Flask) -> None:
    secret, key = make_api_key()
    other, _ = make_api_key()
    for wrong in (secret[:-1], other, "x", key.id):
        answer = ask(app, GRANT, basic(key.id, wrong))
        assert_error(answer, 401, "invalid_client")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert_error(ask(app, {**GRANT, "client_id": key.id, "client_secret": wrong}), 401, "invalid_client")


def test_a_revoked_key_is_an_invalid_client(app: Flask) -> None:
    secret, key = make_api_key()
    accounts.revoke_api_key(key.id, actor="x")
    assert_error(ask(app, GRANT, basic(key.id, secret)), 401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic " + base64.b64encode(b"\xff\xfe:").decode(), "Bearer x"])
def test_a_malformed_header_is_an_invalid_client(app: Flask, header: str) -> None:
    assert_error(ask(app, GRANT, {"Authorization": header}), 401, "invalid_client")


def test_no_credentials_are_an_invalid_client(app: Flask) -> None:
    assert_error(ask(app, GRANT), 401, "invalid_client")


@pytest.mark.parametrize("form", [{}, {"grant_type": "password"}, {"grant_type": "authorization_code", "code": "x"}])
def test_there_is_no_other_grant(app: Flask, form: dict[str, str]) -> None:
    secret, key = make_api_key()
    assert_error(ask(app, form, basic(key.id, secret)), 400, "unsupported_grant_type")


def test_json_is_no_token_request(app: Flask) -> None:
    secret, key = make_api_key()
    answer = Api(app).post("/oauth/token", json=GRANT, headers=basic(key.id, secret))
    assert_error(answer, 400, "unsupported_grant_type")


def test_a_browser_of_another_site_cannot_ask(app: Flask) -> None:
    secret, key = make_api_key()
    form = {**GRANT, "client_id": key.id, "client_secret": secret}
    assert ask(app, form, {"Origin": "https://evil.example"}).status_code == 403
    assert ask(app, form, dict(SAME_ORIGIN)).status_code == 200
