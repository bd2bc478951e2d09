"""Goods of the old shop, what was said of them and who bought them, taken over batch by batch.

What is here stays as it is: nothing is written over, and what was deleted here does not come back.
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
    slugify,
    write_products,
)
from storefront.catalog.reviews.reviews import settle_ratings
from storefront.catalog.values import MAX_BRAND_LENGTH, MAX_PRODUCT_NAME_LENGTH, MAX_SKU_LENGTH, Department, Picture
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
    id: int
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class OldReview:
    id: int
    product_id: int
    review: NewReview


@dataclass(frozen=True, slots=True)
class OldSale:
    """Units that the old shop sold and took off its stock.

    :ivar units: by product id
    """

    checkout: str
    units: Mapping[int, int]
    sold_at: datetime


def import_categories(categories: Sequence[OldCategory]) -> tuple[dict[int, str], BatchResult]:
    """Open departments for the categories there are none for yet.

    :return: the slug that each has here, by its id there; one that was closed here since has none
    """
    landing, slugs, new = BatchResult(), {}, []
    came = import_log.already_imported(ImportedRow, _CATEGORY, [category.id for category in categories])
    here = set(read_session().scalars(select(Category.slug)))
    for category in categories:
        slug = slugify(category.name, f"category-{category.id}")
        if slug in here:
            landing.known.append(category.id)
        elif category.id in came:
            landing.known.append(category.id)
            continue
        else:
            hue = category.id * HUE_STEP % 360
            new.append(Department(slug, category.name, category.description, hue, NO_ICON))
            landing.added.append(category.id)
            here.add(slug)
        slugs[category.id] = slug
    if new:
        add_categories(new)
    _note(_CATEGORY, [category.id for category in categories if category.id not in came])
    return slugs, landing


@retry_on_deadlock
def _note(kind: str, ids: Sequence[int]) -> None:
    with transaction("catalog") as session:
        import_log.mark_imported(session, ImportedRow, kind, ids)


def import_products(batch: Sequence[NewProduct], *, actor: str) -> BatchResult:
    """Put products on sale under the ids they had; those without a category stand with what nobody has sorted yet.

    What they have in stock is one movement each, as for every product that is put on sale.
    """
    if any(not product.categories for product in batch):
        default_category()
    return _import_products([replace(p, categories=p.categories or (UNSORTED.slug,)) for p in batch], actor)


@retry_on_deadlock
def _import_products(batch: Sequence[NewProduct], actor: str) -> BatchResult:
    landing = BatchResult()
    with transaction("catalog") as session:
        ids = [product.id for product in batch if product.id is not None]
        known = import_log.already_imported(ImportedRow, _PRODUCT, ids)
        taken = set(session.scalars(select(Product.id).where(Product.id.in_(ids))))
        codes = _codes_taken(session, [product.sku for product in batch])
        new = []
        for product in batch:
            assert product.id is not None  # noqa: S101 - what came over had one
            if product.id in known:
                landing.known.append(product.id)
            elif product.id in taken:
                landing.refused[product.id] = "another product here has its id"
            elif product.sku.upper() in codes:
                landing.refused[product.id] = "another product or variant carries its SKU"
            else:
                codes.add(product.sku.upper())
                new.append(product)
                landing.added.append(product.id)
        if new:
            write_products(session, new, actor)
        import_log.mark_imported(session, ImportedRow, _PRODUCT, landing.added)
    return landing


def _codes_taken(session: Session, skus: Sequence[str]) -> set[str]:
    """In capitals: MySQL takes abc-1 and ABC-1 for the same."""
    wanted = {sku.upper() for sku in skus}
    found: set[str] = set()
    for column in (Product.sku, Variant.sku, Variant.barcode):
        found |= {
            code.upper() for code in session.scalars(select(column).where(func.upper(column).in_(wanted))) if code
        }
    return found


def arrived_products(ids: Collection[int]) -> set[int]:
    """Which products of the old shop are here, on sale or not."""
    came = (
        select(ImportedRow.old_id).join(Product, Product.id == ImportedRow.old_id).where(ImportedRow.kind == _PRODUCT)
    )
    return set(read_session().scalars(came.where(ImportedRow.old_id.in_(ids))))


def arrived_pictures(ids: Collection[int]) -> set[int]:
    """Which pictures of the old shop came over before."""
    return import_log.already_imported(ImportedRow, _PICTURE, ids)


def note_pictures(ids: Sequence[int]) -> None:
    """Note that these came over."""
    _note(_PICTURE, ids)


@retry_on_deadlock
def import_reviews(batch: Sequence[OldReview]) -> BatchResult:
    """Write down what was said of products that are here; what they come to is right at the end of each batch.

    :param batch: by authors who are here, which is the caller's to know
    """
    landing = BatchResult()
    with transaction("catalog") as session:
        known = import_log.already_imported(ImportedRow, _REVIEW, [old.id for old in batch])
        products = arrived_products({old.product_id for old in batch})
        pairs = _written(session, products)
        rows = []
        for old in batch:
            review, pair = old.review, (old.product_id, old.review.user_id)
            if old.id in known:
                landing.known.append(old.id)
            elif old.product_id not in products:
                landing.refused[old.id] = "its product is not here"
            elif pair in pairs:
                landing.refused[old.id] = "its author has reviewed the product already"
            else:
                pairs.add(pair)
                landing.added.append(old.id)
                rows.append(review_row(old.product_id, review))
        if rows:
            _take(session, {old.product_id for old in batch if old.id in set(landing.added)})
            session.execute(insert(Review), rows)
            settle_ratings(session, {old.product_id for old in batch})
        import_log.mark_imported(session, ImportedRow, _REVIEW, landing.added)
    return landing


def _written(session: Session, products: Collection[int]) -> set[tuple[int, int]]:
    asked = select(Review.product_id, Review.user_id).where(Review.product_id.in_(products))
    return {(product, user) for product, user in session.execute(asked)}


def _take(session: Session, products: Collection[int]) -> None:
    """The products' rows, as everybody who writes a review takes them first."""
    session.execute(select(Product.id).where(Product.id.in_(products)).order_by(Product.id).with_for_update())


@retry_on_deadlock
def import_sales(batch: Sequence[OldSale]) -> None:
    """Note which units were sold by the old shop, so that they can be taken back here. No stock is moved by it.

    A product counts by its first variant; of one that is not here nothing is noted. Safe to repeat.
    """
    with transaction("catalog") as session:
        there = select(StockReservation.checkout_id)
        known = set(session.scalars(there.where(StockReservation.checkout_id.in_([sale.checkout for sale in batch]))))
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
    came = arrived_products(products)
    asked = select(Variant.product_id, Variant.id).where(Variant.product_id.in_(came))
    rows = session.execute(asked.order_by(Variant.sort_order.desc(), Variant.id.desc()))
    return {row.product_id: row.id for row in rows}
