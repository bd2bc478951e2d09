"""Listings: a category, a search, everything; what is shown, in which order, and how many there are of each kind."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import InstrumentedAttribute

from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, Category, Product, product_search
from storefront.catalog.search import engine
from storefront.catalog.search.fallback import relax
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
from storefront.db.session import read_session

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


def department_of(category: Row[Any] | Category) -> Department:
    picture = Picture(category.picture, "")
    return Department(category.slug, category.name, category.description, category.hue, picture)


@functools.cache  # building a select costs as much as running it, and going by tables half of what it costs by classes
def card_columns() -> Select[*tuple[Any, ...]]:
    """The select that `card_of` reads; callers add what restricts it."""
    product, category = Product.__table__, Category.__table__
    names = (
        "id slug sku name brand price compare_at_price currency average_rating review_count stock option_name"
        " picture picture_alt picture_width picture_height"
    )
    return (
        select(*(product.c[name] for name in names.split()), category.c.hue)
        .join_from(product, category, category.c.id == product.c.main_category_id)
        .where(product.c.active)
    )


@functools.cache
def _cards_by_id() -> Select[*tuple[Any, ...]]:
    return card_columns().where(Product.__table__.c.id.in_(bindparam("ids", expanding=True)))


@functools.cache
def _categories() -> Select[*tuple[Any, ...]]:
    return select(*Category.__table__.c)


def card_of(row: Sequence[Any]) -> ProductCard:
    # By place: by name, a row's values take longer to read than a card takes to make.
    (
        product_id,
        slug,
        sku,
        name,
        brand,
        price,
        compare_at_price,
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
    )


def cards_of(ids: Sequence[int]) -> tuple[ProductCard, ...]:
    """Cards of products by id, in the order given; those no longer sold are left out."""
    if not ids:
        return ()
    cards = {card.id: card for card in map(card_of, read_session().execute(_cards_by_id(), {"ids": ids}))}
    return tuple(cards[ProductId(product_id)] for product_id in dict.fromkeys(ids) if product_id in cards)


def browse(criteria: BrowseCriteria) -> Listing:
    """One page of a listing, by a fixed number of selects. A page past the last one is the last one.

    :raise UnknownCategory: `criteria.category` names none
    """
    categories = {row.slug: row for row in read_session().execute(_categories())}
    if criteria.category is not None and criteria.category not in categories:
        raise UnknownCategory(criteria.category)
    category = categories.get(criteria.category or "")
    here = category.id if category else ALL_CATEGORIES
    sought = engine.parse_query(criteria.words)
    counts, page, ids = _read(criteria, here, sought)
    relaxed = relax(criteria.words) if sought and not ids else None
    if relaxed:
        counts, page, ids = _read(criteria, here, relaxed.alternatives)
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


def _read(criteria: BrowseCriteria, here: int, sought: Sequence[Words]) -> tuple[Counts, int, list[int]]:
    """The counts, the number of the page that is shown, and the ids of what is on it.

    :param here: id of the category
    :param sought: alternatives; none where everything is shown
    """
    counts = _counts(criteria, here, sought)
    page, ids = _page(criteria, here, sought, _total(counts))
    if len(ids) != _on_page(page, _total(counts)):  # it is not as full as counts say that are a little old
        counts = _counts(criteria, here, sought, anew=True)
        page, ids = _page(criteria, here, sought, _total(counts))
    return counts, page, ids


def _total(counts: Counts) -> int:
    return counts["total"].get("", 0)


def _page_count(total: int) -> int:
    return max(1, -(-total // PAGE_SIZE))


def _on_page(page: int, total: int) -> int:
    return min(PAGE_SIZE, total - (page - 1) * PAGE_SIZE)


def _page(criteria: BrowseCriteria, here: int, sought: Sequence[Words], total: int) -> tuple[int, list[int]]:
    """The number of the page that is shown, and the ids of what is on it, from the narrow index alone."""
    page = min(criteria.page, _page_count(total))
    if not total and not cache.is_enabled():
        return page, []
    chosen = select(BrowseEntry.product_id).where(BrowseEntry.category_id == here, *_filters(criteria).values())
    if sought:
        chosen = chosen.join(product_search, product_search.c.product_id == BrowseEntry.product_id)
        chosen = chosen.where(engine.engine().matches(*sought))
    chosen = chosen.order_by(*_order(criteria, sought)).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    return page, list(read_session().scalars(chosen))


def _order(criteria: BrowseCriteria, sought: Sequence[Words]) -> list[ColumnElement[Any]]:
    newest = BrowseEntry.product_id.desc()
    if criteria.sort is Sort.PRICE_LOW:
        return [BrowseEntry.price.asc(), BrowseEntry.product_id.asc()]
    if criteria.sort is Sort.PRICE_HIGH:
        return [BrowseEntry.price.desc(), newest]
    if criteria.sort is Sort.RATING:
        return [BrowseEntry.rating.desc(), newest]
    if criteria.sort is Sort.NEWEST:
        return [newest]
    if sought:
        exact = engine.find_exact(criteria.words)
        first = [case((BrowseEntry.product_id == exact, 0), else_=1)] if exact else []
        return [*first, engine.engine().rank(engine.all_words(sought)), BrowseEntry.popularity.desc(), newest]
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


_cached_counts: cache.RefreshingCache[Counts] = cache.RefreshingCache(
    "listing counts", fresh_seconds=30, max_age_seconds=120, max_entries=2000
)


def _counts(criteria: BrowseCriteria, here: int, sought: Sequence[Words], *, anew: bool = False) -> Counts:
    """How many products each choice of each facet would show, and the total, by one select.

    They are cached: the cards are always read afresh, figures beside filters need not be.

    :param here: id of the category
    :param anew: whether they are counted now, as the page is not as they say
    """
    key = replace(criteria, page=1, sort=Sort.DEFAULT, words=engine.to_fts5(sought))
    ask = _cached_counts.refresh if anew else _cached_counts.get_or_compute
    return ask(key, lambda: _count(criteria, here, sought))


def _count(criteria: BrowseCriteria, category: int, sought: Sequence[Words]) -> Counts:
    filters = _filters(criteria)
    here = BrowseEntry.category_id == category
    nothing = literal("")
    band = case(*((_within(key), literal(key)) for key in PRICE_BANDS), else_=nothing)
    stars = case(*((BrowseEntry.rating >= least, literal(str(least))) for least in RATINGS), else_=nothing)
    # The search runs once for all branches: without the CTE SQLite would match every entry by itself.
    found = engine.match_cte(*sought) if sought else None
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
    rows = read_session().execute(union_all(*branches), bind_arguments={"mapper": BrowseEntry})
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
    """The commonest brands, and every chosen one, by name."""
    common = sorted(counts, key=lambda brand: (-counts[brand], brand))[:BRANDS_SHOWN]
    shown = sorted({*common, *criteria.brands}, key=str.casefold)
    return [FacetChoice(name, name, counts.get(name, 0), name in criteria.brands) for name in shown if name]
