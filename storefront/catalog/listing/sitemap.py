"""The products and categories of the sitemap, in parts by ranges of product ids.

Ranges need no counting, and a product never moves from one part to another.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, func, select, union_all

from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, Category, Product
from storefront.catalog.values import ProductId
from storefront.db.session import read_session

IDS_OF_PART = 10_000  # range of ids, and so the maximum number of products, of one part
PARTS_AT_ONCE = 100  # parts checked by one select

_listed = BrowseEntry.category_id == ALL_CATEGORIES


def parts() -> list[int]:
    """List the numbers of the parts that are not empty, in order: one index seek a part, one select a hundred parts."""
    # No recursive SQL: with a column as the bound of a seek, MariaDB scans the index from its beginning each time.
    parts_with_products: list[int] = []
    start: int | None = 0
    while start is not None:
        end = start + PARTS_AT_ONCE
        seeks = [_first(_ids_of(part)) for part in range(start, end)]
        # The last seek finds the next part with products, across gaps of any size.
        seeks.append(_first(BrowseEntry.product_id >= end * IDS_OF_PART))
        firsts: Iterable[int | None] = read_session().scalars(union_all(*seeks), bind_arguments={"mapper": BrowseEntry})
        numbers = sorted(first // IDS_OF_PART for first in firsts if first is not None)
        parts_with_products += [part for part in numbers if part < end]
        start = next((part for part in numbers if part >= end), None)
    return parts_with_products


def _first(where: ColumnElement[bool]) -> Select[int]:
    return select(func.min(BrowseEntry.product_id)).where(_listed, where)


def _ids_of(part: int) -> ColumnElement[bool]:
    return BrowseEntry.product_id.between(part * IDS_OF_PART, (part + 1) * IDS_OF_PART - 1)


def products_in(part: int) -> list[tuple[ProductId, str]]:
    """List id and slug of every product on sale in a part, by id."""
    chosen = (
        select(BrowseEntry.product_id, Product.slug)
        .join(Product, Product.id == BrowseEntry.product_id)
        .where(_listed, _ids_of(part))
        .order_by(BrowseEntry.product_id)
    )
    return [(ProductId(product_id), slug) for product_id, slug in read_session().execute(chosen)]


def categories() -> list[str]:
    """List the slugs of the categories with products on sale, in the order of the navigation."""
    # No EXISTS: MariaDB would scan the whole index to join it.
    one = select(BrowseEntry.product_id).where(BrowseEntry.category_id == Category.id).limit(1).scalar_subquery()
    chosen = select(Category.slug).where(one.is_not(None))
    return list(read_session().scalars(chosen.order_by(Category.sort_order, Category.id)))
