"""Present products and reviews as in section 2.2.5 of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import current_app

from storefront.accounts import service as accounts
from storefront.api.schemas.products import AvailabilityStatus, Product, ProductSummary, Review, StockStatus
from storefront.catalog.products import ProductDetail
from storefront.catalog.values import ProductCard, ReviewView, StockState

ANONYMOUS = "Anonymous User"
PLACEHOLDER = "/api/products/image/placeholder"

_STOCK = {
    StockState.IN_STOCK: StockStatus.IN_STOCK,
    StockState.LOW: StockStatus.LOW_STOCK,
    StockState.OUT: StockStatus.OUT_OF_STOCK,
}


def avatars(reviews: Iterable[ReviewView]) -> Mapping[int, str]:
    """Load the avatars of the reviews' authors, by account id, in one query."""
    return accounts.avatars_of({review.user_id for review in reviews})


def product(value: ProductDetail, avatars: Mapping[int, str]) -> Product:
    """Present a product with its reviews.

    :param avatars: of the reviews' authors, by account id
    """
    return Product(
        id=value.id,
        sku=value.sku,
        name=value.name,
        brand=value.brand,
        description=value.description,
        price=value.price,
        currency=value.price.currency,
        stock=value.stock,
        availability_status=_availability(value),
        stock_status=_stock_status(value),
        specifications=dict(value.specs),
        categories=list(value.categories),
        image_urls=image_urls(value),
        average_rating=value.rating,
        review_count=value.review_count,
        reviews=[review(one, avatars) for one in value.reviews],
    )


def summary(value: ProductCard) -> ProductSummary:
    """Present a product in the short form."""
    return ProductSummary(
        id=value.id,
        sku=value.sku,
        name=value.name,
        price=value.price,
        currency=value.price.currency,
        available=value.available > 0,
        stock=value.available,
    )


def review(value: ReviewView, avatars: Mapping[int, str]) -> Review:
    """Present a review. Its author's name is never blank, because the legacy client shows the first letter.

    :param avatars: of authors, by account id
    """
    return Review(
        id=value.id,
        product_id=value.product_id,
        user_id=value.user_id,
        user_name=value.author.strip() or ANONYMOUS,
        user_avatar=avatars.get(value.user_id),
        rating=value.rating,
        title=value.title,
        comment=value.comment,
        verified_purchase=value.is_verified,
        helpful_count=value.helpful_count,
        created_at=value.created_at,
    )


def image_urls(value: ProductDetail) -> list[str]:
    """Return absolute URLs of a product's images, as the client may run on another origin; at least the placeholder."""
    origin = current_app.config["PUBLIC_ORIGIN"]
    urls = [
        source if source.startswith(("http://", "https://")) else f"{origin}/api/products/image/{picture_id}"
        for picture_id, source in value.pictures
    ]
    return urls or [origin + PLACEHOLDER]


def _availability(value: ProductDetail) -> AvailabilityStatus:
    if value.stock <= 0:
        return AvailabilityStatus.OUT_OF_STOCK
    return AvailabilityStatus.PREORDER if value.is_preorder else AvailabilityStatus.IN_STOCK


def _stock_status(value: ProductDetail) -> StockStatus:
    if value.stock > 0 and value.is_preorder:
        return StockStatus.PREORDER
    return _STOCK[StockState.of(value.stock)]
