"""Reviews of a product, their average rating and their count."""

from __future__ import annotations

from decimal import Decimal

from werkzeug.exceptions import Forbidden

from storefront.accounts.service import Scope
from storefront.api.guards import caller, public, signed_in
from storefront.api.operations import operation
from storefront.api.presenters import products as present
from storefront.api.rate_limits import counted_as_review
from storefront.api.schemas import Rating
from storefront.api.schemas.products import Review, ReviewInput
from storefront.catalog import products
from storefront.reviews import service as reviews
from storefront.reviews.service import ReviewDraft
from storefront.web.replica_reads import reads_replica
from storefront.web.route_options import same_for_newcomers

MAX_REVIEWS = 1000

REVIEWS_PATH = "/api/products/{productId}/reviews"


@operation(
    f"GET {REVIEWS_PATH}",
    "listReviews",
    tag="reviews",
    access=public,
    scope=Scope.READ_CATALOG,
    response=list[Review],
    errors=(404,),
)
@same_for_newcomers
@reads_replica
def list_reviews(product_id: int) -> list[Review]:
    """List reviews of a product, newest first, at most 1,000."""
    newest = products.reviews_of(product_id, most=MAX_REVIEWS)
    avatars = present.avatars(newest)
    return [present.review(record, avatars) for record in newest]


@operation(
    f"POST {REVIEWS_PATH}",
    "createReview",
    tag="reviews",
    access=signed_in,
    body=ReviewInput,
    response=Review,
    errors=(404, 429),
)
@counted_as_review
def create_review(product_id: int, body: ReviewInput) -> Review:
    """Write a review. It replaces the caller's earlier review of the product.

    Author name and verified purchase come from the shop's own data; the request's values are ignored.
    """
    person = caller()
    if body.user_id not in {None, person.id}:
        raise Forbidden
    review = reviews.write(person.account, product_id, ReviewDraft(body.rating, body.title, body.comment))
    return present.review(review, present.avatars([review]))


@operation(
    f"GET {REVIEWS_PATH}/avg",
    "averageRatingShort",
    tag="reviews",
    access=public,
    scope=Scope.READ_CATALOG,
    response=Rating,
    errors=(404,),
)
@operation(
    f"GET {REVIEWS_PATH}/average-rating",
    "averageRating",
    tag="reviews",
    access=public,
    scope=Scope.READ_CATALOG,
    response=Rating,
    errors=(404,),
)
@same_for_newcomers
def average_rating(product_id: int) -> Decimal:
    """Get the average rating as a bare number, 0 without reviews."""
    average, _ = products.rating_of(product_id)
    return average


@operation(
    f"GET {REVIEWS_PATH}/count",
    "reviewCount",
    tag="reviews",
    access=public,
    scope=Scope.READ_CATALOG,
    response=int,
    errors=(404,),
)
@same_for_newcomers
def review_count(product_id: int) -> int:
    """Get the number of reviews as a bare number."""
    _, count = products.rating_of(product_id)
    return count
