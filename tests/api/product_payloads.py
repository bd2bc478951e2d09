"""The JSON format of products and reviews, and direct changes of the database for tests."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from storefront.catalog.models import Product, Review, StockMovement, Variant
from storefront.db.session import read_session, transaction
from tests.api.client import Api

FIELDS = {
    "id", "sku", "name", "brand", "description", "price", "currency", "stock", "availabilityStatus", "stockStatus",
    "specifications", "categories", "imageUrls", "averageRating", "reviewCount", "reviews",
}  # fmt: skip
REVIEW_FIELDS = {
    "id", "productId", "userId", "userName", "userAvatar", "rating", "title", "comment", "verifiedPurchase",
    "helpfulCount", "createdAt",
}  # fmt: skip
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def change(product_id: int, **values: Any) -> None:
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == product_id).values(**values))


def add_reviews(product_id: int, count: int, **facts: Any) -> None:
    with transaction("catalog") as session:
        for number in range(count):
            session.add(
                Review(
                    **{
                        "product_id": product_id,
                        "user_id": 1000 + number,
                        "user_name": f"Reader {number}",
                        "rating": 4,
                        "title": "Fine",
                        "comment": "It does.",
                        "created_at": datetime(2026, 1, 1 + number % 28, number // 28, tzinfo=UTC),
                        **facts,
                    }
                )
            )


def ids(api: Api, query: str) -> list[int]:
    response = api.get(f"/api/products?{query}")
    assert response.status_code == 200, response.text
    return [product["id"] for product in response.json]


def movements(product_id: int) -> list[tuple[int, int, str]]:
    entries = (
        sa.select(StockMovement.delta, StockMovement.balance, StockMovement.reason)
        .join(Variant, Variant.id == StockMovement.variant_id)
        .where(Variant.product_id == product_id)
        .order_by(StockMovement.id)
    )
    return [tuple(row) for row in read_session().execute(entries)]  # type: ignore[misc]


def assert_is_product(product: dict[str, Any], *, reviews: int) -> None:
    assert set(product) == FIELDS
    assert type(product["price"]) in {int, float}
    assert type(product["averageRating"]) in {int, float}
    assert type(product["stock"]) is int
    assert product["currency"] == "INR"
    assert product["availabilityStatus"] in {"IN_STOCK", "OUT_OF_STOCK"}
    assert product["imageUrls"]
    assert all(url.startswith("http://localhost:9090/") for url in product["imageUrls"])
    assert product["categories"]
    assert len(product["reviews"]) == min(reviews, product["reviewCount"])
    for review in product["reviews"]:
        assert_is_review(review)


def assert_is_review(review: dict[str, Any]) -> None:
    assert set(review) == REVIEW_FIELDS
    assert review["userName"].strip()
    assert INSTANT.fullmatch(review["createdAt"])
