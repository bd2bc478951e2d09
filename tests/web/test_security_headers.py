"""Security headers, CSRF protection and rate limits of pages."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from storefront.cart.models import Cart
from storefront.db.session import read_session
from tests.factories.catalog import make_product
from tests.isolated_shop import own_shop, shop_at
from tests.page_client import SAME_ORIGIN, Pages

ASKED = ["/", "/products?q=tea", "/cart", "/track", "/no-such-page", "/cart/lines", "/health", "/health/ready"]


@pytest.mark.parametrize("url", [*ASKED, "/static/js/app.js"])
def test_every_response_has_the_security_headers(pages: Pages, url: str) -> None:
    with pages.client.get(url) as response:
        headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("url", ASKED)
def test_the_content_security_policy_allows_own_sources_only(pages: Pages, url: str) -> None:
    policy = dict(
        part.strip().split(" ", 1) for part in pages.client.get(url).headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    sources = ("script-src", "style-src", "img-src", "font-src", "connect-src", "form-action")
    assert {policy[source] for source in sources} == {"'self'"}


def test_the_stylesheet_has_the_security_headers(pages: Pages) -> None:
    url = str(pages.get("/").one("link[rel=stylesheet]")["href"])
    assert pages.client.get(url).headers["X-Content-Type-Options"] == "nosniff"


def test_an_unexpected_error_has_the_security_headers(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pages.app.view_functions, "catalog.home", lambda: 1 / 0)
    response = pages.client.get("/")
    assert response.status_code == 500
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def add(pages: Pages, headers: dict[str, str], *, token: str | None = None, host: str = "localhost") -> TestResponse:
    """A form of a visitor with a session, as from the page that `headers` name, with its token by default."""
    mug = make_product()
    pages.begin_session()
    product = pages.get(f"/product/{mug.id}-{mug.slug}")
    good = str(product.one("#add-line input[name=csrf_token]")["value"])
    data = {"sku": mug.sku, "quantity": "1", "csrf_token": good if token is None else token}
    read_session().rollback()
    with pages.app.app_context():
        return pages.client.post("/cart/lines", data=data, headers=headers, base_url=f"http://{host}")


def carts() -> int:
    read_session().rollback()
    return read_session().scalar(sa.select(sa.func.count()).select_from(Cart)) or 0


@pytest.mark.parametrize(
    "headers",
    [
        SAME_ORIGIN,
        {"Sec-Fetch-Site": "none"},  # typed or reloaded by the shopper
        {"Origin": "http://localhost:9090"},
        {},  # no browser; the token still stands
    ],
)
def test_a_form_of_the_shop_is_accepted(pages: Pages, headers: dict[str, str]) -> None:
    assert add(pages, headers).status_code == 303
    assert carts() == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:9090"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9091"},
        {"Origin": "https://localhost:9090"},
        {"Origin": "http://localhost:9090.evil.example"},
    ],
)
def test_a_form_of_another_site_is_refused_even_with_a_valid_token(pages: Pages, headers: dict[str, str]) -> None:
    response = add(pages, headers)
    assert response.status_code == 403
    assert "the form was not sent from this shop" in response.text
    assert carts() == 0


@pytest.mark.parametrize("token", ["forged", "IjEi.aaaa.bbbb"])
@pytest.mark.parametrize("headers", [SAME_ORIGIN, {}])
def test_a_form_without_its_token_is_refused(pages: Pages, headers: dict[str, str], token: str) -> None:
    response = add(pages, headers, token=token)
    assert response.status_code == 403
    assert "the form was not sent from this shop" in response.text
    assert carts() == 0


def test_the_token_of_another_visitor_is_refused(app: Flask, pages: Pages) -> None:
    mug = make_product()
    other = Pages(app)
    other.begin_session()
    theirs = other.get(f"/product/{mug.id}-{mug.slug}").one("#add-line input[name=csrf_token]")["value"]
    assert add(pages, SAME_ORIGIN, token=str(theirs)).status_code == 403


WITHOUT_CSRF_TOKEN = {"payments.stripe_webhook", "wishlist.unsubscribe"}  # a signature, a token in the address


def test_every_write_of_the_pages_needs_the_csrf_token(shop: Flask, pages: Pages) -> None:
    adapter = shop.url_map.bind("localhost")
    arguments = {"kind": "email", "part": "codes"}
    answers = {}
    pages.begin_session()
    for rule in shop.url_map.iter_rules():
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
            values = {name: arguments.get(name, 1) for name in rule.arguments}
            url = adapter.build(rule.endpoint, values, method=method)
            if not rule.endpoint.startswith("api."):
                answers[rule.endpoint] = pages.client.open(url, method=method, headers=SAME_ORIGIN)
    assert len(answers) > 70
    assert {name for name, answer in answers.items() if answer.status_code != 403} == WITHOUT_CSRF_TOKEN
    refused = (answer.text for name, answer in answers.items() if name not in WITHOUT_CSRF_TOKEN)
    assert all("the form was not sent from this shop" in page for page in refused)


@pytest.mark.parametrize("url", ["/cart/lines/1", "/cart/lines/1/removal", "/track", "/checkout/review"])
def test_other_forms_of_another_site_are_refused_too(pages: Pages, url: str) -> None:
    assert pages.client.post(url, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    pages.begin_session()
    assert pages.client.post(url, headers=SAME_ORIGIN).status_code == 403


def test_links_of_other_sites_may_be_followed(pages: Pages) -> None:
    assert pages.client.get("/products", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("url", ["/", "/products?page=2", "/cart", "/no-such-page", "/product/6-wrong-name"])
def test_a_foreign_host_header_is_in_no_link(pages: Pages, url: str) -> None:
    response = pages.client.get(url, headers={"Host": "evil.example"})
    assert "evil.example" not in response.text
    assert "evil.example" not in response.headers.get("Location", "")


def test_a_shop_behind_https_sends_hsts(shop: Flask, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with shop_at(url, tmp_path, PUBLIC_ORIGIN="https://shop.example") as app:
        response = app.test_client().get("/health", base_url="https://shop.example")
        assert response.headers["Strict-Transport-Security"].startswith("max-age=63072000")
        assert app.config["SESSION_COOKIE_NAME"] == "__Host-storefront"
        assert app.config["SESSION_COOKIE_SECURE"] is True


def test_a_shop_on_plain_http_sends_no_hsts(pages: Pages) -> None:
    assert "Strict-Transport-Security" not in pages.client.get("/health").headers


def test_placing_orders_is_rate_limited(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with own_shop("sqlite", tmp_path), shop_at(url, tmp_path, RATELIMIT_ENABLED="1") as app:
        pages = Pages(app)
        sent = {"key": "x", "total": "x"}
        answers = [pages.client.post("/checkout/review", data=sent, headers=SAME_ORIGIN).status_code for _ in range(31)]
    assert answers == [303] * 30 + [429]


def test_a_forged_forwarded_address_does_not_evade_a_rate_limit(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with own_shop("sqlite", tmp_path), shop_at(url, tmp_path, RATELIMIT_ENABLED="1") as app:
        pages = Pages(app)

        def guess(number: int) -> TestResponse:
            data = {"order_id": f"ORD-{number}", "email": "a@example.com"}
            headers = {**SAME_ORIGIN, "X-Forwarded-For": f"10.0.0.{number}"}
            return pages.client.post("/track", data=data, headers=headers)

        answers = [guess(number) for number in range(25)]
    assert [answer.status_code for answer in answers] == [422] * 20 + [429] * 5
    assert "Too many attempts" in answers[-1].text
    assert int(answers[-1].headers["Retry-After"]) > 0
