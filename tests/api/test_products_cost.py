"""Queries and caching of the product list: contract case 55."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from storefront.api import products
from storefront.catalog.models import Image
from storefront.catalog.values import Sku
from storefront.core.cache import RefreshingCache
from storefront.db.session import transaction
from tests.api.client import Api
from tests.api.product_payloads import add_reviews, change
from tests.factories.stock import receive
from tests.page_client import counted_selects


def test_the_list_takes_the_same_selects_in_a_shop_of_any_size(api: Api) -> None:
    with counted_selects() as small:
        api.get("/api/products?page=0&size=2")
    with counted_selects() as whole:
        api.get("/api/products")
    assert whole["selects"] <= 7
    assert small["selects"] <= 8  # one more to count what is not shown


@pytest.mark.parametrize(
    ("path", "most"), [("/api/products/1", 6), ("/api/products/1/reviews", 3), ("/api/products/1/reviews/count", 1)]
)
def test_a_product_takes_few_selects(api: Api, path: str, most: int) -> None:
    with counted_selects() as counted:
        assert api.get(path).status_code == 200
    assert counted["selects"] <= most


def test_an_unchanged_list_answers_304(api: Api) -> None:
    tag = api.get("/api/products").headers["ETag"]
    again = api.get("/api/products", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    receive(Sku("SKU-APL-IP15PM"), -1)
    changed = api.get("/api/products", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json[0]["stock"]) == (200, 44)


def test_public_responses_do_not_vary_by_cookie(api: Api) -> None:
    response = api.get("/api/products")
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.vary


@pytest.fixture
def caching(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop with its cache enabled, as in production."""
    monkeypatch.setitem(app.config, "CACHE_ENABLED", True)
    lists: RefreshingCache[bytes] = RefreshingCache(
        "lists of a test", fresh_seconds=30, max_age_seconds=30, max_entries=8
    )
    monkeypatch.setattr(products, "_cached_lists", lists)


@pytest.mark.usefixtures("caching")
def test_a_serialized_list_is_cached(api: Api) -> None:
    first = api.get("/api/products")
    with counted_selects() as counted:
        assert api.get("/api/products").data == first.data
    assert counted["selects"] == 3


@pytest.mark.usefixtures("caching")
@pytest.mark.parametrize(
    "values", [{"price": 1}, {"stock": 7}, {"active": False}, {"average_rating": 1}, {"review_count": 9}]
)
def test_a_cached_list_is_dropped_after_a_change(api: Api, values: dict[str, Any]) -> None:
    before = api.get("/api/products").data
    change(1, **values)
    assert api.get("/api/products").data != before


@pytest.mark.usefixtures("caching")
def test_a_new_image_or_review_is_shown_immediately(api: Api) -> None:
    before = api.get("/api/products").json
    with transaction("catalog") as session:
        session.add(Image(product_id=1, image_url="icons/parcel.webp", sort_order=9))
    with_picture = api.get("/api/products").json
    add_reviews(1, 1)
    with_review = api.get("/api/products").json
    assert len(with_picture[0]["imageUrls"]) == len(before[0]["imageUrls"]) + 1
    assert len(with_review[0]["reviews"]) == len(before[0]["reviews"]) + 1


def test_reading_has_no_rate_limit(api: Api) -> None:
    assert {api.get("/api/products/1").status_code for _ in range(60)} == {200}
