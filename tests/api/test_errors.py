"""Every error of the API has the same JSON format, and every error of a page is a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storefront.accounts.values import EmailTaken, WrongPassword
from storefront.api import errors
from storefront.catalog.values import OutOfStock, Sku, UnknownProduct
from storefront.core.errors import DomainError, RetryLater
from tests.api.client import Api, assert_refused
from tests.isolated_shop import own_shop, shop_at

NOWHERE = "mysql+pymysql://root@127.0.0.1:1/gone"
TEN_DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/nothing",
        "/api//products",
        "/api/products/NaN",
        "/api/products/1.5",
        "/api/products/" + "9" * 5000,
        "/auth",
        "/auth/nothing/",
        "/users/x/addresses",
        "/cart/x",
        "/cart/7/nothing",
        "/products/image/x",
        "/products/7/nothing",
        "/products/x/reduce-stock",
        "/health/nothing",
    ],
)
def test_an_unknown_api_path_answers_json(api: Api, path: str) -> None:
    assert_refused(api.get(path), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/nothing", "/cart/lines/x/y", "/products/7", "/apis", "/category/toys"])
def test_an_unknown_page_answers_html(api: Api, path: str) -> None:
    response = api.get(path)
    assert (response.status_code, response.mimetype) == (404, "text/html")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/products", {"GET", "POST"}),
        ("DELETE", "/api/products/", {"GET", "POST"}),
        ("PATCH", "/api/products/1/", {"GET"}),
        ("GET", "/api/products/batch", {"POST"}),
        ("GET", "/products/batch", {"POST"}),
        ("GET", "/products/1/reduce-stock", {"PUT"}),
        ("DELETE", "/health", {"GET"}),
    ],
)
def test_a_wrong_method_answers_the_allowed_ones(api: Api, method: str, path: str, allowed: set[str]) -> None:
    response = api.send(method, path)
    assert_refused(response, 405, "METHOD_NOT_ALLOWED")
    assert allowed <= {verb.strip() for verb in response.headers["Allow"].split(",")}


def test_a_wrong_method_of_a_page_answers_html(api: Api) -> None:
    assert api.get("/cart/lines").mimetype == "text/html"
    assert api.get("/checkout").mimetype == "text/html"


@pytest.mark.parametrize(
    "body", ["", "[1", "{", "[1,]", "{'a': 1}", b"\xff\xfe", '["\\ud800"]', "[NaN", TEN_DEEP, "[1] x"]
)
def test_invalid_json_is_malformed(api: Api, body: Any) -> None:
    response = api.post("/api/products/batch", data=body, content_type="application/json")
    assert_refused(response, 400, "MALFORMED_JSON")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_the_content_type_must_be_json(api: Api, kind: str | None) -> None:
    response = api.post("/api/products/batch", data="[1]", content_type=kind)
    assert_refused(response, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_too_large_a_body_is_refused(api: Api) -> None:
    response = api.post("/api/products/batch", data=" " * 1024 * 1024 + "[1]", content_type="application/json")
    assert_refused(response, 413, "PAYLOAD_TOO_LARGE")


def test_every_problem_is_named_at_once(stock_keeper: Api) -> None:
    body = {"sku": "  ", "name": 5, "price": "12", "stock": True, "brand": "B" * 256}
    error = assert_refused(stock_keeper.post("/api/products", json=body), 400, "VALIDATION_ERROR")
    assert {detail["field"]: detail["message"] for detail in error["details"]} == {
        "sku": "sku must not be empty",
        "name": "name must be text",
        "price": "price must be a number",
        "stock": "stock must be a whole number",
        "brand": "brand may have at most 255 characters",
    }
    assert error["message"] == "sku must not be empty"


def test_a_problem_within_a_list_has_its_index(api: Api) -> None:
    error = assert_refused(api.post("/api/products/batch", json=[1, "2", 3.5]), 400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in error["details"]] == ["[1]", "[2]"]


def fail_with(api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setitem(api.pages.app.view_functions, "api.getProduct", fail)


def test_an_unexpected_error_reveals_no_details(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(api, monkeypatch, RuntimeError("secret figure 4711"))
    response = api.get("/api/products/1", headers={"HX-Request": "true"})
    assert_refused(response, 500, "INTERNAL_ERROR")
    for inside in ("4711", "RuntimeError", "Traceback", ".py"):
        assert inside not in response.text


def test_an_exhausted_connection_pool_answers_503_with_retry_after(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(api, monkeypatch, PoolTimeout("QueuePool limit"))
    response = api.get("/api/products/1")
    assert_refused(response, 503, "SERVICE_UNAVAILABLE")
    assert response.headers["Retry-After"] == "5"


def test_an_unavailable_database_answers_503_with_retry_after(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{{schema}}.db"
    with own_shop("sqlite", tmp_path), shop_at(url, tmp_path, CATALOG_DATABASE_URL=NOWHERE) as app, app.app_context():
        response = Api(app).get("/api/products")
    assert_refused(response, 503, "SERVICE_UNAVAILABLE")
    assert response.headers["Retry-After"] == "5"
    assert "pymysql" not in response.text


def test_a_rate_limit_answers_429_with_retry_after(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(api, monkeypatch, RetryLater(40))
    response = api.get("/api/products/1")
    assert_refused(response, 429, "RATE_LIMITED")
    assert response.headers["Retry-After"] == "40"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UnknownProduct(7), 404, "PRODUCT_NOT_FOUND"),
        (OutOfStock({Sku("A"): 2}, {Sku("A"): "Mug"}), 409, "INSUFFICIENT_STOCK"),
        (EmailTaken(), 409, "DUPLICATE_EMAIL"),
        (WrongPassword(), 401, "INVALID_CREDENTIALS"),
    ],
)
def test_a_domain_error_has_the_code_of_the_contract(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: DomainError, status: int, code: str
) -> None:
    fail_with(api, monkeypatch, error)
    assert_refused(api.get("/api/products/1"), status, code)


def test_an_unmapped_domain_error_uses_its_status() -> None:
    class Unheard(DomainError):
        status = 422

    assert errors.error_for(422, Unheard()).code == "VALIDATION_ERROR"
    assert errors.error_for(422, Unheard()).status == 400


def test_health_answers_with_and_without_a_slash(api: Api) -> None:
    for path in ("/health", "/health/"):
        assert api.get(path).json == {"status": "UP"}


@pytest.mark.parametrize("path", ["/cart/lines", "/track"])
def test_pages_have_their_own_error_texts(app: Flask, path: str) -> None:
    response = Api(app).post(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert (response.status_code, response.mimetype) == (403, "text/html")
