"""Creates products with their variants, specifications, images, reviews and read model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.catalog.listing.read_model import (
    VariantFacts,
    add_entries,
    is_variant_sold,
    search_text,
    title_of,
    totals_of,
)
from storefront.catalog.models import (
    AuditEntry,
    Category,
    Image,
    Product,
    ProductCategory,
    Review,
    Spec,
    StockMovement,
    Variant,
)
from storefront.catalog.products import idempotency
from storefront.catalog.products.slugs import slugify
from storefront.catalog.search.engine import SearchText, find_exact, index_products
from storefront.catalog.values import LOW_STOCK, Department, Picture, ProductId, Sku, SkuTaken, UnknownCategory
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db import audit_log
from storefront.db.session import read_session, transaction

logger = logging.getLogger(__name__)

# The default category, for products without one.
UNSORTED = Department("other", "Other", "Everything else.", 255, Picture("icons/parcel.svg", ""))


@dataclass(frozen=True, slots=True)
class NewVariant:
    """A variant to create.

    :ivar option: what distinguishes it from the other variants, empty when it is the only one
    :ivar stock: initial units on hand
    :ivar compare_at_price: its earlier price; without one the cheapest variants use that of their product
    """

    sku: Sku
    option: str
    price: Money
    stock: int
    barcode: str | None = None
    compare_at_price: Money | None = None


@dataclass(frozen=True, slots=True)
class NewReview:
    """A review to create together with its product; see `ReviewView` for the fields."""

    user_id: int
    user_name: str
    rating: int
    title: str
    comment: str
    is_verified: bool
    helpful_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product to create.

    :ivar categories: slugs, the main one first
    :ivar option_name: what its variants differ in ("Size"), empty when there is one
    :ivar slug: its name in URLs; generated from the name when empty
    :ivar is_published: whether it is on sale at once
    :ivar id: its id in the old shop; None for the next free id
    """

    sku: Sku
    name: str
    brand: str
    description: str
    categories: tuple[str, ...]
    variants: tuple[NewVariant, ...]
    published_on: date
    option_name: str = ""
    compare_at_price: Money | None = None
    specs: tuple[tuple[str, str], ...] = ()
    pictures: tuple[Picture, ...] = ()
    reviews: tuple[NewReview, ...] = ()
    popularity: int = 0
    slug: str = ""
    is_published: bool = True
    id: int | None = None
    is_preorder: bool = False


def add_categories(departments: Sequence[Department]) -> None:
    """Create categories, in this order, after the existing ones."""
    with transaction("catalog") as session:
        last = session.scalar(select(func.max(Category.sort_order)))
        for position, department in enumerate(departments, start=0 if last is None else last + 1):
            session.add(
                Category(
                    name=department.name,
                    slug=department.slug,
                    description=department.description,
                    hue=department.hue,
                    picture=department.picture.source,
                    sort_order=position,
                )
            )


def review_row(product_id: int, review: NewReview) -> dict[str, object]:
    """Convert a review to values of the `reviews` table."""
    return {
        "product_id": product_id,
        "user_id": review.user_id,
        "user_name": review.user_name,
        "rating": review.rating,
        "title": review.title,
        "comment": review.comment,
        "verified_purchase": review.is_verified,
        "helpful_count": review.helpful_count,
        "created_at": review.created_at,
    }


def add_products(products: Sequence[NewProduct], *, actor: str) -> list[ProductId]:
    """Create products in one transaction, by a fixed number of statements.

    The initial stock of each variant is a movement with the reason "initial".

    :param actor: as the ledger shows it
    :return: ids, in the order of the products
    """
    with transaction("catalog") as session:
        return write_products(session, products, actor)


