"""The filters of listings as conditions of the browse index, and the values that its facets count."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, collate, literal, or_
from sqlalchemy.orm import InstrumentedAttribute

from storefront.catalog.models import BrowseEntry
from storefront.catalog.values import BrowseCriteria
from storefront.db.session import dialect_of

RATINGS = (4, 3, 2)

# Label, lower bound (inclusive) and upper bound (exclusive), in minor units of the shop's currency.
PRICE_BANDS: dict[str, tuple[str, int, int | None]] = {
    "under-1000": ("Under ₹1,000", 0, 1_000_00),
    "1000-5000": ("₹1,000 to ₹5,000", 1_000_00, 5_000_00),
    "5000-20000": ("₹5,000 to ₹20,000", 5_000_00, 20_000_00),
    "20000-50000": ("₹20,000 to ₹50,000", 20_000_00, 50_000_00),
    "over-50000": ("₹50,000 and more", 50_000_00, None),
}


def listing_filters(criteria: BrowseCriteria) -> dict[str, ColumnElement[bool]]:
    """Return the condition of each facet with a choice, by the facet's name."""
    filters: dict[str, ColumnElement[bool]] = {}
    if criteria.brands:
        filters["brand"] = and_(BrowseEntry.brand.in_(criteria.brands), exactly(BrowseEntry.brand).in_(criteria.brands))
    if criteria.price_bands:
        filters["price"] = or_(*(within(band) for band in criteria.price_bands))
    if criteria.rating:
        filters["rating"] = BrowseEntry.rating >= criteria.rating
    if criteria.in_stock:
        filters["stock"] = BrowseEntry.in_stock.is_(True)
    return filters


def exactly(text: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """A text compared as it is stored: to MariaDB's collation "Levi's" is "LEVI'S", and each emoji every other."""
    return collate(text, "utf8mb4_bin") if dialect_of("catalog") == "mysql" else text.expression


def within(band: str) -> ColumnElement[bool]:
    _, low, high = PRICE_BANDS[band]
    above = BrowseEntry.price >= low
    return above if high is None else and_(above, BrowseEntry.price < high)


def price_band() -> ColumnElement[str]:
    """The key of the price band; empty for none."""
    return case(*((within(key), literal(key)) for key in PRICE_BANDS), else_=literal(""))


def stars() -> ColumnElement[str]:
    """The highest of `RATINGS` that the rating reaches, as text; empty for none."""
    return case(*((BrowseEntry.rating >= least, literal(str(least))) for least in RATINGS), else_=literal(""))
