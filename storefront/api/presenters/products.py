"""Products and reviews as the contract's section 2.2.5 has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import current_app

from storefront.accounts import service as accounts
from storefront.api.schemas.products import AvailabilityStatus, Product, ProductSummary, Review, StockStatus
from storefront.catalog import service as catalog
from storefront.catalog.service import ProductDetail, ReviewView, StockState

NOBODY = "Anonymous User"
PLACEHOLDER = "/api/products/image/placeholder"

_STOCK = {
    StockState.IN_STOCK: StockStatus.IN_STOCK,
    StockState.LOW: StockStatus.LOW_STOCK,
    StockState.OUT: StockStatus.OUT_OF_STOCK,
}


def avatars(reviews: Iterable[ReviewView]) -> Mapping[int, str]:
    """What the authors of reviews show themselves by, as `review` reads it."""
    return accounts.avatars_of({written.user_id for written in reviews})


def product(value: ProductDetail, avatars: Mapping[int, str]) -> Product:
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
        reviews=[review(shown, avatars) for shown in value.reviews],
    )


def summary(value: catalog.ProductCard) -> ProductSummary:
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
    """The old client takes the first letter of the author's name: it is never blank.

    :param avatars: by the ids of accounts
    """
    return Review(
        id=value.id,
        product_id=value.product_id,
        user_id=value.user_id,
        user_name=value.author.strip() or NOBODY,
        user_avatar=avatars.get(value.user_id),
        rating=value.rating,
        title=value.title,
        comment=value.comment,
        verified_purchase=value.is_verified,
        helpful_count=value.helpful_count,
        created_at=value.created_at,
    )


def image_urls(value: ProductDetail) -> list[str]:
    """Whole addresses, since the client may come from elsewhere; a product without pictures has one too."""
    origin = current_app.config["PUBLIC_ORIGIN"]
    pictures = [
        source if source.startswith(("http://", "https://")) else f"{origin}/api/products/image/{picture_id}"
        for picture_id, source in value.pictures
    ]
    return pictures or [origin + PLACEHOLDER]


def _availability(value: ProductDetail) -> AvailabilityStatus:
    if value.stock <= 0:
        return AvailabilityStatus.OUT_OF_STOCK
    return AvailabilityStatus.PREORDER if value.is_preorder else AvailabilityStatus.IN_STOCK


def _stock_status(value: ProductDetail) -> StockStatus:
    if value.stock > 0 and value.is_preorder:
        return StockStatus.PREORDER
    return _STOCK[StockState.of(value.stock)]