def write_products(session: Session, products: Sequence[NewProduct], actor: str) -> list[ProductId]:
    """Create products as `add_products` does, within the caller's transaction; either all have an id or none has."""
    categories = {category.slug: category for category in session.scalars(select(Category))}
    rows = [_product_row(product, categories) for product in products]
    ids = list(session.scalars(insert(Product).returning(Product.id, sort_by_parameter_order=True), rows))
    _add_variants(session, ids, products, actor)
    _add_details(session, ids, products)
    _add_categories_of(session, ids, products, categories)
    add_entries(session, ids)
    index_products(session, [_search_text(i, p, categories) for i, p in zip(ids, products, strict=True)])
    return [ProductId(product_id) for product_id in ids]


def add_product(product: NewProduct, category_ids: Sequence[int], *, actor: str, key: str = "") -> ProductId:
    """Create one product, with an entry in the audit log.

    :param category_ids: its categories instead of `product.categories`, the main one first; empty for the default
        category, which is created on first use
    :param key: idempotency key; a repeat returns the id of the product created first
    :raise UnknownCategory: no category has one of these ids
    :raise SkuTaken: another product or variant has one of its SKUs
    """
    if done := idempotency.lookup(key):
        return ProductId(done.product_id or 0)
    slugs = _slugs(category_ids) if category_ids else (default_category(),)
    product = replace(product, categories=slugs)
    try:
        with transaction("catalog") as session:
            _refuse_barcodes(session, [variant.sku for variant in product.variants])
            (product_id,) = write_products(session, [product], actor)
            idempotency.record(session, key, product_id)
            detail = f"{product.name}, {_variants_in_words(product)}{'' if product.is_published else ', hidden'}"
            audit_log.record(
                session, AuditEntry, actor=actor, what="product created", subject=product.sku, detail=detail
            )
    except IntegrityError as error:
        if done := idempotency.lookup(key):  # a concurrent request with this key was first
            return ProductId(done.product_id or 0)
        taken = [code for code in (product.sku, *(v.sku for v in product.variants)) if find_exact(code) is not None]
        if not taken:
            raise
        raise SkuTaken(taken[0]) from error
    return product_id


def _refuse_barcodes(session: Session, skus: Sequence[str]) -> None:
    """Refuse SKUs that are barcodes of other variants, which a scanner could not tell apart.

    :raise SkuTaken: one is
    """
    scanned = session.scalar(select(Variant.barcode).where(Variant.barcode.in_(skus)).limit(1))
    if scanned:
        raise SkuTaken(scanned)


def _variants_in_words(product: NewProduct) -> str:
    """Describe SKU, price and units of each variant for the audit log."""
    return "; ".join(f"{v.sku} {v.price.currency} {v.price.amount}, {v.stock} units" for v in product.variants)


def _slugs(category_ids: Sequence[int]) -> tuple[str, ...]:
    rows = read_session().execute(select(Category.id, Category.slug).where(Category.id.in_(category_ids)))
    slugs: dict[int, str] = dict(rows.all())
    if missing := set(category_ids) - slugs.keys():
        raise UnknownCategory(", ".join(str(category_id) for category_id in sorted(missing)))
    return tuple(slugs[category_id] for category_id in dict.fromkeys(category_ids))


def default_category() -> str:
    """Return the slug of the default category, which is created on first use."""
    known = select(Category.slug).where(Category.slug == UNSORTED.slug)
    if read_session().scalar(known) is None:
        try:
            add_categories([UNSORTED])
        except IntegrityError:  # a concurrent request created it
            logger.info("category %s exists already", UNSORTED.slug)
    return UNSORTED.slug


