"""Reviews: one a person and product. A product's average and count are always those of the reviews that are shown.

Every command takes the product's row first: what is counted after it includes whatever others had written before, and
two who review the same product write one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, exists, false, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from storefront.catalog.listing.read_model import update_entries
from storefront.catalog.models import AuditEntry, Product, Review, ReviewVote
from storefront.catalog.values import ReviewView, UnknownProduct
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError, NotFoundError
from storefront.db import audit_log
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

ANONYMOUS = "Anonymous User"  # contract/angular-api.md 5.2, no. 14
FORMER = "A former customer"
MAX_TITLE_LENGTH = 500  # characters; contract/openapi.yaml ReviewInput
MAX_TEXT_LENGTH = 4000
_MAX_NAME_LENGTH = 80


class UnknownReview(NotFoundError):
    """There is no such review that may be seen; or it is not the asker's, where only they may."""


class CannotVoteOnOwnReview(DomainError):
    """Nobody finds their own review helpful."""


class Author(NamedTuple):
    """Who writes a review.

    :ivar name: as the account has it, None or empty for none
    """

    user_id: int
    name: str | None


@dataclass(frozen=True, slots=True)
class ReviewDraft:
    """What somebody says of a product.

    :ivar rating: stars, 1 to 5
    """

    rating: int
    title: str
    comment: str


def shown(product_id: int | ColumnElement[int] | InstrumentedAttribute[int]) -> tuple[ColumnElement[bool], ...]:
    """What the reviews of a product have in common that anybody may see."""
    return (Review.product_id == product_id, Review.is_hidden.is_(False))


def newest_reviews(product_id: int, *, stars: int | None, most: int, viewer_id: int | None) -> tuple[ReviewView, ...]:
    """The reviews that are shown, newest first, but the reader's own.

    :param stars: only those with this rating
    :param viewer_id: the account of the viewer, None for a guest
    """
    voted: ColumnElement[bool] = false()
    conditions = list(shown(product_id))
    if viewer_id is not None:
        voted = exists().where(ReviewVote.review_id == Review.id, ReviewVote.user_id == viewer_id)
        conditions.append(Review.user_id != viewer_id)
    if stars is not None:
        conditions.append(Review.rating == stars)
    chosen = select(Review, voted).where(*conditions).order_by(Review.created_at.desc(), Review.id.desc()).limit(most)
    rows = read_session().execute(chosen)
    return tuple(replace(_view(row), has_voted=bool(has_voted)) for row, has_voted in rows)


def own_review(product_id: int, user: int) -> ReviewView | None:
    """What an account says of a product, hidden or not."""
    mine = select(Review).where(Review.product_id == product_id, Review.user_id == user)
    row = read_session().scalar(mine)
    return _view(row) if row is not None else None


def get_review(review: int) -> ReviewView:
    """A review that is shown.

    :raise UnknownReview: there is none
    """
    row = read_session().get(Review, review)
    if row is None or row.is_hidden:
        raise UnknownReview(review)
    return _view(row)


def _view(row: Review) -> ReviewView:
    return ReviewView(
        id=row.id,
        product_id=row.product_id,
        user_id=row.user_id,
        author=row.user_name,
        rating=row.rating,
        title=row.title,
        comment=row.comment,
        is_verified=row.verified_purchase,
        helpful_count=row.helpful_count,
        created_at=row.created_at,
        is_hidden=row.is_hidden,
    )


def write_review(product_id: int, author: Author, draft: ReviewDraft, *, is_verified: bool) -> ReviewView:
    """Say something of a product; what the author said before is replaced, and nobody has found it helpful yet.

    One that staff hid stays hidden: otherwise a changed comma would show it again.

    :param is_verified: whether the author has got the product from us; the catalogue cannot know
    :raise UnknownProduct: there is none of this id on sale
    """
    return _write(product_id, author, draft, is_verified)


@retry_on_deadlock
def _write(product_id: int, author: Author, draft: ReviewDraft, is_verified: bool) -> ReviewView:
    with transaction("catalog") as session, _rating_kept(session, product_id):
        if session.scalar(select(Product.active).where(Product.id == product_id)) is not True:
            raise UnknownProduct(product_id)
        mine = select(Review).where(Review.product_id == product_id, Review.user_id == author.user_id)
        row = session.scalar(mine.with_for_update())
        if row is None:
            row = Review(product_id=product_id, user_id=author.user_id, is_hidden=False)
            session.add(row)
        else:
            session.execute(delete(ReviewVote).where(ReviewVote.review_id == row.id))
        row.user_name = (author.name or "").strip()[:_MAX_NAME_LENGTH] or ANONYMOUS
        row.rating, row.title, row.comment = draft.rating, draft.title, draft.comment
        row.verified_purchase, row.helpful_count, row.created_at = is_verified, 0, utc_now()
        session.flush()
        return _view(row)


@retry_on_deadlock
def delete_review(product_id: int, user: int) -> None:
    """Take back what an account said of a product; nothing is nothing."""
    with transaction("catalog") as session, _rating_kept(session, product_id):
        mine = (Review.product_id == product_id, Review.user_id == user)
        session.execute(delete(ReviewVote).where(ReviewVote.review_id.in_(select(Review.id).where(*mine))))
        session.execute(delete(Review).where(*mine))


