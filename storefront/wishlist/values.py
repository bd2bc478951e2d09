"""Values and errors of the wishlist use cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storefront.accounts.service import WishlistEntry
from storefront.catalog.values import Offer, Sku
from storefront.core.errors import DomainError


class NotChosen(DomainError):
    """The product has several variants, and none was chosen."""


@dataclass(frozen=True, slots=True)
class WishlistItemView:
    """A wishlist item with the product's current offers.

    :ivar entry: the stored item
    :ivar offers: the product's variants, at least one
    """

    entry: WishlistEntry
    offers: tuple[Offer, ...]

    @property
    def product_id(self) -> int:
        return self.entry.product_id

    @property
    def chosen(self) -> Offer | None:
        """The chosen variant, or the only one there is; None if any variant will do."""
        if len(self.offers) == 1:
            return self.offers[0]
        return self.offer_of(self.entry.sku)

    @property
    def shown(self) -> Offer:
        """The variant whose name, picture and price are shown: the chosen one, else the cheapest that can be bought."""
        return self.chosen or min(self._priced, key=lambda offer: offer.price.minor)

    @property
    def _priced(self) -> Sequence[Offer]:
        """The variants that can be bought; those on sale, or all, when there are none."""
        on_sale = [offer for offer in self.offers if offer.is_sellable]
        return [offer for offer in on_sale if offer.available > 0] or on_sale or self.offers

    @property
    def has_options(self) -> bool:
        return len(self.offers) > 1

    @property
    def has_prices(self) -> bool:
        """Whether the variants that can be bought differ in price."""
        return len({offer.price.minor for offer in self._priced}) > 1

    @property
    def is_sellable(self) -> bool:
        return self.shown.is_sellable

    @property
    def available(self) -> int:
        """Available units of the chosen variant, or of all variants."""
        offers = (self.chosen,) if self.chosen else self.offers
        return sum(max(0, offer.available) for offer in offers)

    @property
    def awaited(self) -> Sku | None:
        """The SKU to offer a back-in-stock alert for; None if it is in stock or no longer sold."""
        if not self.is_sellable or self.available:
            return None
        return self.shown.sku

    def offer_of(self, sku: str) -> Offer | None:
        return next((offer for offer in self.offers if offer.sku == sku), None)
