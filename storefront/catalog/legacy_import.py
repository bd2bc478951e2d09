"""Imports categories, products, reviews and sales of the old shop, batch by batch.

An import never overwrites existing rows, and does not bring back what was deleted here after an earlier import.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from storefront.catalog.models import (
    Category,
    ImportedRow,
    Product,
    ReservationState,
    Review,
    StockReservation,
    Variant,
)
from storefront.catalog.products.create import (
    UNSORTED,
    NewProduct,
    NewReview,
    add_categories,
    default_category,
    review_row,
    write_products,
)
from storefront.catalog.products.slugs import free_slug
from storefront.catalog.reviews.reviews import settle_ratings
from storefront.catalog.values import MAX_BRAND_LENGTH, MAX_PRODUCT_NAME_LENGTH, MAX_SKU_LENGTH, Department, Picture
from storefront.core import gtin
from storefront.core.collation import collation_key
from storefront.db import import_log
from storefront.db.import_log import BatchResult
from storefront.db.session import read_session, retry_on_deadlock, transaction

__all__ = [
    "MAX_BRAND_LENGTH",
    "MAX_PRODUCT_NAME_LENGTH",
    "MAX_SKU_LENGTH",
    "OldCategory",
    "OldReview",
    "OldSale",
    "arrived_pictures",
    "arrived_products",
    "import_categories",
    "import_products",
    "import_reviews",
    "import_sales",
    "note_pictures",
]

_CATEGORY, _PRODUCT, _PICTURE, _REVIEW = "category", "product", "picture", "review"
NO_ICON = Picture("icons/parcel.svg", "")
HUE_STEP = 47  # degrees between the colours of one category and the next


@dataclass(frozen=True, slots=True)
class OldCategory:
    """A category of the old shop."""

    id: int
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class OldReview:
    """A review of the old shop.

    :ivar id: its id there
    :ivar product_id: of the product there and, once imported, here
    """

    id: int
    product_id: int
    review: NewReview


@dataclass(frozen=True, slots=True)
class OldSale:
    """Units of one order that the old shop sold and took off its stock.

    :ivar checkout: the checkout id that the imported order has here
    :ivar units: by product id
    """

    checkout: str
    units: Mapping[int, int]
    sold_at: datetime


def import_categories(categories: Sequence[OldCategory]) -> tuple[dict[int, str], BatchResult]:
    """Create the categories that do not exist yet.

    :return: slugs by old category id, without categories that were deleted here after an earlier import
    """
    result, slugs, new = BatchResult(), {}, []
    imported = import_log.already_imported(ImportedRow, _CATEGORY, [category.id for category in categories])
    slug_of = {collation_key(name): slug for name, slug in read_session().execute(select(Category.name, Category.slug))}
    for category in categories:
        name = collation_key(category.name)
        slug = slug_of.get(name) or free_slug(category.name, slug_of.values(), f"category-{category.id}")
        if name in slug_of:
            result.known.append(category.id)
        elif category.id in imported:
            result.known.append(category.id)
            continue
        else:
            hue = category.id * HUE_STEP % 360
            new.append(Department(slug, category.name, category.description, hue, NO_ICON))
            result.added.append(category.id)
            slug_of[name] = slug
        slugs[category.id] = slug
    if new:
        add_categories(new)
    _mark_imported(_CATEGORY, [category.id for category in categories if category.id not in imported])
    return slugs, result


@retry_on_deadlock
def _mark_imported(kind: str, ids: Sequence[int]) -> None:
    with transaction("catalog") as session:
        import_log.mark_imported(session, ImportedRow, kind, ids)


def import_products(batch: Sequence[NewProduct], *, actor: str) -> BatchResult:
    """Create products under their old ids; those without a category go to the default one.

    The initial stock of each is one movement in the ledger, as for any new product.
    """
    if any(not product.categories for product in batch):
        default_category()
    return _import_products([replace(p, categories=p.categories or (UNSORTED.slug,)) for p in batch], actor)


@retry_on_deadlock
def _import_products(batch: Sequence[NewProduct], actor: str) -> BatchResult:
    result = BatchResult()
    with transaction("catalog") as session:
        ids = [product.id for product in batch if product.id is not None]
        known = import_log.already_imported(ImportedRow, _PRODUCT, ids)
        taken = set(session.scalars(select(Product.id).where(Product.id.in_(ids))))
        codes = _codes_taken(session, [product.sku for product in batch])
        new = []
        for product in batch:
            assert product.id is not None  # noqa: S101 - every imported product has its old id
            if product.id in known:
                result.known.append(product.id)
            elif product.id in taken:
                result.refused[product.id] = "another product here has its id"
            elif product.sku.upper() in codes:
                result.refused[product.id] = "another product or variant carries its SKU"
            else:
                codes.add(product.sku.upper())
                new.append(product)
                result.added.append(product.id)
        if new:
            write_products(session, new, actor)
        import_log.mark_imported(session, ImportedRow, _PRODUCT, result.added)
    return result


def _codes_taken(session: Session, skus: Sequence[str]) -> set[str]:
    """Return which of these codes are in use as SKU or barcode, in upper case: MySQL compares without case."""
    wanted = {spelling for sku in skus for spelling in gtin.spellings(sku.upper())}
    taken: set[str] = set()
    for column in (Product.sku, Variant.sku, Variant.barcode):
        used = session.scalars(select(column).where(func.upper(column).in_(wanted)))
        taken |= {spelling for code in used if code for spelling in gtin.spellings(code.upper())}
    return taken


def arrived_products(ids: Collection[int]) -> set[int]:
    """Return which products of the old shop were imported and still exist, published or not.

    :param ids: old product ids
    """
    imported = (
        select(ImportedRow.old_id).join(Product, Product.id == ImportedRow.old_id).where(ImportedRow.kind == _PRODUCT)
    )
    return set(read_session().scalars(imported.where(ImportedRow.old_id.in_(ids))))


def arrived_pictures(ids: Collection[int]) -> set[int]:
    """Return which images of the old shop were imported before.

    :param ids: old image ids
    """
    return import_log.already_imported(ImportedRow, _PICTURE, ids)


def note_pictures(ids: Sequence[int]) -> None:
    """Mark images as imported.

    :param ids: old image ids
    """
    _mark_imported(_PICTURE, ids)


@retry_on_deadlock
def import_reviews(batch: Sequence[OldReview]) -> BatchResult:
    """Import reviews of products that exist here, and recompute the ratings of these products.

    :param batch: reviews whose authors exist here; the caller checks that
    """
    result = BatchResult()
    with transaction("catalog") as session:
        known = import_log.already_imported(ImportedRow, _REVIEW, [old.id for old in batch])
        products = arrived_products({old.product_id for old in batch})
        pairs = _reviewed_pairs(session, products)
        rows = []
        for old in batch:
            review, pair = old.review, (old.product_id, old.review.user_id)
            if old.id in known:
                result.known.append(old.id)
            elif old.product_id not in products:
                result.refused[old.id] = "its product is not here"
            elif pair in pairs:
                result.refused[old.id] = "its author has reviewed the product already"
            else:
                pairs.add(pair)
                result.added.append(old.id)
                rows.append(review_row(old.product_id, review))
        if rows:
            _lock_products(session, {old.product_id for old in batch if old.id in set(result.added)})
            session.execute(insert(Review), rows)
            settle_ratings(session, {old.product_id for old in batch})
        import_log.mark_imported(session, ImportedRow, _REVIEW, result.added)
    return result


def _reviewed_pairs(session: Session, products: Collection[int]) -> set[tuple[int, int]]:
    pairs = select(Review.product_id, Review.user_id).where(Review.product_id.in_(products))
    return {(product, user) for product, user in session.execute(pairs)}


def _lock_products(session: Session, products: Collection[int]) -> None:
    """Lock the rows of products by id, before reviews are written, as every writer of reviews does."""
    session.execute(select(Product.id).where(Product.id.in_(products)).order_by(Product.id).with_for_update())


@retry_on_deadlock
def import_sales(batch: Sequence[OldSale]) -> None:
    """Record units sold by the old shop as committed reservations, so that they can be returned here.

    No stock moves. Units count for the first variant of their product; products that were not imported are skipped.
    Safe to repeat.
    """
    with transaction("catalog") as session:
        checkouts = [sale.checkout for sale in batch]
        recorded = select(StockReservation.checkout_id).where(StockReservation.checkout_id.in_(checkouts))
        known = set(session.scalars(recorded))
        new = [sale for sale in batch if sale.checkout not in known]
        variants = _first_variants(session, {product for sale in new for product in sale.units})
        rows = [
            {
                "checkout_id": sale.checkout,
                "variant_id": variants[product],
                "quantity": units,
                "state": ReservationState.COMMITTED,
                "expires_at": sale.sold_at,
            }
            for sale in new
            for product, units in sale.units.items()
            if product in variants
        ]
        if rows:
            session.execute(insert(StockReservation), rows)


def _first_variants(session: Session, products: Collection[int]) -> dict[int, int]:
    variants = select(Variant.product_id, Variant.id).where(Variant.product_id.in_(arrived_products(products)))
    # In reverse order: of several variants the dictionary keeps the last, which is the product's first.
    rows = session.execute(variants.order_by(Variant.sort_order.desc(), Variant.id.desc()))
    return {row.product_id: row.id for row in rows}
