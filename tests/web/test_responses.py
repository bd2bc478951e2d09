"""Responses of page views, with and without htmx."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, get_flashed_messages

from storefront.web import responses
from tests.page_client import Pages

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.mark.parametrize(
    ("headers", "is_fragment"),
    [
        ({}, False),
        ({"HX-Request": "true"}, True),
        (HTMX, True),
        ({"HX-Request": "false"}, False),
        ({"HX-Request": "true", "HX-Request-Type": "full"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, False),
        ({"HX-Request": "true", "HX-Boosted": "true"}, False),
    ],
)
def test_htmx_gets_a_fragment_unless_it_requests_a_page(app: Flask, headers: dict[str, str], is_fragment: bool) -> None:
    with app.test_request_context(headers=headers):
        assert responses.wants_fragment() is is_fragment


@pytest.fixture(params=[{}, HTMX], ids=["page", "htmx"])
def htmx(request: pytest.FixtureRequest, app: Flask) -> Iterator[bool]:
    """Within a request without htmx, then within one of htmx."""
    with app.app_context(), app.test_request_context(headers=request.param):
        yield bool(request.param)


PROBLEM = {"title": "Problem", "message": "of the test"}


def test_success_is_a_fragment_or_a_redirect_with_a_notice(htmx: bool) -> None:
    response = responses.answer("layout/_problem.html", otherwise="/there", notice="Done", **PROBLEM)
    if htmx:
        assert (response.status_code, get_flashed_messages()) == (200, [])
        assert 'id="problem"' in response.get_data(as_text=True)
    else:
        assert (response.status_code, response.headers["Location"]) == (303, "/there")
        assert get_flashed_messages(with_categories=True) == [("notice", "Done")]


def test_success_without_notice_flashes_nothing(app: Flask) -> None:
    with app.test_request_context():
        responses.answer("layout/_problem.html", otherwise="/there")
        assert get_flashed_messages() == []


def test_a_refusal_is_a_fragment_or_the_page_of_its_form(htmx: bool) -> None:
    response = responses.refuse(
        "layout/_problem.html", page="errors/500.html", otherwise="/there", problem="No", context=PROBLEM
    )
    assert response.status_code == 422
    text = response.get_data(as_text=True)
    assert ('id="problem"' in text, "<!doctype" in text) == (htmx, not htmx)


def test_a_refusal_without_a_page_redirects_with_the_problem(htmx: bool) -> None:
    response = responses.refuse("layout/_problem.html", otherwise="/there", problem="No", context=PROBLEM)
    if htmx:
        assert response.status_code == 422
    else:
        assert (response.status_code, response.headers["Location"]) == (303, "/there")
        assert get_flashed_messages(with_categories=True) == [("problem", "No")]


def test_a_redirect_uses_hx_redirect_for_htmx(htmx: bool) -> None:
    response = responses.redirect_or_hx("/there")
    if htmx:
        assert (response.status_code, response.headers["HX-Redirect"]) == (204, "/there")
    else:
        assert (response.status_code, response.headers["Location"]) == (303, "/there")


@pytest.mark.parametrize("as_htmx", [False, True])
@pytest.mark.parametrize("url", ["/products", "/product/6-the-seven-husbands-of-evelyn-hugo", "/cart"])
def test_a_response_that_depends_on_htmx_varies_by_its_headers(pages: Pages, url: str, as_htmx: bool) -> None:
    vary = pages.get(url, htmx=as_htmx).response.vary
    assert {*responses.VARY, "Cookie"} <= set(vary)


def test_a_page_without_fragment_does_not_vary_by_htmx(pages: Pages) -> None:
    assert "HX-Request" not in pages.get("/").response.vary


@pytest.mark.parametrize("url", ["/", "/products", "/cart"])
def test_pages_are_not_stored_by_shared_caches(pages: Pages, url: str) -> None:
    assert pages.get(url).response.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("url", ["/track", "/orders"])
def test_personal_pages_are_not_stored_by_any_cache(pages: Pages, url: str) -> None:
    assert pages.get(url).response.headers["Cache-Control"] == "no-store"


def test_a_history_restore_gets_the_whole_page(pages: Pages) -> None:
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert pages.client.get("/products", headers=headers).text.startswith("<!doctype html>")
