"""Reviews: at most one for each account and product. A product's rating always follows from its visible reviews.

Commands that change the rating lock the product's row first, so that concurrent reviews of a product run one after
another and each recount includes those before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, delete, exists, false, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from storefront.catalog.listing.read_model import update_entries
from storefront.catalog.models import AuditEntry, Product, Review, ReviewVote
from storefront.catalog.values import ReviewView, UnknownProduct
from storefront.catalog.values.reviews import FORMER, public_name
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError, NotFoundError
from storefront.db import audit_log
from storefront.db.prepared import prepared
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

MAX_TITLE_LENGTH = 500  # characters; contract/openapi.yaml ReviewInput
MAX_TEXT_LENGTH = 4000


class UnknownReview(NotFoundError):
    """No visible review has this id; or it belongs to another account, where only its author has access."""


class CannotVoteOnOwnReview(DomainError):
    """Authors cannot vote for their own reviews."""


class Author(NamedTuple):
    """The author of a review.

    :ivar name: of the account; the review shows its `public_name`
    """

    user_id: int
    name: str | None


@dataclass(frozen=True, slots=True)
class ReviewDraft:
    """The content of a review.

    :ivar rating: stars, 1 to 5
    """

    rating: int
    title: str
    comment: str


def shown(product_id: int | ColumnElement[int] | InstrumentedAttribute[int]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of the visible reviews of a product, for a `where`."""
    return (Review.product_id == product_id, Review.is_hidden.is_(False))


def newest_reviews(product_id: int, *, stars: int | None, most: int, viewer_id: int | None) -> tuple[ReviewView, ...]:
    """List visible reviews of a product, newest first, without the viewer's own.

    :param stars: only reviews with this rating
    :param most: maximum number of reviews
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


def has_own(product_id: int, user: int) -> bool:
    """Return whether an account reviewed a product, or voted for a review of it."""
    return bool(read_session().scalar(*_has_own(product_id, user)))


@prepared
def _has_own(product_id: Any, user: Any) -> Select[tuple[bool]]:
    written = exists().where(Review.product_id == product_id, Review.user_id == user)
    voted = exists().where(
        Review.product_id == product_id, ReviewVote.review_id == Review.id, ReviewVote.user_id == user
    )
    return select(written | voted)


def own_review(product_id: int, user: int) -> ReviewView | None:
    """Return an account's review of a product, hidden or not; None when there is none."""
    row = read_session().scalar(select(Review).where(Review.product_id == product_id, Review.user_id == user))
    return _view(row) if row is not None else None


def get_review(review: int) -> ReviewView:
    """Return a visible review.

    :raise UnknownReview: no visible review has this id
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
    """Write a review, or replace the author's earlier one; its helpful votes are reset.

    A review hidden by staff stays hidden: otherwise its author could show it again by changing a comma.

    :param is_verified: whether the author received the product from this shop, which only the orders know
    :raise UnknownProduct: no product on sale has this id
    """
    return _write(product_id, author, draft, is_verified)


@retry_on_deadlock
def _write(product_id: int, author: Author, draft: ReviewDraft, is_verified: bool) -> ReviewView:
    with transaction("catalog") as session, _rating_updated(session, product_id):
        if session.scalar(select(Product.active).where(Product.id == product_id)) is not True:
            raise UnknownProduct(product_id)
        existing = select(Review).where(Review.product_id == product_id, Review.user_id == author.user_id)
        row = session.scalar(existing.with_for_update())
        if row is None:
            row = Review(product_id=product_id, user_id=author.user_id, is_hidden=False)
            session.add(row)
        else:
            session.execute(delete(ReviewVote).where(ReviewVote.review_id == row.id))
        row.user_name = public_name(author.name)
        row.rating, row.title, row.comment = draft.rating, draft.title, draft.comment
        row.verified_purchase, row.helpful_count, row.created_at = is_verified, 0, utc_now()
        session.flush()
        return _view(row)


@retry_on_deadlock
def delete_review(product_id: int, user: int) -> None:
    """Delete an account's review of a product, if there is one."""
    with transaction("catalog") as session, _rating_updated(session, product_id):
        own = (Review.product_id == product_id, Review.user_id == user)
        session.execute(delete(ReviewVote).where(ReviewVote.review_id.in_(select(Review.id).where(*own))))
        session.execute(delete(Review).where(*own))


def set_review_hidden(review: int, hidden: bool, *, actor: str, reason: str = "") -> None:
    """Hide a review from everybody but its author, or show it again. A call without effect is not logged.

    :param actor: the staff member, for the audit log
    :param reason: in the staff member's words, for the audit log
    :raise UnknownReview: no review has this id
    """
    product_id = read_session().scalar(select(Review.product_id).where(Review.id == review))
    if product_id is None:
        raise UnknownReview(review)
    _set_hidden(product_id, review, hidden, actor, reason)


