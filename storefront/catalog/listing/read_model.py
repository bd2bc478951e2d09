"""The read model of the catalogue: denormalised columns, the browse index and the search index.

It follows from products, variants, categories and reviews, and is written only here: price and stock of products,
title and sellable flag of variants, the browse index, the full-text index. Code that changes one of its sources calls
these functions at the end of the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session, aliased

from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, Category, Product, ProductCategory, Variant
from storefront.catalog.search.engine import SearchText, index_products
from storefront.core import gtin

# Columns of the browse index that repeat values of the product.
_COPIED: dict[str, ColumnElement[Any]] = {
    "brand": Product.brand.expression,
    "price": Product.price.expression,
    "rating": Product.average_rating.expression,
    "popularity": Product.popularity.expression,
    "in_stock": Product.stock > 0,
}


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """The values of a variant from which its product's totals are computed.

    :ivar price: in minor units
    :ivar compare_at_price: in minor units
    :ivar available: units on hand - units reserved
    :ivar is_withdrawn: whether the variant is off sale on its own
    """

    price: int
    compare_at_price: int | None
    available: int
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class ProductTotals:
    """Price, compare-at price and stock of a product, as computed from its variants.

    :ivar price: the lowest that can be bought, in minor units; of a product that is sold out, the lowest of all
    :ivar compare_at_price: of the variant with this price, in minor units
    :ivar stock: available units of all variants
    :ivar price_varies: whether others that can be bought cost more; of a product that is sold out, whether others do
    """

    price: int
    compare_at_price: int | None
    stock: int
    price_varies: bool = False


def totals_of(variants: Sequence[VariantFacts]) -> ProductTotals:
    """Compute the totals of a product.

    Withdrawn variants do not count, unless all are withdrawn: then the cheapest still gives the price.

    :param variants: at least one, in their order on the page; of several at the lowest price the first counts
    """
    on_sale = [variant for variant in variants if not variant.is_withdrawn]
    priced = [variant for variant in on_sale if variant.available > 0] or on_sale or variants
    cheapest = min(priced, key=lambda variant: variant.price)
    return ProductTotals(
        price=cheapest.price,
        compare_at_price=cheapest.compare_at_price,
        stock=sum(variant.available for variant in on_sale),
        price_varies=any(variant.price != cheapest.price for variant in priced),
    )


def title_of(product_name: str, option: str) -> str:
    """Return the title of a variant: product name and option.

    :param option: what distinguishes it from the product's other variants; may be empty
    """
    return f"{product_name}, {option}" if option else product_name


def is_variant_sold(is_published: bool, is_withdrawn: bool = False) -> bool:
    """Tell whether a variant is on sale: its product is published and it is not withdrawn."""
    return is_published and not is_withdrawn


# --------------------------------------------------------------------------------- products and variants

_sibling = aliased(Variant)
_HAS_OTHER_PRICES = exists().where(  # of a variant: another one of its product has another price or compare-at price
    _sibling.product_id == Variant.product_id,
    or_(
        _sibling.price != Variant.price,
        _sibling.compare_at_price.is_distinct_from(Variant.compare_at_price.expression),
    ),
)

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
        Product.price_varies,
        Product.stock,
    )
    .join(Product, Product.id == Variant.product_id)
    .order_by(Product.id, Variant.sort_order, Variant.id)
)


def lock_products(session: Session, product_ids: Collection[int]) -> None:
    """Lock the rows of products and their variants, in the order used everywhere: variants, then products, by id."""
    variants = select(Variant.id).where(Variant.product_id.in_(product_ids)).order_by(Variant.id)
    session.execute(variants.with_for_update())
    products = select(Product.id).where(Product.id.in_(product_ids)).order_by(Product.id)
    session.execute(products.with_for_update())


def refresh(session: Session, product_ids: Collection[int]) -> dict[int, int]:
    """Recompute the read model of products, except for the search index.

    The transaction must hold the locks of `lock_products`.

    :return: available units by variant id, of the variants that came on sale by this
    """
    session.flush()
    rows = session.execute(_facts.where(Product.id.in_(product_ids))).all()
    _write_totals(session, rows)
    appeared = _write_variants(session, rows)
    _remove_entries(session, product_ids)
    update_entries(session, product_ids)
    add_entries(session, product_ids)
    return appeared


def _write_totals(session: Session, rows: Iterable[Row[Any]], *, counts_stock: bool = True) -> None:
    """Write the totals of products where they differ.

    :param counts_stock: whether the stock is written, too
    """
    changed = []
    for product_id, group in groupby(rows, key=lambda row: row.product_id):
        variants = list(group)
        totals = totals_of(
            [VariantFacts(row.price, row.compare_at_price, row.available, row.is_withdrawn) for row in variants]
        )
        first = variants[0]
        totals = totals if counts_stock else replace(totals, stock=first.stock)
        if totals != ProductTotals(first.product_price, first.product_was, first.stock, first.price_varies):
            changed.append({"id": product_id, **asdict(totals)})
    if changed:
        session.execute(update(Product), changed)


def _write_variants(session: Session, rows: Iterable[Row[Any]]) -> dict[int, int]:
    """Write titles and sellable flags.

    :return: available units by id, of the variants that were not sellable before
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
    """Add available units to the totals of products, and update prices and in-stock flags of their listings.

    It adds a difference instead of recounting, because other transactions may change other variants of the same
    products at the same time. These wait for the row of the product, which the UPDATE locks; so whoever is last reads
    the variants as all have left them, and writes the lowest price that can be bought.

    :param units: to add to each product, negative to subtract; or a column of another table
    :param on: condition that joins that table to `Product`
    """
    shifted = update(Product).where(Product.id.in_(product_ids), *on).values(stock=Product.stock + units)
    session.execute(shifted)
    # Reading locks no variant: another transaction holds its own and waits for the product.
    rows = session.execute(_facts.where(Product.id.in_(product_ids), _HAS_OTHER_PRICES)).all()
    _write_totals(session, rows, counts_stock=False)
    update_entries(session, product_ids, "in_stock", "price")