def _product_row(product: NewProduct, categories: dict[str, Category]) -> dict[str, object]:
    totals = totals_of([VariantFacts(v.price.minor, _compare_at_price(product, v), v.stock) for v in product.variants])
    ratings = [review.rating for review in product.reviews]
    average = Decimal(sum(ratings)) / len(ratings) if ratings else Decimal(0)
    picture = product.pictures[0] if product.pictures else None
    return {
        **({} if product.id is None else {"id": product.id}),
        "sku": product.sku,
        "slug": product.slug or slugify(product.name),
        "name": product.name,
        "brand": product.brand,
        "description": product.description,
        "price": totals.price,
        "compare_at_price": totals.compare_at_price,
        "price_varies": totals.price_varies,
        "currency": product.variants[0].price.currency,
        "stock": totals.stock,
        "availability_status": "PREORDER" if product.is_preorder else "IN_STOCK",
        "active": product.is_published,
        "option_name": product.option_name,
        "main_category_id": categories[product.categories[0]].id,
        "average_rating": average.quantize(Decimal("0.01"), ROUND_HALF_UP),
        "review_count": len(ratings),
        "popularity": product.popularity,
        "published_on": product.published_on,
        "picture": picture.source if picture else "",
        "picture_alt": picture.alt if picture else "",
    }


def _compare_at_price(product: NewProduct, variant: NewVariant) -> int | None:
    """Return the compare-at price of a variant, in minor units."""
    is_lowest = variant.price.minor == min(other.price.minor for other in product.variants)
    compare_at_price = variant.compare_at_price or (product.compare_at_price if is_lowest else None)
    return compare_at_price.minor if compare_at_price else None


def _add_variants(session: Session, ids: list[int], products: Sequence[NewProduct], actor: str) -> None:
    rows = [
        {
            "product_id": product_id,
            "sku": variant.sku,
            "barcode": variant.barcode,
            "name": variant.option,
            "price": variant.price.minor,
            "compare_at_price": _compare_at_price(product, variant),
            "on_hand": variant.stock,
            "reserved": 0,
            "sort_order": position,
            "title": title_of(product.name, variant.option),
            "is_sellable": is_variant_sold(product.is_published),
            "low_stock_notified": variant.stock <= LOW_STOCK,  # no alert for initial stock
        }
        for product_id, product in zip(ids, products, strict=True)
        for position, variant in enumerate(product.variants)
    ]
    variant_ids = session.scalars(insert(Variant).returning(Variant.id, sort_by_parameter_order=True), rows)
    now = utc_now()
    movements = [
        {
            "variant_id": variant_id,
            "delta": row["on_hand"],
            "balance": row["on_hand"],
            "reason": "initial",
            "reference": row["sku"],
            "actor": actor,
            "created_at": now,
        }
        for variant_id, row in zip(variant_ids, rows, strict=True)
        if row["on_hand"]
    ]
    if movements:
        session.execute(insert(StockMovement), movements)


def _add_details(session: Session, ids: list[int], products: Sequence[NewProduct]) -> None:
    pairs = list(zip(ids, products, strict=True))
    specs = [
        {"product_id": i, "name": name, "value": value, "sort_order": position}
        for i, product in pairs
        for position, (name, value) in enumerate(product.specs)
    ]
    images = [
        {
            "product_id": i,
            "image_url": p.source,
            "content_type": "",
            "alt_text": p.alt,
            "sort_order": position,
        }
        for i, product in pairs
        for position, p in enumerate(product.pictures)
    ]
    reviews = [review_row(i, review) for i, product in pairs for review in product.reviews]
    for table, rows in ((Spec, specs), (Image, images), (Review, reviews)):
        if rows:
            session.execute(insert(table), rows)


def _add_categories_of(
    session: Session, ids: list[int], products: Sequence[NewProduct], categories: dict[str, Category]
) -> None:
    rows = [
        {"product_id": product_id, "category_id": categories[slug].id}
        for product_id, product in zip(ids, products, strict=True)
        for slug in product.categories
    ]
    session.execute(insert(ProductCategory), rows)


def _search_text(product_id: int, product: NewProduct, categories: dict[str, Category]) -> SearchText:
    codes = {product.sku, *(code for v in product.variants for code in (v.sku, v.barcode) if code)}
    rows = sorted((categories[slug] for slug in product.categories), key=lambda row: (row.sort_order, row.id))
    names = [row.name for row in rows]
    return search_text(product_id, product.name, product.brand, product.description, codes, names)
