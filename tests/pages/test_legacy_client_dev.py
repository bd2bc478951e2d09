"""The old client on its own development server, for which the shop keeps the cookies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storefront.pages.legacy_client_dev import CookieJarMiddleware
from tests.accounts.sign_ups import EMAIL, PASSWORD
from tests.api.legacy_client import AT_HOME, NEW_ON_THE_SPOT, LegacyClient, as_sent_with_an_order
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.mailbox import Mailbox

THERE = "http://localhost:4200"


class ServedElsewhere(LegacyClient):
    """The same client from another port: its browser keeps no cookie and says where the page is from."""

    def __init__(self, app: Flask, origin: str = THERE) -> None:
        super().__init__(app)
        self.api.pages.client = app.test_client(use_cookies=False)
        self.origin = origin

    def send(self, method: str, path: str, body: Any = None) -> TestResponse:
        headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-site", "Referer": f"{self.origin}/"}
        sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = self.api.send(method, path, headers=headers, **sent)
        assert "Set-Cookie" not in answer.headers
        return answer


@pytest.fixture
def kept(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop with the switch on.

    :return: where the cookies lie
    """
    file = tmp_path / "cookies"
    keeper = CookieJarMiddleware(app.wsgi_app, origin=THERE, ours=app.config["PUBLIC_ORIGIN"], file=file)
    monkeypatch.setattr(app, "wsgi_app", keeper)
    return file


def test_all_of_the_client_works_from_there(app: Flask, kept: Path, mailbox: Mailbox) -> None:
    client, mug = ServedElsewhere(app), make_product(stock=9).id
    user = client.register(EMAIL)
    assert user is not None
    assert client.enter_code(user, EMAIL, mailbox.code_for(EMAIL), PASSWORD) == [200, 200]
    assert client.log_in(EMAIL, PASSWORD)
    assert client.add(mug)
    client.load_cart()
    assert client.change(mug, 2)
    saved = client.add_address(**AT_HOME)
    assert saved is not None
    placed = client.place_order(as_sent_with_an_order(saved), {**NEW_ON_THE_SPOT, "type": "cod"})
    assert placed is not None
    assert [order["id"] for order in client.orders()] == [placed["id"]]
    assert kept.stat().st_mode & 0o077 == 0


def test_its_page_may_read_the_answers(app: Flask, kept: Path) -> None:
    answer = ServedElsewhere(app).send("GET", "/api/products")
    assert answer.headers["Access-Control-Allow-Origin"] == THERE
    assert "Origin" in answer.headers["Vary"]


def test_who_logs_out_is_nobody_from_then_on(app: Flask, kept: Path) -> None:
    client = ServedElsewhere(app)
    assert client.log_in(str(make_account().email), PASSWORD)
    assert client.send("POST", "/auth/logout").status_code == 200
    assert client.send("GET", f"/users/{client.uid}/addresses").status_code == 401


def test_without_the_switch_it_stays_without_a_session(app: Flask) -> None:
    client = ServedElsewhere(app)
    assert client.log_in(str(make_account().email), PASSWORD)
    assert client.send("GET", f"/users/{client.uid}/addresses").status_code == 401


@pytest.mark.parametrize("origin", ["http://localhost:4201", "https://evil.example", "null"])
def test_pages_from_elsewhere_get_nothing_of_it(app: Flask, kept: Path, origin: str) -> None:
    client = ServedElsewhere(app)
    assert client.log_in(str(make_account().email), PASSWORD)
    stranger = ServedElsewhere(app, origin)
    assert stranger.send("GET", f"/users/{client.uid}/addresses").status_code == 401
    assert stranger.send("POST", f"/cart/{client.uid}/items?productId=1&quantity=1").status_code in {401, 403}
