"""Reviews of a product, and what they come to."""

from __future__ import annotations

from decimal import Decimal

from werkzeug.exceptions import Forbidden

from storefront.api.guards import caller, public, signed_in
from storefront.api.operations import operation
from storefront.api.presenters import products as present
from storefront.api.rate_limits import counted_as_review
from storefront.api.schemas import Rating
from storefront.api.schemas.products import Review, ReviewInput
from storefront.catalog import service as catalog
from storefront.reviews import service as writing
from storefront.reviews.service import ReviewDraft

MAX_REVIEWS = 1000

REVIEWS = "/api/products/{productId}/reviews"


@operation(f"GET {REVIEWS}", "listReviews", tag="reviews", access=public, answer=list[Review], refusals=(404,))
def list_reviews(product_id: int) -> list[Review]:
    """Reviews of a product, newest first, at most 1,000."""
    found = catalog.reviews_of(product_id, most=MAX_REVIEWS)
    avatars = present.avatars(found)
    return [present.review(record, avatars) for record in found]


@operation(
    f"POST {REVIEWS}",
    "createReview",
    tag="reviews",
    access=signed_in,
    body=ReviewInput,
    answer=Review,
    refusals=(404, 429),
)
@counted_as_review
def create_review(product_id: int, body: ReviewInput) -> Review:
    """Write a review; what the caller said of the product before is replaced.

    Its author's name and whether they got the product are the shop's to know; what is sent of them is not looked at.
    """
    person = caller()
    if body.user_id not in {None, person.id}:
        raise Forbidden
    written = writing.write(person.account, product_id, ReviewDraft(body.rating, body.title, body.comment))
    return present.review(written, present.avatars([written]))


@operation(f"GET {REVIEWS}/avg", "averageRatingShort", tag="reviews", access=public, answer=Rating, refusals=(404,))
@operation(
    f"GET {REVIEWS}/average-rating", "averageRating", tag="reviews", access=public, answer=Rating, refusals=(404,)
)
def average_rating(product_id: int) -> Decimal:
    """The average as a bare number, 0 without reviews."""
    average, _ = catalog.rating_of(product_id)
    return average


@operation(f"GET {REVIEWS}/count", "reviewCount", tag="reviews", access=public, answer=int, refusals=(404,))
def review_count(product_id: int) -> int:
    """How many there are, as a bare number."""
    _, count = catalog.rating_of(product_id)
    return count
