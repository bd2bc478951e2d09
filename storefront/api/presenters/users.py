"""Accounts and what belongs to them as the contract's sections 2.2.1 to 2.2.4 have it."""

from __future__ import annotations

from storefront.accounts.service import Account, Role, SavedAddress, SavedMethod, UserId, WishlistEntry
from storefront.api.schemas import auth as shapes
from storefront.api.schemas import users as belongings

_ROLES = {Role.CUSTOMER: "customer", Role.ADMIN: "admin"}  # to the client all others are staff


def user(
    account: Account, addresses: list[SavedAddress], methods: list[SavedMethod], wishes: tuple[WishlistEntry, ...]
) -> shapes.User:
    return shapes.User.model_validate(
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
            "wishlist": [wish.product_id for wish in wishes],
        }
    )


def signed_in(told: shapes.User, token: str | None, lifetime: int) -> shapes.UserWithToken:
    """:param lifetime: of the token, in seconds"""
    return shapes.UserWithToken(
        **dict(told),
        token=token,
        token_type="Bearer",  # noqa: S106
        expires_in=lifetime if token is not None else None,
    )


def account(value: Account) -> shapes.Account:
    return shapes.Account(
        id=value.id, email=value.email, phone=value.phone, name=value.name, mfa_enabled=value.mfa_enabled
    )


def profile(value: Account) -> belongings.Profile:
    return belongings.Profile(
        id=value.id,
        user_id=value.id,
        full_name=value.name,
        avatar_url=value.avatar,
        name=value.name,
        avatar=value.avatar,
        email=value.email,
        phone=value.phone,
    )


def address(user_id: UserId, saved: SavedAddress) -> belongings.Address:
    where = saved.where
    return belongings.Address(
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


def method(user_id: UserId, saved: SavedMethod) -> belongings.PaymentMethod:
    month, _, year = saved.expires.partition("/")
    return belongings.PaymentMethod.model_validate(
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


def wish(user_id: UserId, value: WishlistEntry) -> belongings.WishlistItem:
    return belongings.WishlistItem(
        id=value.id, user_id=user_id, product_id=value.product_id, created_at=value.created_at
    )
