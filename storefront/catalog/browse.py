"""Listings: a category, a search, everything; what is shown, in which order, and how many there are of each kind."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cachetools import TTLCache
from flask import current_app
from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import InstrumentedAttribute

from storefront.catalog import search
from storefront.catalog.images import picture_of
from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, Category, Product, product_search
from storefront.catalog.values import (
    PAGE_SIZE,
    BrowseCriteria,
    Department,
    Facet,
    FacetChoice,
    Listing,
    Picture,
    ProductCard,
    ProductId,
    Sku,
    Sort,
    UnknownCategory,
)
from storefront.database import queries
from storefront.money import Money

BRANDS_SHOWN = 12
RATINGS = (4, 3, 2)

# Lower and upper bounds in minor units of the shop's currency; the lower one belongs to the band.
PRICE_BANDS: dict[str, tuple[str, int, int | None]] = {
    "under-1000": ("Under ₹1,000", 0, 1_000_00),
    "1000-5000": ("₹1,000 to ₹5,000", 1_000_00, 5_000_00),
    "5000-20000": ("₹5,000 to ₹20,000", 5_000_00, 20_000_00),
    "20000-50000": ("₹20,000 to ₹50,000", 20_000_00, 50_000_00),
    "over-50000": ("₹50,000 and more", 50_000_00, None),
}

Counts = dict[str, dict[str, int]]


def department_of(category: Category) -> Department:
    picture = Picture(category.picture, "")
    return Department(category.slug, category.name, category.description, category.hue, picture)


def card_columns() -> Select[*tuple[Any, ...]]:
    """The select that `card_of` reads; callers add what restricts it."""
    return (
        select(
            Product.id,
            Product.slug,
            Product.sku,
            Product.name,
            Product.brand,
            Product.price,
            Product.was,
            Product.currency,
            Product.average_rating,
            Product.review_count,
            Product.stock,
            Product.option_name,
            Product.picture,
            Product.picture_alt,
            Product.picture_width,
            Product.picture_height,
            Category.hue,
        )
        .join(Category, Category.id == Product.main_category_id)
        .where(Product.active)
    )


def card_of(row: Row[Any]) -> ProductCard:
    return ProductCard(
        id=ProductId(row.id),
        slug=row.slug,
        sku=Sku(row.sku),
        name=row.name,
        brand=row.brand,
        price=Money(row.price, row.currency),
        was=None if row.was is None else Money(row.was, row.currency),
        rating=row.average_rating,
        review_count=row.review_count,
        available=row.stock,
        has_options=bool(row.option_name),
        hue=row.hue,
        picture=picture_of(row),
    )


def browse(criteria: BrowseCriteria) -> Listing:
    """One page of a listing, by a fixed number of selects. A page past the last one is the last one.

    :raise UnknownCategory: `criteria.category` names none
    """
    categories = {category.slug: category for category in queries().scalars(select(Category))}
    if criteria.category is not None and criteria.category not in categories:
        raise UnknownCategory(criteria.category)
    category = categories.get(criteria.category or "")
    words = search.query_words(criteria.words)
    counts = _counts(criteria, category, words, categories.values())
    total = counts["total"].get("", 0)
    page_count = max(1, -(-total // PAGE_SIZE))
    criteria = replace(criteria, page=min(criteria.page, page_count))
    cards = _cards(criteria, category, words) if total else ()
    return Listing(
        criteria=criteria,
        department=department_of(category) if category else None,
        cards=cards,
        total=total,
        page_count=page_count,
        facets=_facets(criteria, counts, list(categories.values())),
    )


def _cards(criteria: BrowseCriteria, category: Category | None, words: list[str]) -> tuple[ProductCard, ...]:
    """The cards of one page: first their ids, from the narrow index alone, then the products."""
    chosen = select(BrowseEntry.product_id).where(
        BrowseEntry.category_id == (category.id if category else ALL_CATEGORIES), *_filters(criteria).values()
    )
    order = _order(criteria, words)
    if words:
        chosen = chosen.join(product_search, product_search.c.product_id == BrowseEntry.product_id)
        chosen = chosen.where(search.engine().matches(words))
    page = chosen.order_by(*order).limit(PAGE_SIZE).offset((criteria.page - 1) * PAGE_SIZE)
    ids = list(queries().scalars(page))
    rows = {row.id: row for row in queries().execute(card_columns().where(Product.id.in_(ids)))}
    return tuple(card_of(rows[product_id]) for product_id in ids if product_id in rows)


def _order(criteria: BrowseCriteria, words: list[str]) -> list[ColumnElement[Any]]:
    newest = BrowseEntry.product_id.desc()
    if criteria.sort is Sort.PRICE_LOW:
        return [BrowseEntry.price.asc(), BrowseEntry.product_id.asc()]
    if criteria.sort is Sort.PRICE_HIGH:
        return [BrowseEntry.price.desc(), newest]
    if criteria.sort is Sort.RATING:
        return [BrowseEntry.rating.desc(), newest]
    if criteria.sort is Sort.NEWEST:
        return [newest]
    if words:
        exact = search.find_exact(criteria.words)
        first = [case((BrowseEntry.product_id == exact, 0), else_=1)] if exact else []
        return [*first, search.engine().rank(words), BrowseEntry.popularity.desc(), newest]
    return [BrowseEntry.popularity.desc(), newest]


def _filters(criteria: BrowseCriteria) -> dict[str, ColumnElement[bool]]:
    """What each facet's choice asks of an entry, by the facet's name."""
    filters: dict[str, ColumnElement[bool]] = {}
    if criteria.brands:
        filters["brand"] = BrowseEntry.brand.in_(criteria.brands)
    if criteria.price_bands:
        filters["price"] = or_(*(_within(band) for band in criteria.price_bands))
    if criteria.rating:
        filters["rating"] = BrowseEntry.rating >= criteria.rating
    if criteria.in_stock:
        filters["stock"] = BrowseEntry.in_stock.is_(True)
    return filters


def _within(band: str) -> ColumnElement[bool]:
    _, low, high = PRICE_BANDS[band]
    above = BrowseEntry.price >= low
    return above if high is None else and_(above, BrowseEntry.price < high)


_cache: TTLCache[Any, Counts] = TTLCache(maxsize=2000, ttl=30)
_cache_lock = threading.Lock()


def _counts(criteria: BrowseCriteria, category: Category | None, words: list[str], categories: Any) -> Counts:
    """How many products each choice of each facet would show, and the total, by one select.

    Kept for half a minute in each process: the cards are always read afresh, figures beside filters need not be.
    """
    if not current_app.config["CACHE_COUNTS"]:
        return _count(criteria, category, words)
    database = str(queries().get_bind(BrowseEntry))
    key = (database, replace(criteria, page=1, sort=Sort.DEFAULT, words=" ".join(words)))
    with _cache_lock:
        counts = _cache.get(key)
    if counts is None:
        counts = _count(criteria, category, words)
        with _cache_lock:
            _cache[key] = counts
    return counts


def _count(criteria: BrowseCriteria, category: Category | None, words: list[str]) -> Counts:
    filters = _filters(criteria)
    here = BrowseEntry.category_id == (category.id if category else ALL_CATEGORIES)
    nothing = literal("")
    band = case(*((_within(key), literal(key)) for key in PRICE_BANDS), else_=nothing)
    stars = case(*((BrowseEntry.rating >= least, literal(str(least))) for least in RATINGS), else_=nothing)
    # The search runs once for all branches: without the CTE SQLite would match every entry by itself.
    found = search.found(words) if words else None
    branches = [
        _branch("total", nothing, [here, *filters.values()], found),
        _branch("brand", BrowseEntry.brand, [here, *_others(filters, "brand")], found),
        _branch("price", band, [here, *_others(filters, "price")], found),
        _branch("rating", stars, [here, *_others(filters, "rating")], found),
        _branch("stock", sql_cast(BrowseEntry.in_stock, String(1)), [here, *_others(filters, "stock")], found),
    ]
    # Categories only where one can still be chosen, or was chosen in a list of everything.
    by_category = [BrowseEntry.category_id != ALL_CATEGORIES, *filters.values()]
    branches.append(_branch("category", sql_cast(BrowseEntry.category_id, String(11)), by_category, found))
    counts: Counts = defaultdict(dict)
    rows = queries().execute(union_all(*branches), bind_arguments={"mapper": BrowseEntry})
    for facet, value, count in rows:
        counts[facet][value] = count
    return counts


def _others(filters: dict[str, ColumnElement[bool]], facet: str) -> list[ColumnElement[bool]]:
    return [condition for name, condition in filters.items() if name != facet]


def _branch(
    facet: str,
    value: ColumnElement[Any] | InstrumentedAttribute[str],
    where: Sequence[ColumnElement[bool]],
    found: CTE | None,
) -> Select[str, str, int]:
    chosen = select(literal(facet).label("facet"), value.label("value"), func.count().label("count"))
    chosen = chosen.select_from(BrowseEntry).where(*where)
    if found is not None:
        chosen = chosen.join(found, found.c.product_id == BrowseEntry.product_id)
    return chosen.group_by(value) if facet != "total" else chosen


def _facets(criteria: BrowseCriteria, counts: Counts, categories: list[Category]) -> tuple[Facet, ...]:
    by_stars = {int(stars): count for stars, count in counts["rating"].items() if stars}
    facets = [
        Facet("category", "Department", tuple(_category_choices(criteria, counts["category"], categories)), True),
        Facet("brand", "Brand", tuple(_brand_choices(criteria, counts["brand"]))),
        Facet(
            "price",
            "Price",
            tuple(
                FacetChoice(key, label, counts["price"].get(key, 0), key in criteria.price_bands)
                for key, (label, _, _) in PRICE_BANDS.items()
            ),
        ),
        Facet(
            "rating",
            "Rating",
            tuple(
                FacetChoice(
                    str(least),
                    f"{least} stars and up",
                    sum(count for stars, count in by_stars.items() if stars >= least),
                    criteria.rating == least,
                )
                for least in RATINGS
            ),
            True,
        ),
        Facet(
            "stock",
            "Availability",
            (FacetChoice("1", "In stock", counts["stock"].get("1", 0), criteria.in_stock),),
        ),
    ]
    return tuple(facet for facet in facets if facet.choices)


def _category_choices(
    criteria: BrowseCriteria, counts: dict[str, int], categories: list[Category]
) -> list[FacetChoice]:
    return [
        FacetChoice(c.slug, c.name, counts.get(str(c.id), 0), c.slug == criteria.category)
        for c in sorted(categories, key=lambda category: category.sort_order)
    ]


def _brand_choices(criteria: BrowseCriteria, counts: dict[str, int]) -> list[FacetChoice]:
    """The commonest brands, and every chosen one, by name."""
    common = sorted(counts, key=lambda brand: (-counts[brand], brand))[:BRANDS_SHOWN]
    shown = sorted({*common, *criteria.brands}, key=str.casefold)
    return [FacetChoice(name, name, counts.get(name, 0), name in criteria.brands) for name in shown if name]
