"""Complete products for the JSON API, many at a time, by a fixed number of selects."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from storefront.catalog.inventory.reservations import available_now
from storefront.catalog.models import (
    ALL_CATEGORIES,
    AuditEntry,
    BrowseEntry,
    Category,
    Image,
    Product,
    ProductCategory,
    Review,
    Spec,
    Variant,
    product_search,
)
from storefront.catalog.search import engine
from storefront.catalog.search.synonyms import read_query
from storefront.catalog.values import ProductId, ReviewView, Sku, Sort, UnknownProduct
from storefront.core.money import Money
from storefront.db.session import read_session

PREORDER = "PREORDER"  # the flag of the old system in products.availability_status

Pair = tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class ProductDetail:
    """Everything the API returns of a product on sale.

    :ivar stock: available units of all variants
    :ivar categories: names, the main one first
    :ivar pictures: id and source of each image, in order; the source as in `Picture.source`
    :ivar reviews: the newest, as many as requested; `review_count` counts all
    """

    id: ProductId
    sku: Sku
    name: str
    brand: str
    description: str
    price: Money
    stock: int
    is_preorder: bool
    specs: tuple[tuple[str, str], ...]
    categories: tuple[str, ...]
    pictures: tuple[tuple[int, str], ...]
    rating: Decimal
    review_count: int
    reviews: tuple[ReviewView, ...]


@dataclass(frozen=True, slots=True)
class ProductQuery:
    """Filters and sort order of a list of products.

    :ivar category: name or slug
    :ivar least: minimum price, inclusive
    :ivar most: maximum price, inclusive
    """

    words: str = ""
    category: str = ""
    brand: str = ""
    least: Money | None = None
    most: Money | None = None
    sort: Sort = Sort.DEFAULT


def choose_products(selection: ProductQuery, *, offset: int, limit: int) -> tuple[list[int], int]:
    """Select the products of one page.

    :return: their ids, and the number of all products that match
    """
    category = _category_id(selection.category)
    if category is None:
        return [], 0
    chosen = _chosen(selection, category)
    ids = list(read_session().scalars(chosen.order_by(*_order(selection.sort)).offset(offset).limit(limit)))
    if len(ids) < limit and (ids or not offset):
        return ids, offset + len(ids)
    counted = select(func.count()).select_from(chosen.subquery())
    return ids, read_session().scalar(counted, bind_arguments={"mapper": BrowseEntry}) or 0


def etag_of(ids: Sequence[int]) -> str:
    """Return an ETag of products, ten times cheaper than reading them.

    It changes with price, stock, rating or number of reviews of any of them, and with any new image, review or entry
    of the catalogue's audit log.

    :param ids: of the products, in the order of the response
    """
    facts = select(
        Product.id,
        Product.price,
        Product.stock,
        Product.active,
        Product.availability_status,
        Product.review_count,
        Product.average_rating,
    ).where(Product.id.in_(ids))
    newest = select(
        func.max(Image.id),
        select(func.max(Review.id)).scalar_subquery(),
        select(func.max(AuditEntry.id)).scalar_subquery(),
    )
    rows = [*read_session().execute(newest).all(), *read_session().execute(facts.order_by(Product.id)).all()]
    return hashlib.sha256(repr((list(ids), [tuple(row) for row in rows])).encode()).hexdigest()


def _category_id(wanted: str) -> int | None:
    """Find a category by name, by slug, or by the slug that the old client generates from its name."""
    if not wanted:
        return ALL_CATEGORIES
    for row in read_session().execute(select(Category.id, Category.name, Category.slug)):
        if wanted.casefold() in {row.slug, row.name.casefold(), row.name.casefold().replace(" ", "-")}:
            return int(row.id)
    return None


def _chosen(selection: ProductQuery, category: int) -> Select[int]:
    chosen = (
        select(BrowseEntry.product_id)
        .join(Product, Product.id == BrowseEntry.product_id)
        .where(BrowseEntry.category_id == category, Product.active)
    )
    if selection.brand:
        chosen = chosen.where(BrowseEntry.brand == selection.brand)
    if selection.least is not None:
        chosen = chosen.where(BrowseEntry.price >= selection.least.minor)
    if selection.most is not None:
        chosen = chosen.where(BrowseEntry.price <= selection.most.minor)
    if words := read_query(selection.words):
        chosen = chosen.join(product_search, product_search.c.product_id == BrowseEntry.product_id)
        chosen = chosen.where(engine.engine().matches(*words))
    return chosen


def _order(sort: Sort) -> list[ColumnElement[Any]]:
    by_id, newest = BrowseEntry.product_id.asc(), BrowseEntry.product_id.desc()
    orders: dict[Sort, list[ColumnElement[Any]]] = {
        Sort.DEFAULT: [by_id],
        Sort.PRICE_LOW: [BrowseEntry.price.asc(), by_id],
        Sort.PRICE_HIGH: [BrowseEntry.price.desc(), newest],
        Sort.RATING: [BrowseEntry.rating.desc(), newest],
        Sort.NEWEST: [newest],
    }
    return orders[sort]


def get_full_product(product_id: int, *, reviews: int) -> ProductDetail:
    """Return one product on sale.

    :param reviews: maximum number of reviews
    :raise UnknownProduct: no product on sale has this id
    """
    products = full_products([product_id], reviews_each=reviews)
    if not products:
        raise UnknownProduct(product_id)
    return products[0]


_PRODUCT_COLUMNS = (
    Product.id,
    Product.sku,
    Product.name,
    Product.brand,
    Product.description,
    Product.price,
    Product.currency,
    Product.stock,
    Product.availability_status,
    Product.main_category_id,
    Product.average_rating,
    Product.review_count,
)


def full_products(ids: Sequence[int], *, reviews_each: int) -> list[ProductDetail]:
    """Return the products on sale among these ids, in the order of the ids, by five selects.

    :param reviews_each: maximum number of reviews of each
    """
    if not ids:
        return []
    chosen: Select[*tuple[Any, ...]] = select(*_PRODUCT_COLUMNS).where(Product.id.in_(ids), Product.active)
    products = {row.id: row for row in read_session().execute(chosen)}
    specs = _by_product(
        select(Spec.product_id, Spec.name, Spec.value)
        .where(Spec.product_id.in_(ids))
        .order_by(Spec.product_id, Spec.sort_order)
    )
    pictures = _by_product(
        select(Image.product_id, Image.id, Image.image_url)
        .where(Image.product_id.in_(ids), Image.removed_at.is_(None))
        .order_by(Image.product_id, Image.sort_order, Image.id)
    )
    categories = _category_names(ids)
    reviews = _newest_reviews(ids, reviews_each)
    return [
        ProductDetail(
            id=ProductId(row.id),
            sku=Sku(row.sku),
            name=row.name,
            brand=row.brand,
            description=row.description,
            price=Money(row.price, row.currency),
            stock=row.stock,
            is_preorder=row.availability_status == PREORDER,
            specs=tuple(specs[row.id]),
            categories=tuple(
                name for name, _ in sorted(categories[row.id], key=lambda c: c[1] != row.main_category_id)
            ),
            pictures=tuple(pictures[row.id]),
            rating=row.average_rating,
            review_count=row.review_count,
            reviews=tuple(reviews[row.id]),
        )
        for row in (products[i] for i in dict.fromkeys(ids) if i in products)
    ]


def _by_product(chosen: Select[int, Any, Any]) -> dict[int, list[Pair]]:
    by_product: dict[int, list[Pair]] = defaultdict(list)
    for product_id, first, second in read_session().execute(chosen):
        by_product[product_id].append((first, second))
    return by_product


def _category_names(ids: Sequence[int]) -> dict[int, list[Pair]]:
    """Return name and id of every category of each product."""
    return _by_product(
        select(ProductCategory.product_id, Category.name, Category.id)
        .join(Category, Category.id == ProductCategory.category_id)
        .where(ProductCategory.product_id.in_(ids))
        .order_by(ProductCategory.product_id, Category.sort_order)
    )


def reviews_of(product_id: int, *, most: int) -> list[ReviewView]:
    """List the visible reviews of a product on sale, newest first.

    :param most: maximum number of reviews
    :raise UnknownProduct: no product on sale has this id
    """
    rating_of(product_id)
    return _newest_reviews([product_id], most)[product_id]


def rating_of(product_id: int) -> tuple[Decimal, int]:
    """Return average, rounded to two decimal places, and count of a product's visible reviews; 0 and 0 without any.

    :raise UnknownProduct: no product on sale has this id
    """
    rated = select(Product.average_rating, Product.review_count).where(Product.id == product_id, Product.active)
    row = read_session().execute(rated).one_or_none()
    if row is None:
        raise UnknownProduct(product_id)
    return row.average_rating, row.review_count


def _newest_reviews(ids: Sequence[int], each: int) -> dict[int, list[ReviewView]]:
    """Return the newest visible reviews of each product; the index alone chooses which texts are read."""
    newest = (Review.created_at.desc(), Review.id.desc())
    place = func.row_number().over(partition_by=Review.product_id, order_by=newest).label("place")
    ranked = select(Review.id, place).where(Review.product_id.in_(ids), Review.is_hidden.is_(False)).subquery()
    columns: tuple[Any, ...] = (
        Review.id,
        Review.product_id,
        Review.user_id,
        Review.user_name,
        Review.rating,
        Review.title,
        Review.comment,
        Review.verified_purchase,
        Review.helpful_count,
        Review.created_at,
    )
    chosen = select(*columns).join(ranked, ranked.c.id == Review.id).where(ranked.c.place <= each)
    by_product: dict[int, list[ReviewView]] = defaultdict(list)
    for row in read_session().execute(chosen.order_by(Review.product_id, *newest)):
        by_product[row.product_id].append(ReviewView(*row))
    return by_product


def units_available(product_id: int) -> int:
    """Return the units of a product that can be reserved now, of all its variants; 0 when it is not on sale."""
    units = (
        select(func.sum(available_now()))
        .select_from(Variant)
        .join(Product, Product.id == Variant.product_id)
        .where(Product.id == product_id, Product.active, Variant.is_withdrawn.is_(False))
    )
    return int(read_session().scalar(units, bind_arguments={"mapper": Variant}) or 0)
