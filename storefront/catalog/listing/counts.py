"""The figures beside the filters of a listing: how many products each choice of each facet would list."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, String, func, literal, select, true, union_all
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import InstrumentedAttribute

from storefront.catalog.listing.filters import exactly, listing_filters, price_band, stars
from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, product_search
from storefront.catalog.search import engine
from storefront.catalog.values import BrowseCriteria, Sort
from storefront.catalog.values.search import Words
from storefront.core import cache
from storefront.db.session import read_session

Counts = dict[str, Counter[str]]  # by facet and value; the number of all is that of "" in "total"

_cached_counts: cache.RefreshingCache[Counts] = cache.RefreshingCache(
    "listing counts", fresh_seconds=30, max_age_seconds=120, max_entries=2000
)


def counts_of(criteria: BrowseCriteria, category_id: int, query: Sequence[Words], *, refresh: bool = False) -> Counts:
    """Return how many products each choice of each facet would list, and the total, from the cache.

    Product cards are always read from the database; the figures beside filters may be up to two minutes old.

    :param query: alternatives as from `read_query`; empty without a search
    :param refresh: count now instead, because the cached counts do not fit the page
    """
    key = replace(criteria, page=1, sort=Sort.DEFAULT, words=engine.to_fts5(query))
    read = _cached_counts.refresh if refresh else _cached_counts.get_or_compute
    if query:
        return read(key, lambda: _count_found(criteria, category_id, query))
    return read(key, lambda: _count_listed(criteria, category_id))


def _count_listed(criteria: BrowseCriteria, category_id: int) -> Counts:
    """Count without a search: a select for each facet, each of which an index answers."""
    filters = listing_filters(criteria)
    values = {
        "total": literal(""),
        "brand": exactly(BrowseEntry.brand),
        "price": price_band(),
        "rating": stars(),
        "stock": sql_cast(BrowseEntry.in_stock, String(1)),
    }
    branches = [
        _branch(facet, value).where(BrowseEntry.category_id == category_id, *_others(filters, facet))
        for facet, value in values.items()
    ]
    # The category facet counts all categories, whichever is chosen.
    by_category = _branch("category", sql_cast(BrowseEntry.category_id, String(11)))
    branches.append(by_category.where(BrowseEntry.category_id != ALL_CATEGORIES, *filters.values()))
    counts: Counts = defaultdict(Counter)
    rows = read_session().execute(union_all(*branches), bind_arguments={"mapper": BrowseEntry})
    for facet, value, count in rows:
        counts[facet][value] = count
    return counts


def _others(filters: dict[str, ColumnElement[bool]], facet: str) -> list[ColumnElement[bool]]:
    return [condition for name, condition in filters.items() if name != facet]


def _branch(facet: str, value: ColumnElement[str]) -> Select[*tuple[Any, ...]]:
    chosen = select(literal(facet).label("facet"), value.label("value"), func.count().label("count"))
    chosen = chosen.select_from(BrowseEntry)
    return chosen.group_by(value) if facet != "total" else chosen


class _Group(NamedTuple):
    """Found products of one category that have all values but the brand in common."""

    category_id: int
    price_band: str
    stars: str
    in_stock: bool
    products: int


def _count_found(criteria: BrowseCriteria, category_id: int, query: Sequence[Words]) -> Counts:
    """Count what a search finds, by one statement that searches twice and not once for each facet.

    A filter does not narrow its own facet. So brands are counted apart, which is also faster, as grouping by text is
    slow; the other filters are applied to the groups, of which there are a few hundred at most.
    """
    filters = listing_filters(criteria)
    brand = exactly(BrowseEntry.brand)
    by_brand = _found(query, brand, *map(literal, (0, "", "", 0))).group_by(brand)
    values = (BrowseEntry.category_id, price_band(), stars(), BrowseEntry.in_stock)
    by_others = _found(query, literal(None, String), *values).group_by(*values)
    both = union_all(
        by_brand.where(BrowseEntry.category_id == category_id, *_others(filters, "brand")),
        by_others.where(filters.get("brand", true())),
    )
    counts: Counts = defaultdict(Counter)
    for name, *group in read_session().execute(both, bind_arguments={"mapper": BrowseEntry}):
        if name is None:
            _add(counts, criteria, category_id, _Group(*group))
        else:
            counts["brand"][name] = group[-1]
    return counts


def _found(
    query: Sequence[Words], *columns: ColumnElement[Any] | InstrumentedAttribute[Any]
) -> Select[*tuple[Any, ...]]:
    found = select(*columns, func.count()).join_from(
        BrowseEntry, product_search, product_search.c.product_id == BrowseEntry.product_id
    )
    return found.where(engine.engine().matches(*query))


def _add(counts: Counts, criteria: BrowseCriteria, category_id: int, group: _Group) -> None:
    """Add a group to the choices that would list it."""
    fits = {
        "price": not criteria.price_bands or group.price_band in criteria.price_bands,
        "rating": not criteria.rating or int(group.stars or 0) >= criteria.rating,
        "stock": not criteria.in_stock or group.in_stock,
    }
    if group.category_id != ALL_CATEGORIES and all(fits.values()):
        counts["category"][str(group.category_id)] += group.products
    if group.category_id != category_id:
        return
    if all(fits.values()):
        counts["total"][""] += group.products
    values = {"price": group.price_band, "rating": group.stars, "stock": str(int(group.in_stock))}
    for facet, value in values.items():
        if all(fit for name, fit in fits.items() if name != facet):
            counts[facet][value] += group.products
