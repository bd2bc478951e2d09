"""Rate limits per account for operations that write; reading is not limited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from storefront.api.guards import caller
from storefront.web.security_headers import limiter

ORDERS = "10/minute"
# A page of the legacy client sends every line of its cart at once, several times: contract sections 1.3 and 5.2.
CART_WRITES = "600/minute"
REVIEWS = "20/minute"

View = TypeVar("View", bound=Callable[..., Any])


def _by_account() -> str:
    return f"account {caller().id}"


def counted_as_order(view: View) -> View:
    """Limit how many orders an account places."""
    return cast(View, limiter.shared_limit(ORDERS, scope="orders by API", key_func=_by_account)(view))


def counted_as_cart_write(view: View) -> View:
    """Limit how often an account changes its cart."""
    return cast(View, limiter.shared_limit(CART_WRITES, scope="carts by API", key_func=_by_account)(view))


def counted_as_review(view: View) -> View:
    """Limit how many reviews an account writes."""
    return cast(View, limiter.shared_limit(REVIEWS, scope="reviews by API", key_func=_by_account)(view))
