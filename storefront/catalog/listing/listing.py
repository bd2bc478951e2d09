"""Listings of products by category, search and filters, with facet counts."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, select

from storefront.catalog.listing.counts import Counts, counts_of
from storefront.catalog.listing.filters import PRICE_BANDS, RATINGS, listing_filters
from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, Category, Product, product_search
from storefront.catalog.search import engine
from storefront.catalog.search.fallback import relax
from storefront.catalog.search.synonyms import read_query
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
from storefront.catalog.values.search import Words
from storefront.core import cache
from storefront.core.money import Money
from storefront.db.prepared import prepared
from storefront.db.session import read_session

BRANDS_SHOWN = 12


def department_of(category: Row[Any] | Category) -> Department:
    """Convert a row of `categories`."""
    picture = Picture(category.picture, "")
    return Department(category.slug, category.name, category.description, category.hue, picture)


# Cached, because building a select costs as much as running it. Tables instead of classes halve the cost of running it.
@functools.cache
def card_columns() -> Select[*tuple[Any, ...]]:
    """Return the select whose rows `card_of` reads; callers add conditions."""
    product, category = Product.__table__, Category.__table__
    names = (
        "id slug sku name brand price compare_at_price price_varies currency average_rating review_count stock"
        " option_name picture picture_alt picture_width picture_height"
    )
    return (
        select(*(product.c[name] for name in names.split()), category.c.hue)
        .join_from(product, category, category.c.id == product.c.main_category_id)
        .where(product.c.active)
    )


@prepared
def _cards_by_id(ids: Any) -> Select[*tuple[Any, ...]]:
    return card_columns().where(Product.__table__.c.id.in_(ids))


@functools.cache
def _categories() -> Select[*tuple[Any, ...]]:
    return select(*Category.__table__.c)


def card_of(row: Sequence[Any]) -> ProductCard:
    """Convert a row of `card_columns`."""
    # By position: access by name takes longer than building the card.
    (
        product_id,
        slug,
        sku,
        name,
        brand,
        price,
        compare_at_price,
        varies,
        currency,
        rating,
        reviews,
        stock,
        option,
        *picture,
        hue,
    ) = row
    return ProductCard(
        id=ProductId(product_id),
        slug=slug,
        sku=Sku(sku),
        name=name,
        brand=brand,
        price=Money(price, currency),
        compare_at_price=None if compare_at_price is None else Money(compare_at_price, currency),
        rating=rating,
        review_count=reviews,
        available=stock,
        has_options=bool(option),
        hue=hue,
        picture=Picture(*picture) if picture[0] else None,
        price_varies=bool(varies),
    )


def cards_of(ids: Sequence[int]) -> tuple[ProductCard, ...]:
    """Return cards of products in the order of the ids, without products that are not on sale."""
    if not ids:
        return ()
    cards = {card.id: card for card in map(card_of, read_session().execute(*_cards_by_id(ids)))}
    return tuple(cards[ProductId(product_id)] for product_id in dict.fromkeys(ids) if product_id in cards)


def browse(criteria: BrowseCriteria) -> Listing:
    """Return one page of a listing, by a fixed number of selects; a page number past the end returns the last page.

    :raise UnknownCategory: no category has the slug `criteria.category`
    """
    categories = {row.slug: row for row in read_session().execute(_categories())}
    if criteria.category is not None and criteria.category not in categories:
        raise UnknownCategory(criteria.category)
    category = categories.get(criteria.category or "")
    category_id = category.id if category else ALL_CATEGORIES
    query = read_query(criteria.words)
    counts, page, ids = _read(criteria, category_id, query)
    relaxed = relax(criteria.words, query) if query and not ids else None
    if relaxed:
        counts, page, ids = _read(criteria, category_id, relaxed.alternatives)
    criteria = replace(criteria, page=page)
    return Listing(
        criteria=criteria,
        department=department_of(category) if category else None,
        cards=cards_of(ids),
        total=_total(counts),
        page_count=_page_count(_total(counts)),
        facets=_facets(criteria, counts, list(categories.values())),
        relaxed=relaxed,
    )


def _read(criteria: BrowseCriteria, category_id: int, query: Sequence[Words]) -> tuple[Counts, int, list[int]]:
    """Read the counts and one page of a listing.

    :param query: alternatives as from `read_query`; empty without a search
    :return: counts, number of the page and ids of its products
    """
    counts = counts_of(criteria, category_id, query)
    page, ids = _page(criteria, category_id, query, _total(counts))
    if len(ids) != _expected_on_page(page, _total(counts)):  # the cached counts are out of date
        counts = counts_of(criteria, category_id, query, refresh=True)
        page, ids = _page(criteria, category_id, query, _total(counts))
    return counts, page, ids


def _total(counts: Counts) -> int:
    return counts["total"].get("", 0)


def _page_count(total: int) -> int:
    return max(1, -(-total // PAGE_SIZE))


def _expected_on_page(page: int, total: int) -> int:
    return min(PAGE_SIZE, total - (page - 1) * PAGE_SIZE)


def _page(criteria: BrowseCriteria, category_id: int, query: Sequence[Words], total: int) -> tuple[int, list[int]]:
    """Return the number of the page, at most the last one, and the ids of its products from the browse index."""
    page = min(criteria.page, _page_count(total))
    if not total and not cache.is_enabled():
        return page, []
    chosen = select(BrowseEntry.product_id).where(
        BrowseEntry.category_id == category_id, *listing_filters(criteria).values()
    )
    if query:
        chosen = chosen.join(product_search, product_search.c.product_id == BrowseEntry.product_id)
        chosen = chosen.where(engine.engine().matches(*query))
    chosen = chosen.order_by(*_order(criteria, query)).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    return page, list(read_session().scalars(chosen))


def _order(criteria: BrowseCriteria, query: Sequence[Words]) -> list[ColumnElement[Any]]:
    newest = BrowseEntry.product_id.desc()
    if criteria.sort is Sort.PRICE_LOW:
        return [BrowseEntry.price.asc(), BrowseEntry.product_id.asc()]
    if criteria.sort is Sort.PRICE_HIGH:
        return [BrowseEntry.price.desc(), newest]
    if criteria.sort is Sort.RATING:
        return [BrowseEntry.rating.desc(), newest]
    if criteria.sort is Sort.NEWEST:
        return [newest]
    if query:
        exact = engine.find_exact(criteria.words)
        first = [case((BrowseEntry.product_id == exact, 0), else_=1)] if exact else []
        return [*first, engine.engine().rank(engine.all_words(query)), BrowseEntry.popularity.desc(), newest]
    return [BrowseEntry.popularity.desc(), newest]


def _facets(criteria: BrowseCriteria, counts: Counts, categories: list[Row[Any]]) -> tuple[Facet, ...]:
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
    criteria: BrowseCriteria, counts: dict[str, int], categories: list[Row[Any]]
) -> list[FacetChoice]:
    return [
        FacetChoice(c.slug, c.name, counts.get(str(c.id), 0), c.slug == criteria.category)
        for c in sorted(categories, key=lambda category: category.sort_order)
    ]


def _brand_choices(criteria: BrowseCriteria, counts: dict[str, int]) -> list[FacetChoice]:
    """Offer the most common brands and every chosen one, by name."""
    common = sorted(counts, key=lambda brand: (-counts[brand], brand))[:BRANDS_SHOWN]
    shown = sorted({*common, *criteria.brands}, key=str.casefold)
    return [FacetChoice(name, name, counts.get(name, 0), name in criteria.brands) for name in shown if name]
