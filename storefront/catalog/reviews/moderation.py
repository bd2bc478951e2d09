"""Reviews for moderation by staff: hidden ones included, filtered and searched.

Other packages use it as `catalog.moderation`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, or_, select

from storefront.catalog.models import Product, Review
from storefront.catalog.reviews.reviews import UnknownReview
from storefront.catalog.values.reviews import public_name
from storefront.db.pagination import PageCursors, SortKeys, paginate
from storefront.db.session import read_session

PAGE_SIZE = 30
MAX_WORDS = 5  # of a search; further words are ignored

_NEWEST = SortKeys((Review.created_at, Review.id), (datetime, int), is_descending=True)


class Visibility(StrEnum):
    """The filter of the list of reviews by visibility."""

    ALL = "all"
    SHOWN = "shown"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class ReviewCriteria:
    """Search, filters and page of the list of reviews.

    :ivar words: each must occur in the product's name or SKU, the author's name, the title or the text
    :ivar stars: only reviews with this rating
    :ivar cursor: of the page; empty for the first
    """

    words: str = ""
    visibility: Visibility = Visibility.ALL
    stars: int | None = None
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class ModeratedReview:
    """A review with its product.

    :ivar is_on_sale: whether the product is published, and so has a page to link to
    """

    id: int
    product_id: int
    slug: str
    sku: str
    product: str
    is_on_sale: bool
    user_id: int
    author: str
    rating: int
    title: str
    comment: str
    is_verified: bool
    helpful_count: int
    created_at: datetime
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """A page of the list of reviews."""

    criteria: ReviewCriteria
    reviews: tuple[ModeratedReview, ...]
    paged: PageCursors


def list_reviews(criteria: ReviewCriteria) -> ReviewPage:
    """Return a page of reviews, newest first, by one select."""
    chosen = _columns()
    if criteria.visibility is not Visibility.ALL:
        chosen = chosen.where(Review.is_hidden == (criteria.visibility is Visibility.HIDDEN))
    if criteria.stars is not None:
        chosen = chosen.where(Review.rating == criteria.stars)
    searched = (Product.name, Product.sku, Review.user_name, Review.title, Review.comment)
    for word in criteria.words.split()[:MAX_WORDS]:
        chosen = chosen.where(or_(*(column.icontains(word, autoescape=True) for column in searched)))
    rows, paged = paginate(chosen, _NEWEST, criteria.cursor, PAGE_SIZE)
    return ReviewPage(criteria, tuple(map(_moderated, rows)), paged)


def get_review(review: int) -> ModeratedReview:
    """Return a review, hidden or not.

    :raise UnknownReview: no review has this id
    """
    row = read_session().execute(_columns().where(Review.id == review)).first()
    if row is None:
        raise UnknownReview(review)
    return _moderated(row)


def _columns() -> Select[*tuple[Any, ...]]:
    return select(
        Review.id,
        Review.product_id,
        Product.slug,
        Product.sku,
        Product.name.label("product"),
        Product.active.label("is_on_sale"),
        Review.user_id,
        Review.user_name.label("author"),
        Review.rating,
        Review.title,
        Review.comment,
        Review.verified_purchase.label("is_verified"),
        Review.helpful_count,
        Review.created_at,
        Review.is_hidden,
    ).join(Product, Product.id == Review.product_id)


def _moderated(row: Row[Any]) -> ModeratedReview:
    review = ModeratedReview(*row[: len(ModeratedReview.__dataclass_fields__)])
    return replace(review, author=public_name(review.author))
