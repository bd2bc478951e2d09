"""What a wishlist needs of several domains: the accounts' lists, the catalogue's offers, the cart."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.accounts import service as accounts
from storefront.accounts.service import UnknownWishlistItem, UserId, WishlistEntry, WishlistOwner
from storefront.cart import service as cart
from storefront.cart.service import CartLine
from storefront.catalog import service as catalog
from storefront.catalog.service import Offer, ProductCard, Sku
from storefront.wishlist.values import NotChosen, WishView

__all__ = ["NotChosen", "WishView", "ask_for_notice", "change", "move_to_cart", "shared", "wish", "wishes_of"]


def wishes_of(owner: WishlistOwner | None) -> tuple[WishView, ...]:
    """A list at today's prices, newest first, by two selects."""
    return _views(accounts.items_of(owner))


def _views(wishes: Sequence[WishlistEntry]) -> tuple[WishView, ...]:
    offers = catalog.offers_by_product({wish.product_id for wish in wishes})
    return tuple(WishView(wish, offers[wish.product_id]) for wish in wishes if wish.product_id in offers)


def shared(token: str) -> tuple[str, tuple[ProductCard, ...]]:
    """A list that somebody shares. :return: their name, empty for none, and what can be bought of it, newest first

    :raise accounts.UnknownWishlist: none is shared by this token
    """
    found = accounts.shared_wishlist(token)
    return found.owner.name, catalog.cards_of([wish.product_id for wish in found.wishes])


def wish(owner: WishlistOwner, product_id: int, *, sku: str = "", quantity: int = 1) -> WishlistEntry:
    """Put a product on a list; one that is there already stays as it is.

    :param sku: one of its variants, "" for any
    :param quantity: units, 1 to 99
    :raise catalog.UnknownProduct: it is not on sale
    :raise catalog.UnknownSku: the variant is none of this product
    :raise accounts.WishlistFull: there is no room
    """
    offers = catalog.offers_by_product([product_id]).get(product_id, ())
    if not any(offer.is_sellable for offer in offers):
        raise catalog.UnknownProduct(product_id)
    if sku and sku not in {offer.sku for offer in offers}:
        raise catalog.UnknownSku(sku)
    return accounts.add_wishlist_item(owner, product_id, sku=sku, quantity=quantity)


def change(owner: WishlistOwner | None, product_id: int, *, sku: str, quantity: int) -> Offer:
    """Choose variant and units of a product on a list.

    :param sku: "" for any variant
    :param quantity: units, 1 to 99
    :return: the variant chosen, or the first
    :raise accounts.UnknownWish: the product is not on it
    :raise catalog.UnknownSku: the variant is none of this product
    """
    offers = catalog.offers_by_product([product_id]).get(product_id, ())
    if not offers:
        raise UnknownWishlistItem(product_id)
    chosen = next((offer for offer in offers if offer.sku == sku), None)
    if chosen is None and sku:
        raise catalog.UnknownSku(sku)
    accounts.change_wishlist_item(owner, product_id, sku=sku, quantity=quantity)
    return chosen or offers[0]


def move_to_cart(owner: WishlistOwner | None, token: str, product_id: int, *, sku: str, quantity: int) -> CartLine:
    """Take a product off a list and put it in a cart.

    It leaves the list first, since of two who take it off only one can put it in the cart; if the cart refuses it, it
    is put back in its place.

    :param token: the cart's
    :param sku: the variant, "" when there is only one
    :param quantity: units, 1 to 99
    :raise accounts.UnknownWish: it is not on the list
    :raise NotChosen: no variant was named of several
    :raise catalog.UnknownSku: the variant is none of this product, or no longer sold
    :raise cart.NotEnoughStock: line and `quantity` together exceed what is available
    :raise cart.TooManyUnits: they exceed what a cart holds of one thing
    """
    offer = _to_be_bought(product_id, sku)
    if quantity > offer.available:
        raise cart.NotEnoughStock(max(0, offer.available))
    removed = accounts.remove_wishlist_item(owner, product_id)
    if owner is None or removed is None:
        raise UnknownWishlistItem(product_id)
    try:
        return cart.add_line(token, offer.sku, quantity)
    except BaseException:
        accounts.add_wishlist_item(owner, product_id, sku=offer.sku, quantity=quantity, since=removed.created_at)
        raise


def _to_be_bought(product_id: int, sku: str) -> Offer:
    offers = catalog.offers_by_product([product_id]).get(product_id, ())
    if len(offers) > 1 and not sku:
        raise NotChosen(product_id)
    for offer in offers:
        if offer.is_sellable and sku in {"", offer.sku}:
            return offer
    raise catalog.UnknownSku(sku)


def ask_for_notice(email: str, sku: Sku, *, user: UserId | None = None) -> bool:
    """Write to an address once, when a SKU is back.

    :param user: whose verified address it is; None: it was typed by a guest
    :return: False when nobody need wait: it is in stock
    :raise catalog.UnknownSku: nothing on sale carries it
    :raise contact.NotAnEmail: no letters can be sent there
    """
    offer = catalog.get_offer(sku)
    if offer.available > 0:
        return False
    accounts.ask_for_notice(email, sku, offer.product_id, user=user)
    return True
