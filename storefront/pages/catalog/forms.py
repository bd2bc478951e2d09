"""The query string of a listing: parsing it, building it, and the filters it sets."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict

from storefront.catalog.listing import PRICE_BANDS, RATINGS
from storefront.catalog.values import MAX_BRAND_LENGTH, BrowseCriteria, Listing, Sort

MAX_QUERY_LENGTH = 100
MAX_BRANDS = 20
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def words_from(args: MultiDict[str, str]) -> str:
    """Return the search words of a query string, at most `MAX_QUERY_LENGTH` characters."""
    return _plain(args.get("q", ""))[:MAX_QUERY_LENGTH]


def _plain(text: str) -> str:
    """Replace control characters by spaces, and strip the text."""
    return _CONTROLS.sub(" ", text).strip()


def criteria_from(args: MultiDict[str, str], category: str | None = None) -> BrowseCriteria:
    """Parse the query string of a listing. Invalid values are replaced by defaults, so that a shared link never breaks.

    :param category: slug of the category, on a category page
    """
    rating = args.get("rating", type=int)
    sort = args.get("sort", "")
    return BrowseCriteria(
        words=words_from(args),
        category=category or args.get("category") or None,
        brands=tuple(
            dict.fromkeys(_plain(brand)[:MAX_BRAND_LENGTH] for brand in args.getlist("brand") if _plain(brand))
        )[:MAX_BRANDS],
        price_bands=tuple(band for band in PRICE_BANDS if band in args.getlist("price")),
        rating=rating if rating in RATINGS else None,
        in_stock=args.get("stock") == "1",
        sort=Sort(sort) if sort in set(Sort) else Sort.DEFAULT,
        page=max(1, min(args.get("page", 1, type=int), 1_000_000)),
    )


def browse_url(criteria: BrowseCriteria, **changes: Any) -> str:
    """Return the URL of a listing with some criteria changed; the page is 1 unless it is among the changes."""
    changed = replace(criteria, **{"page": 1, **changes})
    query: dict[str, Any] = {
        "q": changed.words or None,
        "brand": list(changed.brands),
        "price": list(changed.price_bands),
        "rating": changed.rating,
        "stock": 1 if changed.in_stock else None,
        "sort": None if changed.sort is Sort.DEFAULT else changed.sort.value,
        "page": None if changed.page == 1 else changed.page,
    }
    if changed.category:
        return url_for("catalog.category", slug=changed.category, **query)
    return url_for("catalog.products", **query)


def active_filters(listing: Listing) -> list[tuple[str, str]]:
    """List the filters of a listing, search words included, with the URL that removes each.

    :return: pairs of label and URL
    """
    criteria = listing.criteria
    filters = [(f"“{criteria.words}”", browse_url(criteria, words=""))] if criteria.words else []
    if listing.department and criteria.words:
        filters.append((listing.department.name, browse_url(criteria, category=None)))
    for brand in criteria.brands:
        others = tuple(other for other in criteria.brands if other != brand)
        filters.append((brand, browse_url(criteria, brands=others)))
    for band in criteria.price_bands:
        others = tuple(other for other in criteria.price_bands if other != band)
        filters.append((PRICE_BANDS[band][0], browse_url(criteria, price_bands=others)))
    if criteria.rating:
        filters.append((f"{criteria.rating} stars and up", browse_url(criteria, rating=None)))
    if criteria.in_stock:
        filters.append(("In stock", browse_url(criteria, in_stock=False)))
    return filters
