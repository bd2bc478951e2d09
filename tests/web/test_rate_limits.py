"""Rate limits: their keys, and counting without Redis."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from storefront.web.rate_limits import ORDER_EMAILS
from storefront.web.security_headers import rate_limit_key
from tests.accounts.sign_ups import PASSWORD
from tests.accounts.test_brute_force import new_account, sign_in
from tests.factories.catalog import make_product
from tests.factories.shopping import fill_cart
from tests.isolated_shop import own_shop, shop_at
from tests.page_client import Pages


def test_without_redis_sign_in_works_and_is_still_limited(tmp_path: Path) -> None:
    settings = {"RATELIMIT_ENABLED": "1", "REDIS_URL": "redis://127.0.0.1:1"}
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with own_shop("sqlite", tmp_path), shop_at(url, tmp_path, **settings) as app:
        email = new_account(app, "nine@example.com")
        assert sign_in(app, PASSWORD, email=email) == 303
        assert [sign_in(app, "wrong", email=email) for _ in range(6)] == [422] * 5 + [429]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::1", "::/64"),
        ("203.0.113.7:5151", "203.0.113.7"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_ipv6_addresses_are_counted_by_network(app: Flask, address: str, network: str) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert rate_limit_key() == network


def test_attempts_from_one_ipv6_network_are_counted_together(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with own_shop("sqlite", tmp_path), shop_at(url, tmp_path, RATELIMIT_ENABLED="1") as app:
        email = new_account(app, "ten@example.com")
        here = [f"2001:db8:0:1::{number:x}" for number in range(1, 7)]
        assert [sign_in(app, "wrong", one, email=email) for one in here] == [422] * 5 + [429]
        assert sign_in(app, PASSWORD, "2001:db8:0:2::1", email=email) == 303


def test_order_emails_to_one_address_are_limited(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with own_shop("sqlite", tmp_path), shop_at(url, tmp_path, RATELIMIT_ENABLED="1") as app:
        pages = Pages(app)
        with app.app_context():
            fill_cart(pages, make_product(stock=9))

        def enter(email: str, status: int = 200) -> None:
            contact = pages.get("/checkout/contact")
            pages.submit(contact, "form.checkout__form", email=email, phone="9876543210", status=status)

        for _ in range(ORDER_EMAILS.amount):
            enter("victim@example.com")
        enter(" Victim@example.com", status=429)
        enter("somebody.else@example.com")


def test_page_limits_count_by_network_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with own_shop("sqlite", tmp_path), shop_at(url, tmp_path, RATELIMIT_ENABLED="1") as app:
        pages = Pages(app)
        form = pages.get("/track")
        for number, status in enumerate([422] * 20 + [429]):
            pages.client.environ_base["REMOTE_ADDR"] = f"2001:db8:0:1::{number:x}"
            pages.submit(form, "main form", order_id="ORD-1", email="a@example.com", status=status)
