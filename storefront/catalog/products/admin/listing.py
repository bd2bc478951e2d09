"""The product desk's list: found, filtered, ordered and counted by a fixed number of selects."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, literal_column, select, union_all

from storefront.catalog.models import Category, Product, Variant
from storefront.catalog.products.admin.detail import OPEN
from storefront.catalog.products.admin.values import (
    PAGE_SIZE,
    ProductCriteria,
    ProductFilter,
    ProductOrder,
    ProductRow,
    ProductsPage,
)
from storefront.catalog.products.models import PriceChange
from storefront.catalog.search import engine
from storefront.core.money import Money
from storefront.db.pagination import SortKeys, paginate
from storefront.db.session import read_session

MAX_NAMED = 10_000  # products found by words; a word that more share says too little
MAX_BEGINNINGS = 1000  # SKUs that begin with what was typed
_LAST = "\uffff"  # sorts after whatever a code goes on with

_ORDERS = {
    ProductOrder.NEWEST: SortKeys((Product.id,), (int,), is_descending=True),
    ProductOrder.NAME: SortKeys((Product.name, Product.id), (str, int)),
    ProductOrder.PRICE: SortKeys((Product.price, Product.id), (int, int)),
}


def list_products(criteria: ProductCriteria) -> ProductsPage:
    """A page of the list, by two selects; what a search finds keeps the order asked for."""
    chosen = _row_columns().where(*_narrowed(criteria.filter))
    if criteria.words:
        matches = _matches(criteria.words)
        chosen = chosen.join(matches, matches.c.id == Product.id)
    keys = _ORDERS[criteria.order]
    if criteria.filter is ProductFilter.HIDDEN:
        keys = keys.sorted_afterwards()
    rows, paged = paginate(chosen, keys, criteria.cursor, PAGE_SIZE)
    return ProductsPage(criteria, tuple(map(_row_of, rows)), count_products(), paged)


def _row_columns() -> Select[*tuple[Any, ...]]:
    # Asked of the rows of the page alone: a join would have MariaDB begin with the categories, and sort all products.
    category = select(Category.name).where(Category.id == Product.main_category_id).scalar_subquery()
    variants = select(func.count()).where(Variant.product_id == Product.id).correlate(Product).scalar_subquery()
    return select(
        Product.id,
        Product.sku,
        Product.slug,
        Product.name,
        Product.brand,
        Product.price,
        Product.currency,
        Product.stock,
        Product.active,
        Product.picture,
        category.label("category"),
        variants.label("variant_count"),
    )


def _row_of(row: Row[Any]) -> ProductRow:
    return ProductRow(
        id=row.id,
        sku=row.sku,
        slug=row.slug,
        name=row.name,
        brand=row.brand,
        price=Money(row.price, row.currency),
        stock=row.stock,
        is_published=row.active,
        has_picture=bool(row.picture),
        category=row.category,
        variant_count=row.variant_count,
    )


def _narrowed(chosen: ProductFilter) -> list[ColumnElement[bool]]:
    planned = select(Variant.product_id).join(PriceChange, PriceChange.variant_id == Variant.id)
    narrowed: dict[ProductFilter, list[ColumnElement[bool]]] = {
        # Almost all are: as no index has it, so that the index of the order is walked, not all of them sorted.
        ProductFilter.PUBLISHED: [case((Product.active, 1), else_=0) == 1],
        ProductFilter.HIDDEN: [Product.active.is_(False)],
        ProductFilter.NO_PICTURE: [Product.picture == ""],
        ProductFilter.SOLD_OUT: [Product.active.is_(True), Product.stock == 0],
        ProductFilter.PRICE_PLANNED: [Product.id.in_(planned.where(PriceChange.state.in_(OPEN)))],
    }
    return narrowed.get(chosen, [])


def _matches(words: str) -> Any:
    """Ids of what a search finds: a whole SKU or barcode in any case, the beginning of a SKU, words."""
    codes = sorted({words, words.upper()})
    branches: list[Select[int]] = [
        select(Product.id.label("id")).where(Product.sku.in_(codes)),
        select(Variant.product_id).where(Variant.sku.in_(codes)),
        select(Variant.product_id).where(Variant.barcode.in_(codes)),
    ]
    for code in codes:
        begins = select(Variant.product_id.label("id")).where(Variant.sku.between(code, code + _LAST))
        first = begins.order_by(Variant.sku).limit(MAX_BEGINNINGS).subquery()
        branches.append(select(first.c.id))
    if typed := engine.query_words(words):
        found = engine.match_cte(typed)
        named = select(found.c.product_id.label("id")).limit(MAX_NAMED).subquery()
        branches.append(select(named.c.id))
    return union_all(*branches).subquery().select().distinct().subquery()


def count_products() -> dict[ProductFilter, int]:
    """Products of the whole shop by filter, by one select."""
    kinds: dict[ProductFilter, Any] = {kind: literal_column(f"'{kind}'").label("kind") for kind in ProductFilter}
    every = select(kinds[ProductFilter.ALL], func.count()).select_from(Product)
    branches = [every]
    for kind in ProductFilter:
        if kind in {ProductFilter.ALL, ProductFilter.PUBLISHED}:
            continue
        branches.append(select(kinds[kind], func.count()).select_from(Product).where(*_narrowed(kind)))
    rows = read_session().execute(union_all(*branches), bind_arguments={"mapper": Product})
    counts: dict[str, int] = dict(rows.all())
    counts[ProductFilter.PUBLISHED] = counts[ProductFilter.ALL] - counts[ProductFilter.HIDDEN]
    return {kind: counts[kind] for kind in ProductFilter}
