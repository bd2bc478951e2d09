"""Writes reviews with the author's name from the account and verification from the orders."""

from __future__ import annotations

from storefront.accounts.values import Account
from storefront.catalog import reviews
from storefront.catalog.reviews import Author, ReviewDraft
from storefront.catalog.values import ReviewView
from storefront.orders import service as orders

__all__ = ["ReviewDraft", "write"]


def write(account: Account, product_id: int, draft: ReviewDraft) -> ReviewView:
    """Write an account's review of a product, replacing an earlier one.

    The review is verified if, and only if, an order of the account with this product was delivered.

    :raise catalog.UnknownProduct: no product on sale has this id
    """
    has_received = orders.has_received(account.id, product_id)
    return reviews.write_review(product_id, Author(account.id, account.name), draft, is_verified=has_received)
