"""Forms of visitors without a session: looking sets no cookie, and the browser vouches for the first form."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from tests.factories.catalog import make_product
from tests.page_client import SAME_ORIGIN, Page, Pages

LOOKED_AT = [
    "/",
    "/products",
    "/category/books",
    "/cart",
    "/login",
    "/register",
    "/track",
    "/wishlist",
    "/no-such-page",
]


def cookies(response: TestResponse) -> list[str]:
    return response.headers.getlist("Set-Cookie")


def token_of(page: Page, form: str) -> str:
    return str(page.one(f"{form} input[name=csrf_token]")["value"])


@pytest.mark.parametrize("url", LOOKED_AT)
def test_looking_sets_no_cookie(pages: Pages, url: str) -> None:
    assert cookies(pages.client.get(url, headers=SAME_ORIGIN)) == []


def test_a_product_that_somebody_came_for_sets_no_cookie_and_the_next_one_is_remembered(pages: Pages) -> None:
    first, second = make_product(name="Clay Mug"), make_product(name="Tin Mug")
    for headers in ({}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "cross-site"}):
        assert cookies(pages.client.get(f"/product/{first.id}-{first.slug}", headers=headers)) == []
    pages.get(f"/product/{second.id}-{second.slug}")
    seen = pages.get("/").one("section[aria-labelledby=seen-title]").get_text()
    assert "Tin Mug" in seen
    assert "Clay Mug" not in seen


def test_the_first_form_begins_the_session_and_the_next_ones_have_a_token(pages: Pages) -> None:
    mug = make_product()
    url = f"/product/{mug.id}-{mug.slug}"
    first_look = pages.client.get(url)
    assert 'name="csrf_token" value=""' in first_look.text
    data = {"sku": mug.sku, "quantity": "1", "csrf_token": ""}
    assert cookies(pages.client.post("/cart/lines", data=data, headers=SAME_ORIGIN))
    assert token_of(pages.get(url), "#add-line")


def test_a_page_from_before_the_session_still_works(pages: Pages) -> None:
    mug = make_product()
    pages.begin_session()
    data = {"sku": mug.sku, "quantity": "1", "csrf_token": ""}
    assert pages.client.post("/cart/lines", data=data, headers=SAME_ORIGIN).status_code == 303


def test_a_page_from_before_the_session_ended_still_works(pages: Pages) -> None:
    mug = make_product()
    pages.begin_session()
    token = token_of(pages.get(f"/product/{mug.id}-{mug.slug}"), "#add-line")
    pages.client.delete_cookie("storefront")
    data = {"sku": mug.sku, "quantity": "1", "csrf_token": token}
    assert pages.client.post("/cart/lines", data=data, headers=SAME_ORIGIN).status_code == 303


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://evil.example"}])
@pytest.mark.parametrize("fields", [{}, {"csrf_token": ""}, {"csrf_token": "forged"}])
def test_without_the_word_of_the_browser_a_newcomers_form_is_refused(
    pages: Pages, headers: dict[str, str], fields: dict[str, str]
) -> None:
    response = pages.client.post(
        "/cart/lines", data={"sku": make_product().sku, "quantity": "1", **fields}, headers=headers
    )
    assert response.status_code == 403


def test_a_browser_that_says_nothing_gets_a_token_with_its_refusal(pages: Pages) -> None:
    mug = make_product()
    data = {"sku": mug.sku, "quantity": "1", "csrf_token": ""}
    assert pages.client.post("/cart/lines", data=data).status_code == 403
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    data["csrf_token"] = token_of(page, "#add-line")
    assert pages.client.post("/cart/lines", data=data).status_code == 303
