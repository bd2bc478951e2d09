"""Rate limits of the API: orders, writes and reviews per account, sign-in attempts, codes and e-mails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storefront.accounts import service as accounts
from storefront.web.security_headers import limiter
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import order_body, signed_in, written
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.catalog import make_product
from tests.isolated_shop import own_shop, shop_at


@pytest.fixture(scope="module")
def strict_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A shop with rate limits."""
    folder = tmp_path_factory.mktemp("strict")
    with own_shop("sqlite", folder), shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, RATELIMIT_ENABLED="1") as app:
        yield app


@pytest.fixture
def strict(strict_shop: Flask) -> Iterator[Flask]:
    """The shop with all limits reset."""
    limiter.reset()
    with strict_shop.app_context():
        yield strict_shop


def test_reading_carts_and_products_has_no_limit(strict: Flask) -> None:
    shopper, account = signed_in(strict)
    for _ in range(200):
        assert shopper.get(f"/cart/{account.id}").status_code == 200
        assert shopper.get("/api/products/1").status_code == 200


def test_cart_writes_have_a_high_limit(strict: Flask) -> None:
    shopper, account = signed_in(strict)
    line = f"/cart/{account.id}/items/1"
    assert {shopper.send("DELETE", line).status_code for _ in range(600)} == {200}
    refused = shopper.send("DELETE", line)
    assert_refused(refused, 429, "RATE_LIMITED")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert shopper.get(f"/cart/{account.id}").status_code == 200


def test_an_account_can_order_ten_times_a_minute_in_total(strict: Flask) -> None:
    shopper, account = signed_in(strict)
    too_cheap = order_body((make_product(), 1), total=1)
    for path in ("/api/orders/", "/api/orders", "/api/orders/"):
        for _ in range(3):
            assert_refused(shopper.post(path, json=too_cheap), 409, "PRICE_CHANGED")
    assert shopper.post(f"/checkout?userId={account.id}&addressId=1&method=cod").status_code == 404
    before = written()
    refused = shopper.post("/api/orders/", json=order_body((make_product(), 1)))
    assert_refused(refused, 429, "RATE_LIMITED")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert written() == before
    assert_refused(shopper.post(f"/checkout?userId={account.id}&addressId=1&method=cod"), 429, "RATE_LIMITED")


def test_each_account_has_its_own_limit(strict: Flask) -> None:
    crowd, shopper = signed_in(strict)[0], signed_in(strict)[0]
    too_cheap = order_body((make_product(), 1), total=1)
    assert [crowd.post("/api/orders/", json=too_cheap).status_code for _ in range(11)] == [409] * 10 + [429]
    assert shopper.post("/api/orders/", json=order_body((make_product(), 1))).status_code == 200


# ------------------------------------------------------------------------------------------------ sign-in


def log_in(app: Flask, email: str | None, password: str, *, address: str = "10.0.0.1") -> TestResponse:
    api = Api(app)
    api.pages.client.environ_base["REMOTE_ADDR"] = address
    return api.post("/auth/login", json={"email": email, "password": password})


def test_five_wrong_passwords_block_an_account_for_one_ip_address_only(strict: Flask) -> None:
    account = make_account()
    assert [log_in(strict, account.email, "wrong").status_code for _ in range(5)] == [401] * 5
    refused = log_in(strict, account.email, PASSWORD)
    assert_refused(refused, 429, "RATE_LIMITED")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert log_in(strict, account.email, PASSWORD, address="10.0.0.2").status_code == 200
    assert log_in(strict, make_account().email, PASSWORD).status_code == 200


def test_expired_sessions_do_not_count_as_attempts(strict: Flask) -> None:
    """The client sends three requests per page with an expired session."""
    shopper, account = signed_in(strict)
    accounts.end_sessions_of(account.id)
    assert {shopper.get(f"/cart/{account.id}").status_code for _ in range(30)} == {401}
    assert log_in(strict, account.email, PASSWORD, address="127.0.0.1").status_code == 200


def test_guessing_codes_is_limited(strict: Flask) -> None:
    api = Api(strict)
    body = {"email": "asha@example.com", "otpCode": "123456"}
    assert [api.post("/auth/mfa/verify", json=body).status_code for _ in range(21)] == [400] * 20 + [429]


@pytest.mark.parametrize("path", ["/auth/register/stub", "/auth/register"])
def test_probing_for_accounts_is_limited(strict: Flask, path: str) -> None:
    api, email = Api(strict), make_account().email
    body = {"email": email, "password": PASSWORD}
    assert [api.post(path, json=body).status_code for _ in range(21)] == [409] * 20 + [429]


def test_sending_emails_is_limited(strict: Flask) -> None:
    api = Api(strict)
    answers = [api.post("/auth/password/reset", json={"email": f"no-{n}@example.com"}).status_code for n in range(31)]
    assert answers == [200] * 30 + [429]


def test_writing_reviews_is_limited(strict: Flask) -> None:
    shopper, _ = signed_in(strict)
    body = {"rating": 5, "title": "Good", "comment": "Good"}
    answers = [shopper.post("/api/products/1/reviews", json=body).status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
