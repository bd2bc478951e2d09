"""An account's profile, address book, saved payment methods and wishlist."""

from __future__ import annotations

from storefront.accounts import service as accounts
from storefront.accounts.service import ProfilePart
from storefront.accounts.values import UserId
from storefront.api.guards import of_user
from storefront.api.operations import operation
from storefront.api.presenters import users as present
from storefront.api.schemas.addresses import AddressInput
from storefront.api.schemas.users import (
    Address,
    PaymentMethod,
    PaymentMethodInput,
    Profile,
    ProfileInput,
    WishInput,
    WishlistItem,
)
from storefront.web import rate_limits
from storefront.web.route_options import card_numbers
from storefront.wishlist import service as wishlist

USER = "/users/{userId}"

# ------------------------------------------------------------------------------------------------ profile


@operation(f"GET {USER}/profile", "getProfile", tag="users", access=of_user, response=Profile, errors=(404,))
def get_profile(user_id: int) -> Profile:
    """Get an account's name, avatar and contact data."""
    return present.profile(accounts.get_account(UserId(user_id)))


@operation(
    f"PUT {USER}/profile",
    "updateProfile",
    tag="users",
    access=of_user,
    body=ProfileInput,
    response=Profile,
    errors=(404, 409, 429),
)
def update_profile(user_id: int, body: ProfileInput) -> Profile:
    """Change the members that are sent; null or blank clears one. A changed phone number is unverified.

    An account can change its phone number five times a day: each change tells whether another account has the number.
    """
    user, changes = UserId(user_id), _changes(body)
    if changes.get("phone") not in {None, accounts.get_account(user).phone}:
        rate_limits.limit_phone_change(user)
    accounts.change_profile(user, changes)
    return get_profile(user_id)


def _changes(body: ProfileInput) -> dict[ProfilePart, str | None]:
    sent = body.model_fields_set
    changes: dict[ProfilePart, str | None] = {}
    if sent & {"full_name", "name"}:
        changes["name"] = body.full_name or body.name
    if sent & {"avatar_url", "avatar"}:
        changes["avatar"] = body.avatar_url or body.avatar
    if "phone" in sent:
        changes["phone"] = body.phone
    return changes


# ------------------------------------------------------------------------------------------------ addresses


@operation(f"GET {USER}/addresses", "listAddresses", tag="users", access=of_user, response=list[Address])
def list_addresses(user_id: int) -> list[Address]:
    """List the address book, the default first, then by id."""
    user = UserId(user_id)
    return [present.address(user, saved) for saved in accounts.addresses_of(user)]


@operation(
    f"POST {USER}/addresses",
    "addAddress",
    tag="users",
    access=of_user,
    body=AddressInput,
    response=Address,
    errors=(404, 409),
)
def add_address(user_id: int, body: AddressInput) -> Address:
    """Add an address. The first one becomes the default; a new default replaces the previous one."""
    user = UserId(user_id)
    return present.address(user, accounts.add_address(user, body.address, is_default=body.is_default))


@operation(f"DELETE {USER}/addresses/{{addressId}}", "deleteAddress", tag="users", access=of_user, errors=(404,))
def delete_address(user_id: int, address_id: int) -> None:
    """Delete an address."""
    accounts.remove_address(UserId(user_id), address_id)


# ------------------------------------------------------------------------------------------------ payment methods


@operation(f"GET {USER}/payments", "listPaymentMethods", tag="users", access=of_user, response=list[PaymentMethod])
def list_payment_methods(user_id: int) -> list[PaymentMethod]:
    """List saved payment methods, the default first, then the newest."""
    user = UserId(user_id)
    return [present.method(user, saved) for saved in accounts.methods_of(user)]


@operation(
    f"POST {USER}/payments",
    "addPaymentMethod",
    tag="users",
    access=of_user,
    body=PaymentMethodInput,
    response=PaymentMethod,
    errors=(404, 409),
)
@card_numbers(status=400)  # contract section 2.2.3
def add_payment_method(user_id: int, body: PaymentMethodInput) -> PaymentMethod:
    """Save a payment method. One that is already saved is not duplicated and becomes the latest."""
    user = UserId(user_id)
    return present.method(user, accounts.add_method(user, body.provider, body.token, is_default=body.is_default))


@operation(f"DELETE {USER}/payments/{{methodId}}", "deletePaymentMethod", tag="users", access=of_user, errors=(404,))
def delete_payment_method(user_id: int, method_id: int) -> None:
    """Delete a saved payment method."""
    accounts.remove_method(UserId(user_id), method_id)


# ------------------------------------------------------------------------------------------------ wishlist


@operation(f"GET {USER}/wishlist", "listWishlist", tag="users", access=of_user, response=list[WishlistItem])
def list_wishlist(user_id: int) -> list[WishlistItem]:
    """List the wishlist, newest first, as objects."""
    user = UserId(user_id)
    return [present.wishlist_item(user, item) for item in accounts.items_of(user)]


@operation(
    f"POST {USER}/wishlist",
    "addWishlist",
    tag="users",
    access=of_user,
    body=WishInput,
    response=WishlistItem,
    errors=(404, 409),
)
def add_wishlist(user_id: int, body: WishInput) -> WishlistItem:
    """Add a product to the wishlist. One that is already on it is returned unchanged."""
    user = accounts.get_account(UserId(user_id)).id
    return present.wishlist_item(user, wishlist.add_item(user, body.product_id))


@operation(f"DELETE {USER}/wishlist/{{productId}}", "removeWishlist", tag="users", access=of_user)
def remove_wishlist(user_id: int, product_id: int) -> None:
    """Remove a product from the wishlist. One that is not on it is ignored."""
    accounts.remove_wishlist_item(UserId(user_id), product_id)


@operation(f"DELETE {USER}/wishlist/item/{{itemId}}", "removeWishlistItem", tag="users", access=of_user, errors=(404,))
def remove_wishlist_item(user_id: int, item_id: int) -> None:
    """Remove an item from the wishlist."""
    accounts.remove_wishlist_item_by_id(UserId(user_id), item_id)
