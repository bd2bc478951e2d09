"""Products, variants, prices and offers."""

from __future__ import annotations

from storefront.catalog.products import admin
from storefront.catalog.products.api_export import (
    ProductDetail,
    ProductQuery,
    choose_products,
    etag_of,
    full_products,
    get_full_product,
    rating_of,
    reviews_of,
    units_available,
)
from storefront.catalog.products.create import (
    NewProduct,
    NewReview,
    NewVariant,
    add_categories,
    add_product,
    add_products,
)
from storefront.catalog.products.offers import choose_offers, get_offer, offers_by_product, offers_of, variants_of

__all__ = [
    "NewProduct",
    "NewReview",
    "NewVariant",
    "ProductDetail",
    "ProductQuery",
    "add_categories",
    "add_product",
    "add_products",
    "admin",
    "choose_offers",
    "choose_products",
    "etag_of",
    "full_products",
    "get_full_product",
    "get_offer",
    "offers_by_product",
    "offers_of",
    "rating_of",
    "reviews_of",
    "units_available",
    "variants_of",
]
