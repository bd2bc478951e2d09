"""The read model of the catalogue: what listings, the stock desk and the search show of products.

All of it follows from products, variants, categories and reviews, and is written here only: prices and units of
products, titles of variants and whether they are sold, the browse index, the words of the search. Whoever changes what
it follows from calls these functions at the end of the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, exists, insert, literal, or_, select, union_all, update
from sqlalchemy.orm import Session

from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, Category, Product, ProductCategory, Variant
from storefront.catalog.search.engine import SearchText, index_products

# What each entry of the browse index repeats of its product.
_COPIED: dict[str, ColumnElement[Any]] = {
    "brand": Product.brand.expression,
    "price": Product.price.expression,
    "rating": Product.average_rating.expression,
    "popularity": Product.popularity.expression,
    "in_stock": Product.stock > 0,
}


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """What the totals of a product follow from, of one of its variants.

    :ivar price: in minor units, as `compare_at_price`
    :ivar available: units on hand that nobody holds
    :ivar is_withdrawn: taken off sale by itself
    """

    price: int
    compare_at_price: int | None
    available: int
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class ProductTotals:
    """What the variants of a product come to: its lowest price, that variant's old price, all available units."""

    price: int
    compare_at_price: int | None
    stock: int


def totals_of(variants: Sequence[VariantFacts]) -> ProductTotals:
    """Work out what a product shows of its variants.

    Withdrawn variants do not count; where all are withdrawn, the cheapest of them still gives the price.

    :param variants: at least one, in their order on the page: of two at the lowest price the first counts
    """
    cheapest = min(variants, key=lambda variant: (variant.is_withdrawn, variant.price))
    stock = sum(variant.available for variant in variants if not variant.is_withdrawn)
    return ProductTotals(cheapest.price, cheapest.compare_at_price, stock)


def title_of(product_name: str, option: str) -> str:
    """Name a variant on its own, with its product.

    :param option: what tells it from its siblings; may be empty
    """
    return f"{product_name}, {option}" if option else product_name


def is_variant_sold(is_published: bool, is_withdrawn: bool = False) -> bool:
    """Tell whether a variant can be bought: its product is published and it was not taken off sale by itself."""
    return is_published and not is_withdrawn


# --------------------------------------------------------------------------------- products and variants

_facts: Select[*tuple[Any, ...]] = (
    select(
        Variant.id,
        Variant.product_id,
        Variant.name,
        Variant.price,
        Variant.compare_at_price,
        (Variant.on_hand - Variant.reserved).label("available"),
        Variant.is_withdrawn,
        Variant.title,
        Variant.is_sellable,
        Product.name.label("product_name"),
        Product.active,
        Product.price.label("product_price"),
        Product.compare_at_price.label("product_was"),
        Product.stock,
    )
    .join(Product, Product.id == Variant.product_id)
    .order_by(Product.id, Variant.sort_order, Variant.id)
)


def lock_products(session: Session, product_ids: Collection[int]) -> None:
    """Take the rows of products and their variants, in the order that everybody takes them in."""
    variants = select(Variant.id).where(Variant.product_id.in_(product_ids)).order_by(Variant.id)
    session.execute(variants.with_for_update())
    products = select(Product.id).where(Product.id.in_(product_ids)).order_by(Product.id)
    session.execute(products.with_for_update())


def refresh(session: Session, product_ids: Collection[int]) -> dict[int, int]:
    """Write what follows from products and variants as they stand now, but for the words of the search.

    The rows of both must be locked by the transaction (`take`).

    :return: units available by variant id, of the variants that came on sale by this
    """
    session.flush()
    rows = session.execute(_facts.where(Product.id.in_(product_ids))).all()
    _write_totals(session, rows)
    appeared = _write_variants(session, rows)
    _remove_entries(session, product_ids)
    update_entries(session, product_ids)
    add_entries(session, product_ids)
    return appeared


def _write_totals(session: Session, rows: Iterable[Row[Any]]) -> None:
    changed = []
    for product_id, group in groupby(rows, key=lambda row: row.product_id):
        variants = list(group)
        totals = totals_of(
            [VariantFacts(row.price, row.compare_at_price, row.available, row.is_withdrawn) for row in variants]
        )
        first = variants[0]
        if totals != ProductTotals(first.product_price, first.product_was, first.stock):
            changed.append(
                {
                    "id": product_id,
                    "price": totals.price,
                    "compare_at_price": totals.compare_at_price,
                    "stock": totals.stock,
                }
            )
    if changed:
        session.execute(update(Product), changed)


def _write_variants(session: Session, rows: Iterable[Row[Any]]) -> dict[int, int]:
    """Titles, and whether each is sold.

    :return: units available by id of those that were not sold before
    """
    changed, appeared = [], {}
    for row in rows:
        title, is_sellable = title_of(row.product_name, row.name), is_variant_sold(row.active, row.is_withdrawn)
        if (title, is_sellable) != (row.title, row.is_sellable):
            changed.append({"id": row.id, "title": title, "is_sellable": is_sellable})
        if is_sellable and not row.is_sellable:
            appeared[row.id] = row.available
    if changed:
        session.execute(update(Variant), sorted(changed, key=lambda values: values["id"]))
    return appeared


