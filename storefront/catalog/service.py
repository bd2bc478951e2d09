"""The catalogue's service: home and product pages, and the names that other packages use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from storefront.catalog import legacy_import, reports
from storefront.catalog.consistency import Holding, holdings, product_violations, review_violations, stock_violations
from storefront.catalog.inventory.reservations import (
    available_now,
)
from storefront.catalog.listing.listing import card_columns, card_of, cards_of, department_of
from storefront.catalog.media import gallery
from storefront.catalog.media.images import picture_of
from storefront.catalog.models import (
    ALL_CATEGORIES,
    BrowseEntry,
    Category,
    Product,
    Review,
    Spec,
    Variant,
)
from storefront.catalog.page_version import Version, VersionReader, current_version, version_reader
from storefront.catalog.reviews.reviews import has_own, newest_reviews, own_review, shown
from storefront.catalog.values import (
    Department,
    HomePage,
    ProductCard,
    ProductId,
    ProductPage,
    PurchaseBox,
    RatingBar,
    Sku,
    UnknownProduct,
    UnknownSku,
    VariantView,
)
from storefront.core.cache import RefreshingCache
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db.prepared import prepared
from storefront.db.session import read_session

__all__ = [
    "Holding",
    "Version",
    "VersionReader",
    "departments",
    "get_cards",
    "get_product",
    "get_purchase_box",
    "holdings",
    "home",
    "is_empty",
    "legacy_import",
    "product_violations",
    "reports",
    "review_violations",
    "seen_by",
    "stock_violations",
    "version_reader",
]

LOVED_SHOWN = 8
NEWEST_SHOWN = 8
RELATED_SHOWN = 4
REVIEWS_SHOWN = 30


_cached_departments: RefreshingCache[tuple[Department, ...]] = RefreshingCache(
    "departments", fresh_seconds=15, max_age_seconds=30, max_entries=8
)


def departments() -> tuple[Department, ...]:
    """List every category in the order of the navigation, from a cache that a change of the catalogue empties."""
    return _cached_departments.get_or_compute(current_version(), _departments)


def _departments() -> tuple[Department, ...]:
    return tuple(department_of(row) for row in read_session().scalars(select(Category).order_by(Category.sort_order)))


def is_empty() -> bool:
    """Tell whether the shop has no product yet."""
    return read_session().scalar(select(Product.id).limit(1)) is None


def home() -> HomePage:
    """Return the product lists of the home page."""
    loved = _first_ids(BrowseEntry.popularity.desc(), LOVED_SHOWN)
    newest = _first_ids(BrowseEntry.product_id.desc(), NEWEST_SHOWN)
    cards = {card.id: card for card in cards_of([*loved, *newest])}
    return HomePage(loved=_pick(cards, loved), newest=_pick(cards, newest))


def get_cards(ids: Sequence[int]) -> tuple[ProductCard, ...]:
    """Return the cards of products, in the given order; without those that are not on sale."""
    return _pick({card.id: card for card in cards_of(ids)}, ids) if ids else ()


def _first_ids(order: ColumnElement[Any], count: int) -> list[int]:
    """Return the ids of the first products in stock in an order, from the browse index alone."""
    buyable = select(BrowseEntry.product_id).where(BrowseEntry.category_id == ALL_CATEGORIES, BrowseEntry.in_stock)
    return list(read_session().scalars(buyable.order_by(order, BrowseEntry.product_id.desc()).limit(count)))


def _pick(cards: dict[ProductId, ProductCard], ids: Sequence[int]) -> tuple[ProductCard, ...]:
    return tuple(cards[ProductId(product_id)] for product_id in ids if product_id in cards)


def get_product(product_id: int, stars: int | None = None, *, viewer_id: int | None = None) -> ProductPage:
    """Return everything that a product page shows.

    :param stars: show only reviews with this rating
    :param viewer_id: the account of the viewer, None for a guest
    :raise UnknownProduct: no product on sale has this id
    """
    found = _find_product(_by_id(product_id, utc_now()))
    if found is None:
        raise UnknownProduct(product_id)
    product, category, variants = found
    session = read_session()
    specs = session.scalars(select(Spec).where(Spec.product_id == product_id).order_by(Spec.sort_order)).all()
    return ProductPage(
        box=_box(product, category, variants),
        sku=Sku(product.sku),
        brand=product.brand,
        description=product.description,
        rating=product.average_rating,
        review_count=product.review_count,
        hue=category.hue,
        department=department_of(category),
        pictures=tuple(image.picture for image in gallery.pictures_of(product_id)),
        specs=tuple((spec.name, spec.value) for spec in specs),
        histogram=_histogram(product_id),
        related=_related(product),
        **_reviews_for(viewer_id, product_id, stars),
    )


def seen_by(viewer_id: int, page: ProductPage, stars: int | None) -> ProductPage:
    """Return a guest's product page as an account sees it: with its own review and votes.

    :param stars: show only reviews with this rating
    """
    if not has_own(page.box.product_id, viewer_id):
        return replace(page, viewer_id=viewer_id)
    return replace(page, **_reviews_for(viewer_id, page.box.product_id, stars))


def _reviews_for(viewer_id: int | None, product_id: int, stars: int | None) -> dict[str, Any]:
    """Return the fields of a `ProductPage` that depend on the viewer."""
    return {
        "reviews": newest_reviews(product_id, stars=stars, most=REVIEWS_SHOWN, viewer_id=viewer_id),
        "viewer_id": viewer_id,
        "own_review": own_review(product_id, viewer_id) if viewer_id is not None else None,
    }


_Selected = Select[Product, Category, Variant, int]


@prepared
def _by_id(product_id: Any, now: Any) -> _Selected:
    return _product_with_variants(now).where(Product.id == product_id)


@prepared
def _by_sku(sku: Any, now: Any) -> _Selected:
    return _product_with_variants(now).where(
        Product.id == select(Variant.product_id).where(Variant.sku == sku).scalar_subquery()
    )


def _product_with_variants(now: Any) -> _Selected:
    """A product on sale with its main category, its variants and their available units."""
    return (
        select(Product, Category, Variant, available_now(now))
        .join(Category, Category.id == Product.main_category_id)
        .join(Variant, Variant.product_id == Product.id)
        .where(Product.active, Variant.is_withdrawn.is_(False))
        .order_by(Variant.sort_order, Variant.id)
    )


def _find_product(
    prepared_select: tuple[_Selected, dict[str, Any]],
) -> tuple[Product, Category, list[tuple[Variant, int]]] | None:
    rows = read_session().execute(*prepared_select).all()
    return (rows[0][0], rows[0][1], [(row[2], row[3]) for row in rows]) if rows else None


def _box(product: Product, category: Category, variants: Sequence[tuple[Variant, int]]) -> PurchaseBox:
    return PurchaseBox(
        product_id=ProductId(product.id),
        slug=product.slug,
        name=product.name,
        option_name=product.option_name or None,
        variants=tuple(
            VariantView(
                Sku(v.sku),
                v.name,
                Money(v.price, product.currency),
                available,
                Money(v.compare_at_price, product.currency) if v.compare_at_price is not None else None,
            )
            for v, available in variants
        ),
        brand=product.brand,
        hue=category.hue,
        picture=picture_of(product),
    )


def get_purchase_box(sku: Sku) -> PurchaseBox:
    """Return what the add-to-cart form of a SKU's product needs, by one select.

    :raise UnknownSku: no product on sale has a variant of this SKU
    """
    found = _find_product(_by_sku(sku, utc_now()))
    if found is None:
        raise UnknownSku(sku)
    return _box(*found)


def _histogram(product_id: int) -> tuple[RatingBar, ...]:
    by_rating = select(Review.rating, func.count()).where(*shown(product_id)).group_by(Review.rating)
    counts: dict[int, int] = dict(read_session().execute(by_rating).all())
    total = sum(counts.values())
    return tuple(
        RatingBar(stars, counts.get(stars, 0), round(100 * counts.get(stars, 0) / total) if total else 0)
        for stars in (5, 4, 3, 2, 1)
    )


def _related(product: Product) -> tuple[ProductCard, ...]:
    """Return the most popular other products in stock in the same main category."""
    chosen = (
        select(BrowseEntry.product_id)
        .where(
            BrowseEntry.category_id == product.main_category_id,
            BrowseEntry.in_stock,
            BrowseEntry.product_id != product.id,
        )
        .order_by(BrowseEntry.popularity.desc(), BrowseEntry.product_id.desc())
        .limit(RELATED_SHOWN)
        .subquery()
    )
    cards = card_columns().join(chosen, chosen.c.product_id == Product.id)
    return tuple(card_of(row) for row in read_session().execute(cards.order_by(Product.popularity.desc(), Product.id)))
