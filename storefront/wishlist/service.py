"""Wishlist use cases over accounts (lists and alerts), catalogue (offers) and cart, shared by pages and API."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.accounts import service as accounts
from storefront.accounts.service import UnknownWishlistItem, WishlistEntry, WishlistOwner
from storefront.accounts.values import UserId
from storefront.cart import service as cart
from storefront.cart.values import CartLine, NotEnoughStock
from storefront.catalog import listing, products
from storefront.catalog.values import Offer, ProductCard, Sku, UnknownProduct, UnknownSku
from storefront.wishlist.values import NotChosen, WishlistItemView

__all__ = ["NotChosen", "WishlistItemView", "add_item", "change", "items_of", "move_to_cart", "request_alert", "shared"]


def items_of(owner: WishlistOwner | None) -> tuple[WishlistItemView, ...]:
    """The items of a wishlist with their current offers, newest first, in two queries."""
    return _views(accounts.items_of(owner))


def _views(items: Sequence[WishlistEntry]) -> tuple[WishlistItemView, ...]:
    offers = products.offers_by_product({item.product_id for item in items})
    return tuple(WishlistItemView(item, offers[item.product_id]) for item in items if item.product_id in offers)


def shared(token: str) -> tuple[str, tuple[ProductCard, ...]]:
    """Return a shared wishlist.

    :return: the owner's name, which may be empty, and the products on sale, newest first
    :raise accounts.UnknownWishlist: no wishlist is shared under this token
    """
    wishlist = accounts.shared_wishlist(token)
    return wishlist.owner.name, listing.cards_of([add_item.product_id for add_item in wishlist.items])


def add_item(owner: WishlistOwner, product_id: int, *, sku: str = "", quantity: int = 1) -> WishlistEntry:
    """Add a product to a wishlist; a product already on it is left unchanged.

    :param sku: one of its variants, "" for any
    :param quantity: units, 1 to 99
    :raise catalog.UnknownProduct: the product is not on sale
    :raise catalog.UnknownSku: the product has no such variant
    :raise accounts.WishlistFull: the wishlist is full
    """
    offers = products.offers_by_product([product_id]).get(product_id, ())
    if not any(offer.is_sellable for offer in offers):
        raise UnknownProduct(product_id)
    if sku and sku not in {offer.sku for offer in offers}:
        raise UnknownSku(sku)
    return accounts.add_wishlist_item(owner, product_id, sku=sku, quantity=quantity)


def change(owner: WishlistOwner | None, product_id: int, *, sku: str, quantity: int) -> Offer:
    """Set variant and quantity of a product on a wishlist.

    :param sku: "" for any variant
    :param quantity: units, 1 to 99
    :return: the chosen variant, or the product's first
    :raise accounts.UnknownWishlistItem: the product is not on the list
    :raise catalog.UnknownSku: the product has no such variant
    """
    offers = products.offers_by_product([product_id]).get(product_id, ())
    if not offers:
        raise UnknownWishlistItem(product_id)
    chosen = next((offer for offer in offers if offer.sku == sku), None)
    if chosen is None and sku:
        raise UnknownSku(sku)
    accounts.change_wishlist_item(owner, product_id, sku=sku, quantity=quantity)
    return chosen or offers[0]


def move_to_cart(owner: WishlistOwner | None, token: str, product_id: int, *, sku: str, quantity: int) -> CartLine:
    """Move a product from a wishlist to a cart.

    :param token: the cart's key
    :param sku: the variant, "" if the product has only one
    :param quantity: units, 1 to 99
    :raise accounts.UnknownWishlistItem: the product is not on the list
    :raise NotChosen: the product has several variants, and `sku` is empty
    :raise catalog.UnknownSku: the product has no such variant, or it is no longer sold
    :raise cart.NotEnoughStock: the cart line and `quantity` together exceed what is available
    :raise cart.TooManyUnits: they exceed the maximum quantity of a cart line
    """
    offer = _sellable_offer(product_id, sku)
    if quantity > offer.available:
        raise NotEnoughStock(max(0, offer.available))
    # Removed first, since of two concurrent moves only one removes it; restored below if the cart refuses it.
    removed = accounts.remove_wishlist_item(owner, product_id)
    if owner is None or removed is None:
        raise UnknownWishlistItem(product_id)
    try:
        return cart.add_line(token, offer.sku, quantity)
    except BaseException:
        accounts.add_wishlist_item(owner, product_id, sku=offer.sku, quantity=quantity, since=removed.created_at)
        raise


def _sellable_offer(product_id: int, sku: str) -> Offer:
    offers = products.offers_by_product([product_id]).get(product_id, ())
    if len(offers) > 1 and not sku:
        raise NotChosen(product_id)
    for offer in offers:
        if offer.is_sellable and sku in {"", offer.sku}:
            return offer
    raise UnknownSku(sku)


def request_alert(email: str, sku: Sku, *, user: UserId | None = None) -> bool:
    """Request a back-in-stock alert, unless the SKU is in stock.

    :param user: the account that verified this address; None: it was entered by a guest
    :return: False if the SKU is in stock and no alert was stored
    :raise catalog.UnknownSku: no product on sale has this SKU
    :raise contact.NotAnEmail: the address is not valid
    """
    offer = products.get_offer(sku)
    if offer.available > 0:
        return False
    accounts.request_alert(email, sku, offer.product_id, user=user)
    return True
