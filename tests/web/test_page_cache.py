"""The page cache before Flask: what it keeps, and for whom. That it is never wrong: `proofs/test_page_cache.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from storefront.catalog.service import version_reader
from storefront.web import page_cache, page_store
from storefront.web.page_store import MAX_KEY_LENGTH
from tests.factories.catalog import make_product
from tests.factories.stock import receive
from tests.fakes import Clock
from tests.isolated_shop import shop_at
from tests.page_client import SAME_ORIGIN

PRODUCT = "/product/6-the-seven-husbands-of-evelyn-hugo"
KEPT = ["/", "/products", "/products?q=lamp", "/category/books?sort=price-low", PRODUCT]


@pytest.fixture
def shop(folder: Path) -> Iterator[Flask]:
    """The shop with an empty page cache."""
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, CACHE_ENABLED="1") as app:
        yield app


@pytest.fixture
def made(shop: Flask) -> list[str]:
    """The paths of the requests that reached Flask."""
    paths: list[str] = []
    shop.before_request(lambda: paths.append(request.path))
    return paths


@pytest.fixture
def client(shop: Flask, made: list[str]) -> FlaskClient:
    """A visitor who keeps no cookie."""
    return shop.test_client(use_cookies=False)


def ask(client: FlaskClient, path: str, times: int = 1, **headers: str) -> TestResponse:
    """Ask as often as that.

    :return: the last answer
    """
    return [client.get(path, headers=headers) for _ in range(times)][-1]


@pytest.mark.parametrize("path", KEPT)
def test_a_page_is_kept_when_it_is_asked_for_again(client: FlaskClient, made: list[str], path: str) -> None:
    first = ask(client, path)
    assert "ETag" not in first.headers
    kept = ask(client, path, 5)
    assert len(made) == 2
    assert kept.text == first.text
    assert kept.headers["ETag"].startswith("W/")
    differing = {"ETag", "Content-Length", "Date", "X-Request-ID"}
    assert {name: value for name, value in first.headers if name not in differing} == {
        name: value for name, value in kept.headers if name not in differing
    }


@pytest.mark.parametrize(
    "path",
    [
        "/cart",
        "/login",
        "/track",
        "/health",
        "/api/products/6/check-stock?quantity=1",
        "/no-such-page",
        "/product/6-wrong-name",
        "/sitemap.xml",
    ],
)
def test_other_answers_are_not_kept_and_ask_for_no_version(
    shop: Flask, client: FlaskClient, made: list[str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.extensions["page_cache"]._pages, "_versions", None)  # whoever reads it fails
    ask(client, path, 3)
    assert len(made) == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "storefront=anything"},
        {"Cookie": "other=1; storefront=anything"},
        {"Authorization": "Bearer x"},
        {"HX-Request": "true"},
    ],
    ids=str,
)
def test_a_visitor_with_a_state_gets_a_page_made_for_them(
    client: FlaskClient, made: list[str], headers: dict[str, str]
) -> None:
    ask(client, "/products", 3)
    made.clear()
    assert "ETag" not in ask(client, "/products", 2, **headers).headers
    assert len(made) == 2


def test_other_cookies_do_not_count(client: FlaskClient, made: list[str]) -> None:
    ask(client, "/products", 2)
    made.clear()
    assert "ETag" in ask(client, "/products", Cookie="theme=dark").headers
    assert made == []


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/products?page=2", {}),
        ("/products", {"Host": "127.0.0.1"}),
        ("/products", {"X-Forwarded-Proto": "http"}),
        ("/products", SAME_ORIGIN),
    ],
)
def test_another_request_is_another_page(
    client: FlaskClient, made: list[str], path: str, headers: dict[str, str]
) -> None:
    ask(client, "/products", 2)
    made.clear()
    ask(client, path, 1, **headers)
    assert made == [path.partition("?")[0]]


def test_a_product_looked_at_from_within_the_shop_is_remembered_each_time(client: FlaskClient, made: list[str]) -> None:
    ask(client, PRODUCT, 3)
    made.clear()
    for _ in range(3):
        assert "Set-Cookie" in ask(client, PRODUCT, 1, **SAME_ORIGIN).headers
    assert len(made) == 3


def test_an_endless_address_is_not_kept(client: FlaskClient, made: list[str]) -> None:
    ask(client, "/products?q=" + "lamp+" * (MAX_KEY_LENGTH // 5), 3)
    assert len(made) == 3


def test_a_head_request_has_the_headers_of_the_page(client: FlaskClient) -> None:
    page = ask(client, "/products", 3)
    head = client.head("/products")
    assert head.data == b""
    assert head.headers["Content-Length"] == page.headers["Content-Length"]


def test_a_head_request_keeps_the_page_for_the_next_one(client: FlaskClient, made: list[str]) -> None:
    assert [client.head("/category/books").data for _ in range(3)] == [b""] * 3
    assert len(made) == 2
    assert "</html>" in ask(client, "/category/books").text
    assert len(made) == 2


def test_the_next_day_and_a_minute_later_it_is_made_anew(
    client: FlaskClient, made: list[str], now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client, PRODUCT, 3)
    assert len(made) == 2
    now.advance(days=1)
    ask(client, PRODUCT, 2)
    assert len(made) == 3
    monkeypatch.setattr(page_store, "MAX_AGE_SECONDS", 0)
    ask(client, PRODUCT)
    assert len(made) == 4


def test_without_a_version_pages_are_made_for_each_request(
    shop: Flask, client: FlaskClient, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client, "/products", 2)
    with shop.app_context():
        reader = version_reader()
    monkeypatch.setattr(reader, "read", lambda: None)
    made.clear()
    assert "ETag" not in ask(client, "/products", 2).headers
    assert len(made) == 2


def test_memory_is_bounded(shop: Flask, client: FlaskClient) -> None:
    cache = shop.extensions["page_cache"]
    assert isinstance(cache, page_cache.PageCache)
    cache._pages._kept._max_size = 300_000
    for number in range(1, 20):
        ask(client, f"/products?sort=newest&rating={number % 5}&page={number}", 2)
    assert 0 < cache._pages.size <= 300_000


def test_caches_can_be_turned_off(folder: Path) -> None:
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, CACHE_ENABLED="0") as app:
        assert "ETag" not in ask(app.test_client(use_cookies=False), "/products", 3).headers


# ------------------------------------------------------------------------------------------- the API

DATA = ["/api/products", "/api/products?page=1&size=5", "/api/products/6"]
DATA += [f"/api/products/6/reviews{what}" for what in ("", "/avg", "/average-rating", "/count")]
CALLERS: list[dict[str, str]] = [{}, {"Cookie": "storefront=anything"}]


@pytest.mark.parametrize("path", DATA)
def test_data_that_is_the_same_for_everyone_is_kept_for_every_caller(
    client: FlaskClient, made: list[str], path: str
) -> None:
    answers = [ask(client, path, times, **caller) for times in (1, 4) for caller in CALLERS]
    assert len(made) == 4  # twice for callers with a session, and twice for those without
    assert len({answer.data for answer in answers}) == 1
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-cache"}
    assert not any("Set-Cookie" in answer.headers for answer in answers)
    kept = answers[-1]
    assert ask(client, path, Authorization="Bearer x").status_code == 401
    assert ask(client, path, **{"If-None-Match": kept.headers["ETag"]}).status_code == 304
    assert ask(client, path, **{"If-None-Match": 'W/"another"'}).status_code == 200


def test_data_is_kept_for_a_caller_who_has_an_older_answer(client: FlaskClient, made: list[str]) -> None:
    tag = ask(client, "/api/products/6").headers["ETag"]
    assert [ask(client, "/api/products/6", 1, **{"If-None-Match": tag}).status_code for _ in range(4)] == [200] * 4
    assert len(made) == 2


def test_each_origin_is_answered_by_its_own_cors_headers(client: FlaskClient, shop: Flask) -> None:
    allowed = next(iter(shop.config["CORS_ORIGINS"]))
    for origin, expected in ((allowed, allowed), ("https://evil.example", None), ("", None)):
        answer = ask(client, "/api/products/6", 3, **({"Origin": origin} if origin else {}))
        assert answer.headers.get("Access-Control-Allow-Origin") == expected
        assert "Origin" in answer.headers["Vary"]


def test_the_next_request_for_data_after_a_change_has_it(client: FlaskClient, shop: Flask) -> None:
    with shop.app_context():
        product = make_product(stock=10)
        assert ask(client, f"/api/products/{product.id}", 3).get_json()["stock"] == 10
        receive(product.sku, -3)
    assert ask(client, f"/api/products/{product.id}").get_json()["stock"] == 7