@retry_on_deadlock
def _set_hidden(product_id: int, review: int, hidden: bool, actor: str, reason: str) -> None:
    with transaction("catalog") as session, _rating_updated(session, product_id):
        row = session.get(Review, review, with_for_update=True)
        if row is None:
            raise UnknownReview(review)
        if row.is_hidden is not hidden:
            row.is_hidden = hidden
            what, subject = "review hidden" if hidden else "review shown", session.get_one(Product, product_id).sku
            detail = f"{row.rating} of 5 by {row.user_name}, no. {review}: {reason}".rstrip(": ")
            audit_log.record(session, AuditEntry, actor=actor, what=what, subject=subject, detail=detail)


def vote(review: int, user: int) -> ReviewView:
    """Add an account's helpful vote to a review. Idempotent.

    :return: the review with the new number of votes
    :raise UnknownReview: no visible review has this id
    :raise CannotVoteOnOwnReview: the account wrote it
    """
    view = get_review(review)
    if view.user_id == user:
        raise CannotVoteOnOwnReview(review)
    try:
        _add_vote(review, user)
    except IntegrityError:  # the account voted before, or the review was deleted
        return replace(get_review(review), has_voted=True)
    return replace(view, helpful_count=view.helpful_count + 1, has_voted=True)


@retry_on_deadlock
def _add_vote(review: int, user: int) -> None:
    with transaction("catalog") as session:
        # The update first, for its exclusive lock: upgrading the shared lock of the vote's foreign key could deadlock.
        _add_to_helpful(session, review, 1)
        session.add(ReviewVote(review_id=review, user_id=user))


def unvote(review: int, user: int) -> ReviewView:
    """Remove an account's helpful vote from a review. Idempotent.

    :raise UnknownReview: no visible review has this id
    """
    _remove_vote(review, user)
    return get_review(review)


@retry_on_deadlock
def _remove_vote(review: int, user: int) -> None:
    with transaction("catalog") as session:
        vote = delete(ReviewVote).where(ReviewVote.review_id == review, ReviewVote.user_id == user)
        if rows_changed(session.execute(vote)):
            _add_to_helpful(session, review, -1)


def _add_to_helpful(session: Session, review: int, votes: int) -> None:
    session.execute(update(Review).where(Review.id == review).values(helpful_count=Review.helpful_count + votes))


@retry_on_deadlock
def anonymise_author(user: int) -> None:
    """Replace the author's name in the reviews of a deleted account by `FORMER`."""
    with transaction("catalog") as session:
        session.execute(update(Review).where(Review.user_id == user).values(user_name=FORMER))


def reviews_by(user: int) -> list[tuple[str, ReviewView]]:
    """List an account's reviews for the export of its data, hidden ones included, oldest first.

    :return: pairs of the product's name and the review
    """
    own = select(Review, Product.name).join(Product, Product.id == Review.product_id).where(Review.user_id == user)
    rows = read_session().execute(own.order_by(Review.id))
    return [(name, _view(row)) for row, name in rows]


# ------------------------------------------------------------------------------------------ ratings


@contextmanager
def _rating_updated(session: Session, product_id: int) -> Iterator[None]:
    """Lock the product's row, and update its rating when the block ends."""
    session.execute(select(Product.id).where(Product.id == product_id).with_for_update())
    yield
    session.flush()
    settle_ratings(session, [product_id])


def settle_ratings(session: Session, product_ids: Collection[int]) -> None:
    """Recompute review count and average rating of products, and copy them to the browse index.

    The transaction must hold the row locks of the products.
    """
    rated = update(Product).where(Product.id.in_(product_ids))
    rated = rated.values(review_count=count_shown(), average_rating=average_shown())
    session.execute(rated)
    update_entries(session, product_ids, "rating")


def count_shown() -> ColumnElement[int]:
    """Return the number of visible reviews, as a column of a statement over products."""
    return select(func.count(Review.id)).where(*shown(Product.id)).correlate(Product).scalar_subquery()


def average_shown() -> ColumnElement[Decimal]:
    """Return the average of visible reviews, rounded half up to two decimal places, 0 without any; a column likewise.

    Computed in integers, so that all databases round alike: floor((200 * stars + reviews) / (2 * reviews)) is the
    average in hundredths, rounded half up.
    """
    doubled = func.sum(Review.rating) * 200 + func.count(Review.id)
    twice = func.nullif(func.count(Review.id), 0) * 2
    average = (doubled - doubled % twice) / twice / 100
    return func.coalesce(select(average).where(*shown(Product.id)).correlate(Product).scalar_subquery(), 0)
