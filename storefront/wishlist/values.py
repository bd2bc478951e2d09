"""What a wishlist shows."""

from __future__ import annotations

from dataclasses import dataclass

from storefront.accounts.service import WishlistEntry
from storefront.catalog.service import Offer, Sku
from storefront.core.errors import DomainError


class NotChosen(DomainError):
    """The product comes in several variants, and none was chosen."""


@dataclass(frozen=True, slots=True)
class WishView:
    """A product on a list, as it can be had now.

    :ivar offers: its variants, at least one
    """

    wish: WishlistEntry
    offers: tuple[Offer, ...]

    @property
    def product_id(self) -> int:
        return self.wish.product_id

    @property
    def chosen(self) -> Offer | None:
        """The variant wished for; the only one, where there is no other; None while any will do."""
        if len(self.offers) == 1:
            return self.offers[0]
        return self.offer_of(self.wish.sku)

    @property
    def shown(self) -> Offer:
        """What name, picture and price are taken from: the chosen variant, else the cheapest."""
        return self.chosen or min(self.offers, key=lambda offer: offer.price.minor)

    @property
    def has_options(self) -> bool:
        return len(self.offers) > 1

    @property
    def has_prices(self) -> bool:
        """Whether what it costs depends on the variant."""
        return len({offer.price.minor for offer in self.offers}) > 1

    @property
    def is_sellable(self) -> bool:
        return self.shown.is_sellable

    @property
    def available(self) -> int:
        """Units of the chosen variant, or of all."""
        offers = (self.chosen,) if self.chosen else self.offers
        return sum(max(0, offer.available) for offer in offers)

    @property
    def awaited(self) -> Sku | None:
        """The SKU to be told of when it is back; None while it can be had, or no longer is sold."""
        if not self.is_sellable or self.available:
            return None
        return self.shown.sku

    def offer_of(self, sku: str) -> Offer | None:
        return next((offer for offer in self.offers if offer.sku == sku), None)
