"""Present accounts, addresses, payment methods and wishlists as in sections 2.2.1 to 2.2.4 of the contract."""

from __future__ import annotations

from storefront.accounts.service import WishlistEntry
from storefront.accounts.values import Account, Role, SavedAddress, SavedMethod, UserId
from storefront.api.schemas import auth as auth_schemas
from storefront.api.schemas import users as schemas

_ROLES = {Role.CUSTOMER: "customer", Role.ADMIN: "admin"}  # every other role is "staff" to the client


def user(
    account: Account, addresses: list[SavedAddress], methods: list[SavedMethod], items: tuple[WishlistEntry, ...]
) -> auth_schemas.User:
    """Present an account with its addresses, payment methods and wishlist.

    :param items: of the wishlist
    """
    return auth_schemas.User.model_validate(
        {
            "id": account.id,
            "email": account.email,
            "phone": account.phone,
            "name": account.name,
            "avatar": account.avatar,
            "mfa_enabled": account.mfa_enabled,
            "role": _ROLES.get(account.role, "staff"),
            "addresses": [address(account.id, saved) for saved in addresses],
            "payment_methods": [method(account.id, saved) for saved in methods],
            "orders": [],
            "wishlist": [item.product_id for item in items],
        }
    )


def signed_in(presented: auth_schemas.User, token: str | None, lifetime: int) -> auth_schemas.UserWithToken:
    """Present an account that has just signed in.

    :param token: None for a browser, which has the session cookie
    :param lifetime: of the token, in seconds
    """
    return auth_schemas.UserWithToken(
        **dict(presented),
        token=token,
        token_type="Bearer",  # noqa: S106
        expires_in=lifetime if token is not None else None,
    )


def account(value: Account) -> auth_schemas.Account:
    """Present an account without what belongs to it."""
    return auth_schemas.Account(
        id=value.id, email=value.email, phone=value.phone, name=value.name, mfa_enabled=value.mfa_enabled
    )


def profile(value: Account) -> schemas.Profile:
    """Present an account's profile; name and avatar have two names each in the contract."""
    return schemas.Profile(
        id=value.id,
        user_id=value.id,
        full_name=value.name,
        avatar_url=value.avatar,
        name=value.name,
        avatar=value.avatar,
        email=value.email,
        phone=value.phone,
    )


def address(user_id: UserId, saved: SavedAddress) -> schemas.Address:
    """Present an address of the address book."""
    where = saved.where
    return schemas.Address(
        id=saved.id,
        user_id=user_id,
        full_name=where.full_name or None,
        phone=where.phone or None,
        line1=where.line1,
        line2=where.line2 or None,
        city=where.city,
        state=where.state,
        postal_code=where.postal_code,
        country=where.country,
        is_default=saved.is_default,
        address_line1=where.line1,
        address_line2=where.line2 or None,
        zip_code=where.postal_code,
        created_at=saved.created_at,
    )


def method(user_id: UserId, saved: SavedMethod) -> schemas.PaymentMethod:
    """Present a saved payment method."""
    month, _, year = saved.expires.partition("/")
    return schemas.PaymentMethod.model_validate(
        {
            "id": saved.id,
            "user_id": user_id,
            "provider": saved.provider,
            "token": saved.token,
            "is_default": saved.is_default,
            "created_at": saved.created_at,
            "display_name": saved.label,
            "payment_type": saved.kind,
            "type": saved.kind,
            "card_number": saved.card_number or None,
            "card_holder": saved.holder or None,
            "expiry_month": int(month) if month else None,
            "expiry_year": int(year) if year else None,
            "upi_id": saved.details or None if saved.kind == "upi" else None,
            "bnpl_provider": saved.details or None if saved.kind == "bnpl" else None,
        }
    )


def wishlist_item(user_id: UserId, value: WishlistEntry) -> schemas.WishlistItem:
    """Present an item of a wishlist."""
    return schemas.WishlistItem(id=value.id, user_id=user_id, product_id=value.product_id, created_at=value.created_at)
