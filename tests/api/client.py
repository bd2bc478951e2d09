"""Programs that use the API: with a token, with a cookie like a page of ours, or as nobody."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.accounts.service import Account, SignedIn
from storefront.db.session import db
from tests.page_client import SAME_ORIGIN, Pages


class Api:
    """Sends requests as behind a server: each in a context of its own. Without a browser's headers unless given."""

    def __init__(self, app: Flask) -> None:
        self.pages = Pages(app)
        self.headers: dict[str, str] = {}

    def with_cookie(self, account: Account) -> Api:
        """Be a page of the shop on which somebody is signed in."""
        self._sign_in(account)
        self.headers = dict(SAME_ORIGIN)
        return self

    def with_token(self, account: Account) -> Api:
        """Be a program that brings somebody's token."""
        token = accounts.issue_token(self._sign_in(account))
        self.pages = Pages(self.pages.app)  # which has no cookie
        self.headers = {"Authorization": f"Bearer {token}"}
        return self

    def _sign_in(self, account: Account) -> SignedIn:
        db.session.rollback()  # as in `send`
        return self.pages.sign_in(account)

    def send(self, method: str, url: str, *, headers: dict[str, str] | None = None, **rest: Any) -> TestResponse:
        db.session.rollback()  # ends what the test read: its savepoint would enclose what the request writes
        given = self.headers if headers is None else headers
        with self.pages.app.app_context():
            return self.pages.client.open(url, method=method, headers=given, **rest)

    def get(self, url: str, **rest: Any) -> TestResponse:
        return self.send("GET", url, **rest)

    def post(self, url: str, **rest: Any) -> TestResponse:
        return self.send("POST", url, **rest)

    def put(self, url: str, **rest: Any) -> TestResponse:
        return self.send("PUT", url, **rest)


def assert_refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The error object of contract section 2.1, whole.

    :return: its `error`
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
