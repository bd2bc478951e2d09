"""Reviews and their moderation."""

from __future__ import annotations

from storefront.catalog.reviews import moderation
from storefront.catalog.reviews.reviews import (
    MAX_TEXT_LENGTH,
    MAX_TITLE_LENGTH,
    Author,
    CannotVoteOnOwnReview,
    ReviewDraft,
    UnknownReview,
    anonymise_author,
    delete_review,
    get_review,
    own_review,
    reviews_by,
    set_review_hidden,
    unvote,
    vote,
    write_review,
)

__all__ = [
    "MAX_TEXT_LENGTH",
    "MAX_TITLE_LENGTH",
    "Author",
    "CannotVoteOnOwnReview",
    "ReviewDraft",
    "UnknownReview",
    "anonymise_author",
    "delete_review",
    "get_review",
    "moderation",
    "own_review",
    "reviews_by",
    "set_review_hidden",
    "unvote",
    "vote",
    "write_review",
]
