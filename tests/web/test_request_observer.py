"""Every request is counted, timed and named, whoever answers it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storefront.core.request_facts import is_request_id
from storefront.core.security_log import FIELDS
from storefront.web import request_observer
from tests.isolated_shop import THROUGH_PROXY, real_shop_in, shop_at
from tests.metric_values import growth, value_of

GIVEN = "b7ad6b7169203331-proxy"
PRODUCT = "/product/6-the-seven-husbands-of-evelyn-hugo"
PRODUCT_RULE = "/product/<id:product_id>-<slug>"


@pytest.fixture
def shop(folder: Path) -> Iterator[Flask]:
    """The shop with an empty page cache, without a proxy."""
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, CACHE_ENABLED="1", LOG_REQUESTS="all") as app:
        yield app


@pytest.fixture
def client(shop: Flask) -> FlaskClient:
    """A visitor who keeps no cookie."""
    return shop.test_client(use_cookies=False)


@pytest.fixture(scope="module")
def real_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The shop behind a proxy."""
    with real_shop_in(tmp_path_factory.mktemp("real")) as app:
        yield app


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [record.__dict__[FIELDS] for record in caplog.records if record.name == "storefront.requests"]


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", PRODUCT, PRODUCT_RULE, "200"),
        ("GET", "/no/such/page?q=secret", "(none)", "404"),
        ("POST", "/cart/lines", "/cart/lines", "403"),
        ("GET", "/api/products/6/check-stock?quantity=1", "/api/products/<api_id:product_id>/check-stock", "200"),
    ],
)
def test_a_request_is_counted_by_route_method_and_status(
    client: FlaskClient, method: str, path: str, route: str, status: str
) -> None:
    with (
        growth("storefront_http_requests_total", route=route, method=method, status=status),
        growth("storefront_http_request_seconds_count", route=route, method=method),
    ):
        client.open(path, method=method)


def test_whole_pages_are_counted_under_their_route_wherever_they_come_from(client: FlaskClient) -> None:
    hits = value_of("storefront_cache_requests_total", cache="whole-pages", result="hit")
    with growth("storefront_http_requests_total", by=4, route=PRODUCT_RULE, method="GET", status="200"):
        for _ in range(4):  # made, made to be kept, and kept
            client.get(PRODUCT)
    assert value_of("storefront_cache_requests_total", cache="whole-pages", result="hit") == hits + 2


def test_a_page_that_is_not_kept_has_its_route_too(client: FlaskClient) -> None:
    """A kept page may become an error when it is made anew: that answer is not the page's."""
    with growth("storefront_http_requests_total", by=2, route="(none)", method="GET", status="404"):
        client.get("/no-such-page")
        client.get("/no-such-page")


def test_invented_methods_are_one_series(client: FlaskClient) -> None:
    with growth("storefront_http_requests_total", by=2, route="(none)", method="other", status="405"):
        client.open("/", method="BREW")
        client.open("/", method="WHEN")


def test_every_answer_has_an_id_of_its_own(client: FlaskClient) -> None:
    answers = [client.get(path) for path in (PRODUCT, PRODUCT, PRODUCT, "/health", "/no-such-page")]
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert all(map(is_request_id, ids))
    assert len(set(ids)) == 5


def test_without_a_trusted_proxy_nobody_chooses_the_id(client: FlaskClient) -> None:
    assert client.get("/health", headers={"X-Request-ID": GIVEN}).headers["X-Request-ID"] != GIVEN


def test_the_id_of_a_trusted_proxy_is_taken_on_and_returned(real_shop: Flask) -> None:
    answer = real_shop.test_client().get("/", headers={**THROUGH_PROXY, "X-Request-ID": GIVEN})
    assert answer.headers.getlist("X-Request-ID") == [GIVEN]


@pytest.mark.parametrize(
    "wrong", ["short", "x" * 65, "with space", 'quote"quote', "<script>alert</script>", "-leading-"]
)
def test_an_id_of_another_form_is_replaced(real_shop: Flask, wrong: str) -> None:
    answer = real_shop.test_client().get("/", headers={**THROUGH_PROXY, "X-Request-ID": wrong})
    (made,) = answer.headers.getlist("X-Request-ID")
    assert made != wrong
    assert is_request_id(made)


def test_the_line_of_a_request_has_no_path_query_or_address(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client.get("/products?q=secret", headers={"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"})
    (line,) = lines(caplog)
    assert {**line, "duration_ms": 0} == {"status": 200, "duration_ms": 0, "client": "bot"}
    assert "GET /products 200 in" in caplog.text
    assert "secret" not in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_by_default_only_problems_get_a_line(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder) as app:

        @app.get("/broken")
        def broken() -> str:
            raise ZeroDivisionError

        client = app.test_client()
        client.get("/health")
        client.get("/no-such-page")
        client.get("/broken")
    (line,) = lines(caplog)
    assert line["status"] == 500


def test_a_slow_request_is_a_problem(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(request_observer, "SLOW_SECONDS", 0.0)
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder) as app:
        app.test_client().get("/health")
    assert len(lines(caplog)) == 1