def set_review_hidden(review: int, hidden: bool, *, actor: str, reason: str = "") -> None:
    """Hide a review from everybody but its author, or show it again; one that is so already stays so, unnoted.

    :param actor: who of the staff does it
    :param reason: why, in their words
    :raise UnknownReview: there is none
    """
    product_id = read_session().scalar(select(Review.product_id).where(Review.id == review))
    if product_id is None:
        raise UnknownReview(review)
    _set_hidden(product_id, review, hidden, actor, reason)


@retry_on_deadlock
def _set_hidden(product_id: int, review: int, hidden: bool, actor: str, reason: str) -> None:
    with transaction("catalog") as session, _rating_kept(session, product_id):
        row = session.get(Review, review, with_for_update=True)
        if row is None:
            raise UnknownReview(review)
        if row.is_hidden is not hidden:
            row.is_hidden = hidden
            what, subject = "review hidden" if hidden else "review shown", session.get_one(Product, product_id).sku
            said = f"{row.rating} of 5 by {row.user_name}, no. {review}"
            audit_log.record(
                session, AuditEntry, actor=actor, what=what, subject=subject, detail=f"{said}: {reason}".rstrip(": ")
            )


def vote(review: int, user: int) -> ReviewView:
    """Count a reader who found a review helpful; each counts once.

    :raise UnknownReview: there is none that is shown
    :raise OwnReview: the reader wrote it
    """
    found = get_review(review)
    if found.user_id == user:
        raise CannotVoteOnOwnReview(review)
    try:
        _count_vote(review, user)
    except IntegrityError:  # they voted before, or it is gone
        return replace(get_review(review), has_voted=True)
    return replace(found, helpful_count=found.helpful_count + 1, has_voted=True)


@retry_on_deadlock
def _count_vote(review: int, user: int) -> None:
    with transaction("catalog") as session:
        _add_to_helpful(session, review, 1)  # takes the review's row, which the vote then shares
        session.add(ReviewVote(review_id=review, user_id=user))


def unvote(review: int, user: int) -> ReviewView:
    """Take a vote back; one that was not given is not taken.

    :raise UnknownReview: there is none that is shown
    """
    _take_vote_back(review, user)
    return get_review(review)


@retry_on_deadlock
def _take_vote_back(review: int, user: int) -> None:
    with transaction("catalog") as session:
        mine = delete(ReviewVote).where(ReviewVote.review_id == review, ReviewVote.user_id == user)
        if rows_changed(session.execute(mine)):
            _add_to_helpful(session, review, -1)


def _add_to_helpful(session: Session, review: int, votes: int) -> None:
    session.execute(update(Review).where(Review.id == review).values(helpful_count=Review.helpful_count + votes))


@retry_on_deadlock
def anonymise_author(user: int) -> None:
    """Let the reviews of a deleted account stand without its name."""
    with transaction("catalog") as session:
        session.execute(update(Review).where(Review.user_id == user).values(user_name=FORMER))


def reviews_by(user: int) -> list[tuple[str, ReviewView]]:
    """What an account wrote, hidden or not, oldest first, each with the name of its product."""
    mine = select(Review, Product.name).join(Product, Product.id == Review.product_id).where(Review.user_id == user)
    rows = read_session().execute(mine.order_by(Review.id))
    return [(name, _view(row)) for row, name in rows]


# ------------------------------------------------------------------------------------------ what they come to


@contextmanager
def _rating_kept(session: Session, product_id: int) -> Iterator[None]:
    """Take the product's row, and at the end write what its reviews then come to there and in the listings."""
    session.execute(select(Product.id).where(Product.id == product_id).with_for_update())
    yield
    session.flush()
    settle_ratings(session, [product_id])


def settle_ratings(session: Session, product_ids: Collection[int]) -> None:
    """Write what the reviews of products come to, there and in the listings; the products' rows must be locked."""
    rated = update(Product).where(Product.id.in_(product_ids))
    rated = rated.values(review_count=count_shown(), average_rating=average_shown())
    session.execute(rated)
    update_entries(session, product_ids, "rating")


def count_shown() -> ColumnElement[int]:
    """How many reviews are shown, as a column of a statement over products."""
    return select(func.count(Review.id)).where(*shown(Product.id)).correlate(Product).scalar_subquery()


def average_shown() -> ColumnElement[Decimal]:
    """Their average, rounded half up to two places, 0 without any; the same way.

    In whole numbers, so that both databases round alike: what twice the reviews leave of stars ⋅ 200 + reviews is taken
    off, and the rest of it divides into hundredths.
    """
    doubled = func.sum(Review.rating) * 200 + func.count(Review.id)
    twice = func.nullif(func.count(Review.id), 0) * 2
    average = (doubled - doubled % twice) / twice / 100
    return func.coalesce(select(average).where(*shown(Product.id)).correlate(Product).scalar_subquery(), 0)
