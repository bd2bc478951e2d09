"""What a review needs of several domains: its author's name, and whether they got the product from us."""

from __future__ import annotations

from storefront.accounts.service import Account
from storefront.catalog import service as catalog
from storefront.catalog.service import Author, ReviewDraft, ReviewView
from storefront.orders import service as orders

__all__ = ["ReviewDraft", "write"]


def write(account: Account, product_id: int, draft: ReviewDraft) -> ReviewView:
    """Review a product; what the account said of it before is replaced.

    It is verified by an order of the account that was delivered, and by nothing else.

    :raise catalog.UnknownProduct: there is none of this id on sale
    """
    has_it = orders.has_received(account.id, product_id)
    return catalog.write_review(product_id, Author(account.id, account.name), draft, is_verified=has_it)