def shift_stock(
    session: Session, product_ids: Collection[int], units: int | ColumnElement[int], *on: ColumnElement[bool]
) -> None:
    """Add units to the totals of products, and list them as in stock or not.

    It adds a difference instead of counting anew, because others may be changing further variants of the same products
    at this moment.

    :param units: what became available, negative what ceased to be: of each product, or a column of another table
    :param on: joins that table to `Product`
    """
    shifted = update(Product).where(Product.id.in_(product_ids), *on).values(stock=Product.stock + units)
    session.execute(shifted)
    update_entries(session, product_ids, "in_stock")


def is_lowest_wrong() -> ColumnElement[bool]:
    """True of a product whose price or old price is not that of its cheapest variant on sale."""
    on_sale = and_(Variant.product_id == Product.id, Variant.is_withdrawn.is_(False))
    order = (Variant.price, Variant.sort_order, Variant.id)
    price = select(Variant.price).where(on_sale).order_by(*order).limit(1).correlate(Product).scalar_subquery()
    compare_at_price = (
        select(Variant.compare_at_price).where(on_sale).order_by(*order).limit(1).correlate(Product).scalar_subquery()
    )
    return or_(Product.price.is_distinct_from(price), Product.compare_at_price.is_distinct_from(compare_at_price))


# ------------------------------------------------------------------------------------------ browse index


def add_entries(session: Session, product_ids: Collection[int]) -> None:
    """List published products where they stand and are not listed yet: in each category, and in the whole shop."""
    stands = select(ProductCategory.product_id, ProductCategory.category_id)
    everywhere = select(Product.id, literal(ALL_CATEGORIES))
    places = union_all(
        stands.where(ProductCategory.product_id.in_(product_ids)), everywhere.where(Product.id.in_(product_ids))
    ).subquery()
    listed = exists().where(
        BrowseEntry.product_id == places.c.product_id, BrowseEntry.category_id == places.c.category_id
    )
    rows = (
        select(places.c.product_id, places.c.category_id, *_COPIED.values())
        .join(Product, Product.id == places.c.product_id)
        .where(Product.active, ~listed)
    )
    session.execute(insert(BrowseEntry).from_select(["product_id", "category_id", *_COPIED], rows))


def update_entries(session: Session, product_ids: Collection[int], *columns: str) -> None:
    """Let the entries of products repeat what is true of the products now.

    :param columns: numbers that may have changed: only entries in which they differ are written; none for all columns
    """
    mine = [BrowseEntry.product_id == Product.id, Product.id.in_(product_ids)]
    if columns:
        mine.append(or_(*(getattr(BrowseEntry, column) != _COPIED[column] for column in columns)))
    values = {column: _COPIED[column] for column in columns or _COPIED}
    written = update(BrowseEntry).where(*mine).values(**values)
    session.execute(written)


def _remove_entries(session: Session, product_ids: Collection[int]) -> None:
    """Take products off the lists in which they do not stand any more, hidden ones off all."""
    published = exists().where(Product.id == BrowseEntry.product_id, Product.active)
    stands = exists().where(
        ProductCategory.product_id == BrowseEntry.product_id, ProductCategory.category_id == BrowseEntry.category_id
    )
    strays = or_(~published, and_(BrowseEntry.category_id != ALL_CATEGORIES, ~stands))
    removed = delete(BrowseEntry).where(BrowseEntry.product_id.in_(product_ids), strays)
    session.execute(removed)


# ------------------------------------------------------------------------------------ words of the search


def reindex(session: Session, product_ids: Collection[int]) -> None:
    """Make products findable by the words they have now."""
    session.flush()
    codes: dict[int, set[str]] = defaultdict(set)
    for product_id, *given in session.execute(
        select(Variant.product_id, Variant.sku, Variant.barcode).where(Variant.product_id.in_(product_ids))
    ):
        codes[product_id].update(code for code in given if code)
    names: dict[int, list[str]] = defaultdict(list)
    for product_id, name in session.execute(
        select(ProductCategory.product_id, Category.name)
        .join(Category, Category.id == ProductCategory.category_id)
        .where(ProductCategory.product_id.in_(product_ids))
        .order_by(ProductCategory.product_id, Category.sort_order, Category.id)
    ):
        names[product_id].append(name)
    facts = select(Product.id, Product.sku, Product.name, Product.brand, Product.description)
    rows = session.execute(facts.where(Product.id.in_(product_ids)).order_by(Product.id)).all()
    texts = [
        search_text(row.id, row.name, row.brand, row.description, {row.sku, *codes[row.id]}, names[row.id])
        for row in rows
    ]
    if texts:
        index_products(session, texts)


def search_text(
    product_id: int, name: str, brand: str, description: str, codes: Collection[str], categories: Collection[str]
) -> SearchText:
    """Compose what a product is found by: its name and brand before all else.

    :param codes: SKUs and barcodes of the product and its variants, in any order
    :param categories: their names, in the order of the categories
    """
    words = [name, brand, *sorted(codes), *categories, description]
    return SearchText(product_id, f"{name} {brand}", " ".join(words))


def next_products(session: Session, category_id: int, after: int, count: int) -> list[int]:
    """The next products of a category, by id.

    :param after: the last one done
    """
    page = select(ProductCategory.product_id).where(
        ProductCategory.category_id == category_id, ProductCategory.product_id > after
    )
    return list(session.scalars(page.order_by(ProductCategory.product_id).limit(count)))
