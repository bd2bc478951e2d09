"""What an item of a wishlist shows."""

from __future__ import annotations

from dataclasses import replace

from flask import Flask

from storefront.accounts.service import WishlistEntry
from storefront.catalog import products
from storefront.core.clock import utc_now
from storefront.wishlist.values import WishlistItemView
from tests.factories.catalog import make_product, rupees


def test_an_item_without_a_chosen_variant_costs_the_least_that_can_be_bought(app: Flask) -> None:
    """C7: not what a variant that is sold out costs; of one that is sold out, the least of all."""
    shirt = make_product(options=(("S", 0), ("M", 2)))
    offers = products.variants_of([shirt.id])[shirt.id]
    small, medium = (next(offer for offer in offers if offer.option == option) for option in "SM")
    small = replace(small, price=rupees(1))
    entry = WishlistEntry(1, None, shirt.id, "", 1, utc_now())
    item = WishlistItemView(entry, (small, medium))
    assert (item.shown, item.has_prices) == (medium, False)
    sold_out = WishlistItemView(entry, (small, replace(medium, available=0)))
    assert (sold_out.shown, sold_out.has_prices) == (small, True)
