"""Reviews as a product page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review as one viewer sees it.

    :ivar user_id: the account of the author
    :ivar is_verified: whether the author had received the product from this shop
    :ivar is_hidden: whether staff hid it; only its author still sees it
    :ivar has_voted: whether the viewer voted it helpful
    """

    id: int
    product_id: int
    user_id: int
    author: str
    rating: int
    title: str
    comment: str
    is_verified: bool
    helpful_count: int
    created_at: datetime
    is_hidden: bool = False
    has_voted: bool = False


@dataclass(frozen=True, slots=True)
class RatingBar:
    """One bar of the rating histogram: how many reviews gave `stars`.

    :ivar share: of all reviews, in whole percent
    """

    stars: int
    count: int
    share: int
