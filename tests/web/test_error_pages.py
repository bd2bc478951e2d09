"""Errors as pages and as messages for htmx, without internals."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storefront.catalog.values import SkuTaken, UnknownSku
from storefront.core.errors import DomainError, NotFoundError
from storefront.db import sqlite
from tests.isolated_shop import own_shop, shop_at
from tests.page_client import SAME_ORIGIN, Page, Pages

BOTH_WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
NOWHERE = "mysql+pymysql://root@127.0.0.1:1/gone"
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
PRODUCT = "/product/6-the-seven-husbands-of-evelyn-hugo"


def assert_says(page: Page, words: str, *, htmx: bool) -> None:
    """A page with a way on; or for htmx a notice that goes to its place whatever the request's target was."""
    assert words in page.words
    headers = page.response.headers
    if htmx:
        assert page.one("#problem")["role"] == "alert"
        assert not page.all("h1")
        assert (headers["HX-Retarget"], headers["HX-Reswap"]) == ("#notices", "innerHTML")
    else:
        assert page.all('a[href="/"]')
        assert "HX-Retarget" not in headers


@BOTH_WAYS
@pytest.mark.parametrize("url", ["/no-such-page", "/product/999999-mug", "/category/toys"])
def test_page_not_found(pages: Pages, url: str, htmx: bool) -> None:
    assert_says(pages.get(url, htmx=htmx, status=404), "Page not found", htmx=htmx)


@BOTH_WAYS
@pytest.mark.parametrize("url", ["/cart/lines", "/cart/lines/1", "/cart/lines/1/removal"])
def test_method_not_allowed(pages: Pages, url: str, htmx: bool) -> None:
    page = pages.get(url, htmx=htmx, status=405)
    assert_says(page, "Method not allowed", htmx=htmx)
    assert "POST" in page.response.headers["Allow"]


@BOTH_WAYS
def test_request_too_large(pages: Pages, htmx: bool) -> None:
    product = pages.get(PRODUCT)
    page = pages.submit(product, "#add-line", htmx=htmx, status=413, quantity="1" * 2 * 1024 * 1024)
    assert_says(page, "Request too large", htmx=htmx)


@BOTH_WAYS
def test_bad_request(pages: Pages, htmx: bool) -> None:
    headers = {**SAME_ORIGIN, **(HTMX if htmx else {})}
    response = pages.client.post("/cart/lines", data=b"\xff\xfe%%%=&&&", headers=headers)
    assert response.status_code in {400, 404}
    assert ("HX-Retarget" in response.headers) is htmx


@BOTH_WAYS
def test_an_unexpected_error_shows_no_internals(pages: Pages, monkeypatch: pytest.MonkeyPatch, htmx: bool) -> None:
    def fail() -> None:
        raise RuntimeError("secret figure 4711")

    monkeypatch.setitem(pages.app.view_functions, "cart.show", fail)
    page = pages.get("/cart", htmx=htmx, status=500)
    assert_says(page, "Something went wrong", htmx=htmx)
    for internal in ("4711", "RuntimeError", "Traceback", ".py", "storefront/"):
        assert internal not in page.response.text


@BOTH_WAYS
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [(SkuTaken, 409, "This is no longer possible"), (UnknownSku, 404, "Page not found")],
)
def test_a_domain_error_that_no_view_handled(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, htmx: bool, error: type[DomainError], status: int, words: str
) -> None:
    def refuse() -> None:
        raise error("MUG-4711")

    monkeypatch.setitem(pages.app.view_functions, "cart.show", refuse)
    page = pages.get("/cart", htmx=htmx, status=status)
    assert_says(page, words, htmx=htmx)
    assert "4711" not in page.response.text


def test_every_unknown_error_is_a_404() -> None:
    waiting, unknown = [DomainError], set()
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        unknown |= {found} if found.__name__.startswith("Unknown") else set()
    assert len(unknown) > 20
    assert {error for error in unknown if not issubclass(error, NotFoundError) or error.status != 404} == set()


@BOTH_WAYS
def test_an_exhausted_connection_pool_is_a_503(pages: Pages, monkeypatch: pytest.MonkeyPatch, htmx: bool) -> None:
    def time_out() -> None:
        raise PoolTimeout("QueuePool limit of size 5 reached")

    monkeypatch.setitem(pages.app.view_functions, "cart.show", time_out)
    page = pages.get("/cart", htmx=htmx, status=503)
    assert_says(page, "The shop is temporarily unavailable", htmx=htmx)
    assert page.response.headers["Retry-After"] == "5"


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Path]:
    """A folder with the databases of a filled demo shop."""
    with own_shop("sqlite", tmp_path):
        yield tmp_path


def shop_without(folder: Path, *unreachable: str) -> Iterator[Pages]:
    """The shop while the databases of some schemas cannot be reached."""
    urls = {f"{schema.upper()}_DATABASE_URL": NOWHERE for schema in unreachable}
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, **urls) as app:
        yield Pages(app)


@BOTH_WAYS
def test_an_unreachable_database_is_a_503_with_retry_after(databases: Path, htmx: bool) -> None:
    for pages in shop_without(databases, "catalog"):
        page = pages.get("/products", htmx=htmx, status=503)
        assert_says(page, "The shop is temporarily unavailable", htmx=htmx)
        assert page.response.headers["Retry-After"] == "5"
        assert "pymysql" not in page.response.text


def test_browsing_and_the_cart_work_while_other_databases_are_down(databases: Path) -> None:
    for pages in shop_without(databases, "checkout", "orders", "payments", "accounts"):
        pages.get("/")
        pages.get("/products?q=headphones")
        page = pages.submit(pages.get(PRODUCT), "#add-line", quantity="2")
        assert "The Seven Husbands of Evelyn Hugo added" in page.words
        pages.get("/checkout/contact", status=503)


def test_browsing_works_without_the_cart(databases: Path) -> None:
    for pages in shop_without(databases, "cart"):
        product = pages.get(PRODUCT)
        pages.submit(product, "#add-line", status=503)
        assert pages.get("/").one("#cart-badge").get_text().split() == ["Cart"]


def test_a_locked_database_is_a_503_after_waiting_and_nothing_is_lost(
    databases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    for pages in shop_without(databases):
        product = pages.get(PRODUCT)
        with closing(sqlite3.connect(databases / "cart.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            page = pages.submit(product, "#add-line", status=503)
            assert "Your cart is saved. Try again in a moment." in page.words
            assert "Your cart is empty" in pages.get("/cart").words  # reading goes on
        assert "added to your cart" in pages.submit(product, "#add-line").words


def test_the_500_page_uses_no_template_variables(app: Flask) -> None:
    source = app.jinja_env.loader.get_source(app.jinja_env, "errors/500.html")[0]  # type: ignore[union-attr]
    assert "{%" not in source
    assert "{{" not in source
    for sheet in ("layers", "tokens", "base", "components/error-page"):
        assert (Path(str(app.static_folder)) / f"css/{sheet}.css").is_file()
