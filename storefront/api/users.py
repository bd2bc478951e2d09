"""What belongs to an account: profile, addresses, saved ways to pay, wishlist."""

from __future__ import annotations

from storefront.accounts import service as accounts
from storefront.accounts.service import ProfilePart, UserId
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
from storefront.core.addresses import PostalAddress
from storefront.web.route_options import card_numbers
from storefront.wishlist import service as wishlist

USER = "/users/{userId}"

# ------------------------------------------------------------------------------------------------ profile


@operation(f"GET {USER}/profile", "getProfile", tag="users", access=of_user, answer=Profile, refusals=(404,))
def get_profile(user_id: int) -> Profile:
    """How an account calls and shows itself."""
    return present.profile(accounts.get_account(UserId(user_id)))


@operation(
    f"PUT {USER}/profile",
    "updateProfile",
    tag="users",
    access=of_user,
    body=ProfileInput,
    answer=Profile,
    refusals=(404, 409),
)
def update_profile(user_id: int, body: ProfileInput) -> Profile:
    """Change what is named; null or blank takes it away. A phone changed here counts as not proved."""
    accounts.change_profile(UserId(user_id), _changes(body))
    return get_profile(user_id)


def _changes(body: ProfileInput) -> dict[ProfilePart, str | None]:
    given = body.model_fields_set
    changes: dict[ProfilePart, str | None] = {}
    if given & {"full_name", "name"}:
        changes["name"] = body.full_name or body.name
    if given & {"avatar_url", "avatar"}:
        changes["avatar"] = body.avatar_url or body.avatar
    if "phone" in given:
        changes["phone"] = body.phone
    return changes


# ------------------------------------------------------------------------------------------------ addresses


@operation(f"GET {USER}/addresses", "listAddresses", tag="users", access=of_user, answer=list[Address])
def list_addresses(user_id: int) -> list[Address]:
    """The address book, the default first, then by id."""
    user = UserId(user_id)
    return [present.address(user, saved) for saved in accounts.addresses_of(user)]


@operation(
    f"POST {USER}/addresses",
    "addAddress",
    tag="users",
    access=of_user,
    body=AddressInput,
    answer=Address,
    refusals=(404, 409),
)
def add_address(user_id: int, body: AddressInput) -> Address:
    """Put an address into the book; the first is the default, and a new default replaces the one before."""
    user = UserId(user_id)
    return present.address(user, accounts.add_address(user, PostalAddress(**body.parts), is_default=body.is_default))


@operation(f"DELETE {USER}/addresses/{{addressId}}", "deleteAddress", tag="users", access=of_user, refusals=(404,))
def delete_address(user_id: int, address_id: int) -> None:
    """Take an address out of the book."""
    accounts.remove_address(UserId(user_id), address_id)


# ------------------------------------------------------------------------------------------------ ways to pay


@operation(f"GET {USER}/payments", "listPaymentMethods", tag="users", access=of_user, answer=list[PaymentMethod])
def list_payment_methods(user_id: int) -> list[PaymentMethod]:
    """Saved ways to pay, the default first, then the newest."""
    user = UserId(user_id)
    return [present.method(user, saved) for saved in accounts.methods_of(user)]


@operation(
    f"POST {USER}/payments",
    "addPaymentMethod",
    tag="users",
    access=of_user,
    body=PaymentMethodInput,
    answer=PaymentMethod,
    refusals=(404, 409),
)
@card_numbers(status=400)  # contract section 2.2.3
def add_payment_method(user_id: int, body: PaymentMethodInput) -> PaymentMethod:
    """Save a way to pay; one that is saved already is not saved twice."""
    user = UserId(user_id)
    return present.method(user, accounts.add_method(user, body.provider, body.token, is_default=body.is_default))


@operation(f"DELETE {USER}/payments/{{methodId}}", "deletePaymentMethod", tag="users", access=of_user, refusals=(404,))
def delete_payment_method(user_id: int, method_id: int) -> None:
    """Forget a way to pay."""
    accounts.remove_method(UserId(user_id), method_id)


# ------------------------------------------------------------------------------------------------ wishlist


@operation(f"GET {USER}/wishlist", "listWishlist", tag="users", access=of_user, answer=list[WishlistItem])
def list_wishlist(user_id: int) -> list[WishlistItem]:
    """The wishlist, newest first; as objects, not numbers."""
    user = UserId(user_id)
    return [present.wish(user, wish) for wish in accounts.items_of(user)]


@operation(
    f"POST {USER}/wishlist",
    "addWishlist",
    tag="users",
    access=of_user,
    body=WishInput,
    answer=WishlistItem,
    refusals=(404, 409),
)
def add_wishlist(user_id: int, body: WishInput) -> WishlistItem:
    """Put a product on the wishlist; one that is there already stays as it is."""
    user = accounts.get_account(UserId(user_id)).id
    return present.wish(user, wishlist.add_item(user, body.product_id))


@operation(f"DELETE {USER}/wishlist/{{productId}}", "removeWishlist", tag="users", access=of_user)
def remove_wishlist(user_id: int, product_id: int) -> None:
    """Take a product off the wishlist; one that is not there changes nothing."""
    accounts.remove_wishlist_item(UserId(user_id), product_id)


@operation(
    f"DELETE {USER}/wishlist/item/{{itemId}}", "removeWishlistItem", tag="users", access=of_user, refusals=(404,)
)
def remove_wishlist_item(user_id: int, item_id: int) -> None:
    """Take an entry off the wishlist."""
    accounts.remove_wishlist_item_by_id(UserId(user_id), item_id)
