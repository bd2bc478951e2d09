"""Security headers of every kind of response, and the score of the MDN HTTP Observatory."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from tests.isolated_shop import PUBLIC_ORIGIN, THROUGH_PROXY, real_shop_in
from tests.page_client import SAME_ORIGIN, Pages
from tests.routes import PAGES

SIX_MONTHS, A_YEAR = 15_768_000, 31_536_000  # seconds


@pytest.fixture(scope="module")
def real_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with real_shop_in(tmp_path_factory.mktemp("real")) as app:
        yield app


def ask(shop: Flask, method: str, url: str, **more: object) -> TestResponse:
    headers = {**THROUGH_PROXY, **more.pop("headers", {})}  # type: ignore[dict-item]
    return shop.test_client().open(url, method=method, headers=headers, base_url=PUBLIC_ORIGIN, **more)


def policy_of(response: TestResponse) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in response.headers["Content-Security-Policy"].split(";")]
    return {name: sources for name, _, sources in parts}


# What is answered by every part of the shop: pages, files, JSON, redirects, and each kind of refusal.
ASKED: dict[str, tuple[str, str, int, dict[str, object]]] = {
    "a page": ("GET", "/", 200, {}),
    "a fragment": ("GET", "/search/suggestions?q=tea", 200, {"headers": {"HX-Request": "true"}}),
    "the head of a page": ("HEAD", "/products", 200, {}),
    "a file": ("GET", "/static/js/app.js", 200, {}),
    "JSON": ("GET", "/api/products", 200, {}),
    "health": ("GET", "/health", 200, {}),
    "a redirect": ("GET", "/product/6-wrong-name", 301, {}),
    "by plain http": ("GET", "/", 308, {"headers": {"X-Forwarded-Proto": "http"}}),
    "a foreign host": ("GET", "/", 400, {"headers": {"Host": "evil.example"}}),
    "another site's form": ("POST", "/cart/lines", 403, {"headers": {"Sec-Fetch-Site": "cross-site"}}),
    "no token": ("POST", "/cart/lines", 403, {}),
    "not there": ("GET", "/no-such-page", 404, {}),
    "not there, JSON": ("GET", "/api/no-such-path", 404, {}),
    "not so": ("DELETE", "/cart", 405, {}),
    "trace": ("TRACE", "/", 405, {}),
    "trace of a file": ("TRACE", "/static/js/app.js", 405, {}),
    "trace of JSON": ("TRACE", "/api/products", 405, {}),
    "too large": ("POST", "/track", 413, {"headers": SAME_ORIGIN, "data": {"order_id": "x" * 300_000}}),
    "a card number": ("GET", "/products?q=4242424242424242", 422, {}),
}


@pytest.mark.parametrize("what", ASKED)
def test_every_response_has_every_security_header(real_shop: Flask, what: str) -> None:
    method, url, status, more = ASKED[what]
    with ask(real_shop, method, url, **dict(more)) as response:
        assert_guarded(response, status)


def test_an_unexpected_error_has_every_security_header(real_shop: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(real_shop.view_functions, "catalog.home", lambda: 1 / 0)
    assert_guarded(ask(real_shop, "GET", "/"), 500)


def assert_guarded(response: TestResponse, status: int) -> None:
    assert response.status_code == status
    policy, headers = policy_of(response), response.headers
    for none in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        assert policy[none] == "'none'", none
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in str(policy)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    seconds = re.fullmatch(r"max-age=(\d+); includeSubDomains; preload", headers["Strict-Transport-Security"])
    assert seconds is not None
    assert int(seconds[1]) >= A_YEAR


def test_the_referrer_has_its_path_within_the_shop_only(real_shop: Flask) -> None:
    """The old client's sync is told by the path of its Referer: contract/angular-api.md section 5.3 no. 11."""
    policy = ask(real_shop, "GET", "/").headers["Referrer-Policy"]
    keeps_paths_at_home = {"strict-origin-when-cross-origin", "same-origin", "no-referrer-when-downgrade"}
    hides_them_abroad = {"strict-origin-when-cross-origin", "same-origin", "strict-origin", "no-referrer"}
    assert policy in keeps_paths_at_home & hides_them_abroad


PERSONAL = {"account", "sign_in", "checkout", "dev_mail", "orders", "payments", "oidc", "security", "staff", "wishlist"}


@pytest.mark.parametrize("endpoint", [name for name in PAGES if name.partition(".")[0] in PERSONAL])
def test_personal_pages_are_not_stored(pages: Pages, endpoint: str) -> None:
    page = pages.get(PAGES[endpoint](pages).rstrip("/"))
    assert page.response.headers["Cache-Control"] == "no-store"


# -------------------------------------------------------------------------------------- the Observatory


def score_of(page: TestResponse, api: TestResponse, plain: TestResponse) -> int:
    """The score by the rules of the Observatory (github.com/mdn/mdn-http-observatory, src/grader/charts.js).

    :param page: over https, with the session's cookie
    :param api: what other origins may read
    :param plain: over http
    """
    policy, headers = policy_of(page), page.headers
    cookies = page.headers.getlist("Set-Cookie")
    assert cookies, "a page that sets the session's cookie must be marked"
    age = re.search(r"max-age=(\d+)", headers.get("Strict-Transport-Security", ""))
    faults = {
        "no policy": 25 * (not policy),
        "unsafe policy": 20 * ("unsafe-inline" in str(policy) or "unsafe-eval" in str(policy)),
        "no HSTS": 20 * (age is None),
        "short HSTS": 10 * (age is not None and int(age[1]) < SIX_MONTHS),
        "can be framed": 20 * ("frame-ancestors" not in policy and "X-Frame-Options" not in headers),
        "cookie without Secure": 40 * any("; Secure" not in cookie for cookie in cookies),
        "cookie without HttpOnly": 30 * any("; HttpOnly" not in cookie for cookie in cookies),
        "cookie with a wrong SameSite": 20 * any(not re.search("SameSite=(Lax|Strict|None)", c) for c in cookies),
        "sniffed": 5 * (headers.get("X-Content-Type-Options") != "nosniff"),
        "open to all": 50 * (api.headers.get("Access-Control-Allow-Origin") in {"*", "https://evil.example"}),
        "not led to https": 20 * (not plain.headers.get("Location", "").startswith("https://")),
    }
    score = 100 - sum(faults.values())
    if score < 90:
        return score
    has_all_flags = all(re.search("SameSite=(Lax|Strict)", cookie) for cookie in cookies)
    score += 10 if policy["default-src"] == "'none'" else 5
    score += 5 * ("frame-ancestors" in policy)
    score += 5 * (headers.get("Referrer-Policy", "") in {"strict-origin-when-cross-origin", "same-origin"})
    return score + 5 * has_all_flags


def test_the_observatory_would_give_an_a_plus(real_shop: Flask) -> None:
    client: Client = real_shop.test_client()
    headers = {**THROUGH_PROXY, **SAME_ORIGIN}  # from another page of the shop: it is remembered
    page = client.get("/product/6-the-seven-husbands-of-evelyn-hugo", headers=headers, base_url=PUBLIC_ORIGIN)
    assert "__Host-storefront" in str(page.headers.getlist("Set-Cookie"))
    api = ask(real_shop, "GET", "/api/products", headers={"Origin": "https://evil.example"})
    plain = ask(real_shop, "GET", "/", headers={"X-Forwarded-Proto": "http"})
    assert score_of(page, api, plain) >= 120
