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
from storefront.cart.service import CartToken
from storefront.core.clock import utc_now

# How the old client's sync is told from its button "Add to Cart": docs/decisions/0011.
PAGES_WITHOUT_BUTTON = frozenset({"/app/cart", "/app/checkout", "/app/payment", "/app/profile"})
HOME = "/app/"
SYNC_PERIOD = timedelta(seconds=5)  # after a sign-in, in which the client sends what a guest had collected
EVER = datetime.min.replace(tzinfo=UTC)


def _cart(user_id: int) -> Cart:
    record = cart.open_cart(_token(user_id))
    return present.cart(user_id, record, cart.quote(_token(user_id)).lines)


def _token(user_id: int) -> CartToken:
    return cart.cart_key_of(customer_of(user_id).id)


@operation("GET /cart/{userId}", "getCart", tag="cart", access=of_user, answer=Cart)
def get_cart(user_id: int) -> Cart:
    """The cart, made empty on first use. It is never refused for being asked for too often."""
    return _cart(user_id)


@operation(
    "POST /cart/{userId}/items",
    "addCartItem",
    tag="cart",
    access=of_user,
    query=NewItem,
    answer=Cart,
    refusals=(404, 409, 429),
)
@counted_as_cart_write
def add_cart_item(user_id: int, query: NewItem) -> Cart:
    """Put units of a product in the cart, beside those of it that are there already. A body is not looked at."""
    cart.add_product(
        _token(user_id), query.product_id, query.quantity, variant=query.variant, resent_since=_sync_since()
    )
    return _cart(user_id)


def _sync_since() -> datetime | None:
    """From when on lines of the cart may come from the same sync as this request; None when it is no sync."""
    if "Authorization" in request.headers:
        return None
    shown = urlsplit(request.referrer or "")
    if f"{shown.scheme}://{shown.netloc}" != current_app.config["PUBLIC_ORIGIN"]:
        return None
    if shown.path.rstrip("/") in PAGES_WITHOUT_BUTTON:
        return EVER
    began_at = caller().began_at
    return began_at if shown.path == HOME and utc_now() - began_at <= SYNC_PERIOD else None


@operation(
    "PUT /cart/{userId}/items/{itemId}",
    "updateCartItem",
    tag="cart",
    access=of_user,
    query=NewQuantity,
    answer=Cart,
    refusals=(404, 409, 429),
)
@counted_as_cart_write
def update_cart_item(user_id: int, item_id: int, query: NewQuantity) -> Cart:
    """Set how many units a line holds; 0 removes it. A body is not looked at."""
    if query.quantity:
        cart.change_quantity(_token(user_id), item_id, query.quantity)
    else:
        cart.remove_line(_token(user_id), item_id)
    return _cart(user_id)


@operation(
    "DELETE /cart/{userId}/items/{itemId}",
    "removeCartItem",
    tag="cart",
    access=of_user,
    answer=Cart,
    refusals=(429,),
)
@counted_as_cart_write
def remove_cart_item(user_id: int, item_id: int) -> Cart:
    """Remove a line. One that is gone, or another's, changes nothing."""
    with suppress(cart.UnknownLine):
        cart.remove_line(_token(user_id), item_id)
    return _cart(user_id)


@operation("GET /cart/{userId}/price", "priceCart", tag="cart", access=of_user, answer=CartPrice)
def price_cart(user_id: int) -> CartPrice:
    """What the cart would cost today; an empty one costs nothing."""
    return present.price(cart.quote(_token(user_id)).price)
