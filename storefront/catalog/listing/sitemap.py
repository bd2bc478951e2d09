"""What is on sale, in the parts that a sitemap lists it in: each holds the products of a range of ids.

Ranges need no counting, and a product never moves from one part to another.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, func, select, union_all

from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, Category, Product
from storefront.catalog.values import ProductId
from storefront.db.session import read_session

IDS_OF_PART = 10_000  # and so the most products in one
PARTS_AT_ONCE = 100  # looked for by one select

_sold = BrowseEntry.category_id == ALL_CATEGORIES


def parts() -> list[int]:
    """The numbers of the parts that hold anything, in order; a seek for each, and a select for each hundred."""
    # No recursion in SQL: where the bound of a seek is a column, MariaDB reads the index from its beginning each time.
    found: list[int] = []
    here: int | None = 0
    while here is not None:
        end = here + PARTS_AT_ONCE
        seeks = [_first(_ids_of(part)) for part in range(here, end)]
        # The last one finds where to go on, however many ids nobody has.
        seeks.append(_first(BrowseEntry.product_id >= end * IDS_OF_PART))
        firsts: Iterable[int | None] = read_session().scalars(union_all(*seeks), bind_arguments={"mapper": BrowseEntry})
        numbers = sorted(first // IDS_OF_PART for first in firsts if first is not None)
        found += [part for part in numbers if part < end]
        here = next((part for part in numbers if part >= end), None)
    return found


def _first(where: ColumnElement[bool]) -> Select[int]:
    return select(func.min(BrowseEntry.product_id)).where(_sold, where)


def _ids_of(part: int) -> ColumnElement[bool]:
    return BrowseEntry.product_id.between(part * IDS_OF_PART, (part + 1) * IDS_OF_PART - 1)


def products_in(part: int) -> list[tuple[ProductId, str]]:
    """Id and slug of every product on sale in a part, by id; none of a part that holds nothing."""
    chosen = (
        select(BrowseEntry.product_id, Product.slug)
        .join(Product, Product.id == BrowseEntry.product_id)
        .where(_sold, _ids_of(part))
        .order_by(BrowseEntry.product_id)
    )
    return [(ProductId(product_id), slug) for product_id, slug in read_session().execute(chosen)]


def categories() -> list[str]:
    """Slugs of the categories in which something is on sale, in the order of the navigation."""
    # No EXISTS: MariaDB would read the whole index to join it.
    one = select(BrowseEntry.product_id).where(BrowseEntry.category_id == Category.id).limit(1).scalar_subquery()
    chosen = select(Category.slug).where(one.is_not(None))
    return list(read_session().scalars(chosen.order_by(Category.sort_order, Category.id)))
