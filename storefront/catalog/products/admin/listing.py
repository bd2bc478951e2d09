"""The staff's product list: searches, filters, sorts and counts products by a fixed number of selects."""

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
from storefront.catalog.search.synonyms import read_query
from storefront.core.money import Money
from storefront.db.pagination import SortKeys, paginate
from storefront.db.session import read_session

MAX_NAMED = 10_000  # products matched by words; a word that matches more is not selective
MAX_BEGINNINGS = 1000  # variants matched by the beginning of their SKU
_LAST = "\uffff"  # sorts after every continuation of a prefix

_ORDERS = {
    ProductOrder.NEWEST: SortKeys((Product.id,), (int,), is_descending=True),
    ProductOrder.NAME: SortKeys((Product.name, Product.id), (str, int)),
    ProductOrder.PRICE: SortKeys((Product.price, Product.id), (int, int)),
}


def list_products(criteria: ProductCriteria) -> ProductsPage:
    """Return a page of the product list, by two selects; search results keep the sort order of the criteria."""
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
    # Subqueries run for the rows of the page only; with a join MariaDB would start at the categories and sort all rows.
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
    scheduled = select(Variant.product_id).join(PriceChange, PriceChange.variant_id == Variant.id)
    narrowed: dict[ProductFilter, list[ColumnElement[bool]]] = {
        # Almost all are published: an expression without an index makes the database use the index of the sort order.
        ProductFilter.PUBLISHED: [case((Product.active, 1), else_=0) == 1],
        ProductFilter.HIDDEN: [Product.active.is_(False)],
        ProductFilter.NO_PICTURE: [Product.picture == ""],
        ProductFilter.SOLD_OUT: [Product.active.is_(True), Product.stock == 0],
        ProductFilter.PRICE_PLANNED: [Product.id.in_(scheduled.where(PriceChange.state.in_(OPEN)))],
    }
    return narrowed.get(chosen, [])


def _matches(words: str) -> Any:
    """Select the ids of products that match a search: a whole SKU or barcode, the beginning of a SKU, or words."""
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
    if typed := read_query(words):
        matches = engine.match_cte(*typed)
        named = select(matches.c.product_id.label("id")).limit(MAX_NAMED).subquery()
        branches.append(select(named.c.id))
    return union_all(*branches).subquery().select().distinct().subquery()


def count_products() -> dict[ProductFilter, int]:
    """Count the products of each filter, by one select."""
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
