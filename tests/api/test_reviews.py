"""Reviews by API: contract cases 47 and 48."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.catalog.models import Review
from storefront.db.session import transaction
from tests.api.client import Api, assert_refused
from tests.api.order_payloads import signed_in
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product

pytestmark = pytest.mark.both_engines

READING = ["", "/avg", "/average-rating", "/count"]


def test_reviews_are_listed_newest_first(api: Api) -> None:
    found = api.get("/api/products/1/reviews").json
    assert [review["rating"] for review in found] == [5, 4]
    assert found[0] == {
        "id": found[0]["id"],
        "productId": 1,
        "userId": found[0]["userId"],
        "userName": "Asha P.",
        "userAvatar": None,
        "rating": 5,
        "title": "Zoom that earns its place",
        "comment": found[0]["comment"],
        "verifiedPurchase": True,
        "helpfulCount": 234,
        "createdAt": "2024-01-15T10:12:00.000Z",
    }


def test_average_and_count_are_bare_numbers(api: Api) -> None:
    assert [api.get(f"/api/products/1/reviews{name}").text for name in READING[1:]] == ["4.5", "4.5", "2"]


def test_a_product_without_reviews_has_none_and_zero(api: Api) -> None:
    product = make_product().id
    assert [api.get(f"/api/products/{product}/reviews{name}").json for name in READING] == [[], 0, 0, 0]


@pytest.mark.parametrize("name", READING)
def test_an_unknown_product_has_no_reviews(api: Api, name: str) -> None:
    assert_refused(api.get(f"/api/products/999999/reviews{name}"), 404, "PRODUCT_NOT_FOUND")


def test_a_hidden_review_is_not_listed(api: Api) -> None:
    with transaction("catalog") as session:
        session.execute(sa.update(Review).where(Review.product_id == 1, Review.rating == 5).values(is_hidden=True))
    assert [review["rating"] for review in api.get("/api/products/1/reviews").json] == [4]
    assert [review["rating"] for review in api.get("/api/products/1").json["reviews"]] == [4]


# ------------------------------------------------------------------------------------------------ writing


def review(**changed: Any) -> dict[str, Any]:
    """A review in the form that the client sends."""
    return {
        "userId": 1,
        "userName": "Somebody Else",
        "userAvatar": None,
        "rating": 4,
        "title": "Good phone",
        "comment": "Does what it should.",
        "verifiedPurchase": True,
    } | changed


def test_a_review_belongs_to_the_caller(app: Flask) -> None:
    shopper, account = signed_in(app)
    product = make_product().id
    written = shopper.post(f"/api/products/{product}/reviews", json=review(userId=account.id))
    assert written.status_code == 200
    assert written.json == {
        "id": written.json["id"],
        "productId": product,
        "userId": account.id,
        "userName": "Asha R.",
        "userAvatar": None,
        "rating": 4,
        "title": "Good phone",
        "comment": "Does what it should.",
        "verifiedPurchase": False,
        "helpfulCount": 0,
        "createdAt": "2026-11-22T12:00:00.000Z",
    }
    assert shopper.get(f"/api/products/{product}").json["reviews"] == [written.json]


def test_a_second_review_replaces_the_first(app: Flask) -> None:
    shopper, account = signed_in(app)
    product = make_product().id
    for rating in (1, 5):
        shopper.post(f"/api/products/{product}/reviews", json=review(userId=account.id, rating=rating))
    assert [told["rating"] for told in shopper.get(f"/api/products/{product}/reviews").json] == [5]


def test_an_author_without_a_name_is_anonymous_and_not_identified_by_email(app: Flask) -> None:
    shopper, account = signed_in(app, make_account(name=None))
    written = shopper.post(f"/api/products/{make_product().id}/reviews", json=review(userId=account.id))
    assert written.json["userName"] == "Anonymous User"


@pytest.mark.parametrize(
    "changed",
    [
        {"rating": 0},
        {"rating": 6},
        {"rating": 4.5},
        {"rating": "4"},
        {"title": " "},
        {"comment": ""},
        {"comment": None},
    ],
)
def test_an_incomplete_review_is_refused(app: Flask, changed: dict[str, Any]) -> None:
    shopper, account = signed_in(app)
    product = make_product().id
    sent = review(userId=account.id) | changed
    assert_refused(shopper.post(f"/api/products/{product}/reviews", json=sent), 400, "VALIDATION_ERROR")
    assert shopper.get(f"/api/products/{product}/reviews").json == []


def test_reviews_need_authentication_and_an_existing_product(app: Flask, api: Api) -> None:
    shopper, account = signed_in(app)
    product = make_product().id
    assert_refused(api.post(f"/api/products/{product}/reviews", json=review()), 401, "UNAUTHENTICATED")
    other = review(userId=make_account().id)
    assert_refused(shopper.post(f"/api/products/{product}/reviews", json=other), 403, "FORBIDDEN")
    unknown = shopper.post("/api/products/999999/reviews", json=review(userId=account.id))
    assert_refused(unknown, 404, "PRODUCT_NOT_FOUND")


def test_review_text_is_stored_unchanged(app: Flask) -> None:
    shopper, account = signed_in(app)
    sent = review(
        userId=account.id, title="<b>Gut</b> 👍 Größe", comment="ज़ोर से <script>alert(1)</script>\n" + "x" * 500
    )
    written = shopper.post(f"/api/products/{make_product().id}/reviews", json=sent).json
    assert (written["title"], written["comment"]) == (sent["title"], sent["comment"])
