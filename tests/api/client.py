"""API client for tests: with a token, with a session cookie, or without authentication."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.accounts.values import Account, SignedIn
from storefront.db.session import db
from tests.page_client import SAME_ORIGIN, Pages


class Api:
    """Sends requests to the API, each in an app context of its own, as a server does."""

    def __init__(self, app: Flask) -> None:
        self.pages = Pages(app)
        self.headers: dict[str, str] = {}

    def with_cookie(self, account: Account) -> Api:
        """Use an account's session cookie, like a page of the shop."""
        self._sign_in(account)
        self.headers = dict(SAME_ORIGIN)
        return self

    def with_token(self, account: Account) -> Api:
        """Use an account's token, like a client without a browser."""
        token = accounts.issue_token(self._sign_in(account))
        self.pages = Pages(self.pages.app)  # without the cookie
        self.headers = {"Authorization": f"Bearer {token}"}
        return self

    def _sign_in(self, account: Account) -> SignedIn:
        db.session.rollback()  # as in `send`
        return self.pages.sign_in(account)

    def send(self, method: str, url: str, *, headers: dict[str, str] | None = None, **rest: Any) -> TestResponse:
        """Send a request.

        :param headers: instead of the client's own
        """
        db.session.rollback()  # else the savepoint of the test's reads would enclose the request's writes
        sent = self.headers if headers is None else headers
        with self.pages.app.app_context():
            return self.pages.client.open(url, method=method, headers=sent, **rest)

    def get(self, url: str, **rest: Any) -> TestResponse:
        return self.send("GET", url, **rest)

    def post(self, url: str, **rest: Any) -> TestResponse:
        return self.send("POST", url, **rest)

    def put(self, url: str, **rest: Any) -> TestResponse:
        return self.send("PUT", url, **rest)


def assert_refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Assert that a response is the complete error object of contract section 2.1.

    :return: its `error` member
    """
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    body: dict[str, Any] = response.json
    assert set(body) == {"status", "error", "message", "path", "timestamp"}
    assert set(body["error"]) == {"code", "message", "details"}
    assert (body["status"], body["error"]["code"]) == ("error", code)
    assert body["message"] == body["error"]["message"] != ""
    assert body["path"] == response.request.path
    assert body["timestamp"].endswith("Z")
    assert len(body["timestamp"]) == len("2024-01-15T10:30:00.000Z")
    assert all(set(detail) == {"field", "message"} for detail in body["error"]["details"])
    return dict(body["error"])
