"""The cart of an account."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask import current_app, request

from storefront.api.guards import caller, of_user
from storefront.api.operations import operation
from storefront.api.order_placement import customer_of
from storefront.api.presenters import cart as present
from storefront.api.rate_limits import counted_as_cart_write
from storefront.api.schemas.cart import Cart, CartPrice, NewItem, NewQuantity
from storefront.cart import service as cart
from storefront.cart.values import CartToken, UnknownLine
from storefront.core.clock import utc_now

# Used to tell the legacy client's cart sync from its button "Add to Cart": docs/decisions/0011.
PAGES_WITHOUT_BUTTON = frozenset({"/app/cart", "/app/checkout", "/app/payment", "/app/profile"})
HOME = "/app/"
SYNC_PERIOD = timedelta(seconds=5)  # after sign-in, while the client uploads the guest's cart
BEGINNING_OF_TIME = datetime.min.replace(tzinfo=UTC)


def _current_cart(user_id: int) -> Cart:
    record = cart.open_cart(_cart_key(user_id))
    return present.cart(user_id, record, cart.quote(_cart_key(user_id)).lines)


def _cart_key(user_id: int) -> CartToken:
    return cart.cart_key_of(customer_of(user_id).id)


@operation("GET /cart/{userId}", "getCart", tag="cart", access=of_user, response=Cart)
def get_cart(user_id: int) -> Cart:
    """Get the cart; it is created empty on first use. There is no rate limit on reading it."""
    return _current_cart(user_id)


@operation(
    "POST /cart/{userId}/items",
    "addCartItem",
    tag="cart",
    access=of_user,
    query=NewItem,
    response=Cart,
    errors=(404, 409, 429),
)
@counted_as_cart_write
def add_cart_item(user_id: int, query: NewItem) -> Cart:
    """Add units of a product to the cart, on top of those already in it. A request body is ignored."""
    cart.add_product(
        _cart_key(user_id), query.product_id, query.quantity, variant=query.variant, resent_since=_sync_since()
    )
    return _current_cart(user_id)


def _sync_since() -> datetime | None:
    """Tell whether this request is part of the legacy client's cart sync, by the page that sent it.

    :return: lines changed since then may come from the same sync, and are not added twice; None if it is no sync
    """
    if "Authorization" in request.headers:
        return None
    shown = urlsplit(request.referrer or "")
    if f"{shown.scheme}://{shown.netloc}" != current_app.config["PUBLIC_ORIGIN"]:
        return None
    if shown.path.rstrip("/") in PAGES_WITHOUT_BUTTON:
        return BEGINNING_OF_TIME
    began_at = caller().began_at
    return began_at if shown.path == HOME and utc_now() - began_at <= SYNC_PERIOD else None


@operation(
    "PUT /cart/{userId}/items/{itemId}",
    "updateCartItem",
    tag="cart",
    access=of_user,
    query=NewQuantity,
    response=Cart,
    errors=(404, 409, 429),
)
@counted_as_cart_write
def update_cart_item(user_id: int, item_id: int, query: NewQuantity) -> Cart:
    """Set the quantity of a cart line; 0 removes the line. A request body is ignored."""
    if query.quantity:
        cart.change_quantity(_cart_key(user_id), item_id, query.quantity)
    else:
        cart.remove_line(_cart_key(user_id), item_id)
    return _current_cart(user_id)


@operation(
    "DELETE /cart/{userId}/items/{itemId}",
    "removeCartItem",
    tag="cart",
    access=of_user,
    response=Cart,
    errors=(429,),
)
@counted_as_cart_write
def remove_cart_item(user_id: int, item_id: int) -> Cart:
    """Remove a line from the cart. An unknown line, or one of another cart, is ignored."""
    with suppress(UnknownLine):
        cart.remove_line(_cart_key(user_id), item_id)
    return _current_cart(user_id)


@operation("GET /cart/{userId}/price", "priceCart", tag="cart", access=of_user, response=CartPrice)
def price_cart(user_id: int) -> CartPrice:
    """Calculate the cart's price as of now; zero for an empty cart."""
    return present.price(cart.quote(_cart_key(user_id)).price)