def is_lowest_wrong() -> ColumnElement[bool]:
    """Return a condition on `Product`: its prices are not those of the variants that can be bought, or else on sale."""
    rank = case((Variant.is_withdrawn, 2), (Variant.on_hand <= Variant.reserved, 1), else_=0)
    mine = Variant.product_id == Product.id
    price, compare_at_price = (
        select(column)
        .where(mine)
        .order_by(rank, Variant.price, Variant.sort_order, Variant.id)
        .limit(1)
        .correlate(Product)
        .scalar_subquery()
        for column in (Variant.price, Variant.compare_at_price)
    )
    best = select(func.min(rank)).where(mine).correlate(Product).scalar_subquery()
    varies = exists().where(mine, rank == best, Variant.price != Product.price).correlate(Product)
    return or_(
        Product.price.is_distinct_from(price),
        Product.compare_at_price.is_distinct_from(compare_at_price),
        Product.price_varies != varies,
    )


# ------------------------------------------------------------------------------------------ browse index


def add_entries(session: Session, product_ids: Collection[int]) -> None:
    """Add missing entries of published products to the browse index: one for each category, one for the whole shop."""
    in_categories = select(ProductCategory.product_id, ProductCategory.category_id)
    in_shop = select(Product.id, literal(ALL_CATEGORIES))
    pairs = union_all(
        in_categories.where(ProductCategory.product_id.in_(product_ids)), in_shop.where(Product.id.in_(product_ids))
    ).subquery()
    listed = exists().where(
        BrowseEntry.product_id == pairs.c.product_id, BrowseEntry.category_id == pairs.c.category_id
    )
    rows = (
        select(pairs.c.product_id, pairs.c.category_id, *_COPIED.values())
        .join(Product, Product.id == pairs.c.product_id)
        .where(Product.active, ~listed)
    )
    session.execute(insert(BrowseEntry).from_select(["product_id", "category_id", *_COPIED], rows))


def update_entries(session: Session, product_ids: Collection[int], *columns: str) -> None:
    """Copy the current values of products to their entries in the browse index.

    :param columns: the columns to copy, only where they differ; without any, all columns are copied
    """
    conditions = [BrowseEntry.product_id == Product.id, Product.id.in_(product_ids)]
    if columns:
        conditions.append(or_(*(getattr(BrowseEntry, column) != _COPIED[column] for column in columns)))
    values = {column: _COPIED[column] for column in columns or _COPIED}
    session.execute(update(BrowseEntry).where(*conditions).values(**values))


def _remove_entries(session: Session, product_ids: Collection[int]) -> None:
    """Remove entries of categories that products have left, and all entries of unpublished products."""
    published = exists().where(Product.id == BrowseEntry.product_id, Product.active)
    in_category = exists().where(
        ProductCategory.product_id == BrowseEntry.product_id, ProductCategory.category_id == BrowseEntry.category_id
    )
    obsolete = or_(~published, and_(BrowseEntry.category_id != ALL_CATEGORIES, ~in_category))
    session.execute(delete(BrowseEntry).where(BrowseEntry.product_id.in_(product_ids), obsolete))


# ------------------------------------------------------------------------------------ words of the search


def reindex(session: Session, product_ids: Collection[int]) -> None:
    """Rewrite the search index of products from their current texts."""
    session.flush()
    if texts := search_texts(session, product_ids):
        index_products(session, texts)


def search_texts(session: Session, product_ids: Collection[int]) -> list[SearchText]:
    """Compose the indexed texts of products from their rows, by three selects."""
    codes: dict[int, set[str]] = defaultdict(set)
    for product_id, *variant_codes in session.execute(
        select(Variant.product_id, Variant.sku, Variant.barcode).where(Variant.product_id.in_(product_ids))
    ):
        codes[product_id].update(code for code in variant_codes if code)
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
    return [
        search_text(row.id, row.name, row.brand, row.description, {row.sku, *codes[row.id]}, names[row.id])
        for row in rows
    ]


def search_text(
    product_id: int, name: str, brand: str, description: str, codes: Collection[str], categories: Collection[str]
) -> SearchText:
    """Compose the indexed text of a product; name and brand rank higher than the rest.

    :param codes: SKUs and barcodes of the product and its variants, in any order
    :param categories: names, in the order of the categories
    """
    spellings = {spelling for code in codes for spelling in gtin.spellings(code)}  # of barcodes, which may be searched
    words = [name, brand, *sorted(spellings), *categories, description]
    return SearchText(product_id, f"{name} {brand}", " ".join(words))


def next_products(session: Session, category_id: int, after: int, count: int) -> list[int]:
    """List the next products of a category by id, for work in batches.

    :param after: id of the last product of the previous batch, 0 to begin
    :param count: maximum number of products
    """
    page = select(ProductCategory.product_id).where(
        ProductCategory.category_id == category_id, ProductCategory.product_id > after
    )
    return list(session.scalars(page.order_by(ProductCategory.product_id).limit(count)))
