"""Listings, the read model behind them, suggestions and the sitemap."""

from __future__ import annotations

from storefront.catalog.listing import search_index, sitemap
from storefront.catalog.listing.filters import PRICE_BANDS, RATINGS
from storefront.catalog.listing.listing import browse, cards_of
from storefront.catalog.listing.suggestions import suggest

__all__ = [
    "PRICE_BANDS",
    "RATINGS",
    "browse",
    "cards_of",
    "search_index",
    "sitemap",
    "suggest",
]
