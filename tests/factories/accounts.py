"""Accounts that can sign in, inserted directly: hashing every password would slow the tests down."""

from __future__ import annotations

import itertools
from functools import cache

from storefront.accounts import passwords
from storefront.accounts import service as accounts
from storefront.accounts.models import User
from storefront.accounts.values import Account, Role, UserId
from storefront.core.clock import utc_now
from storefront.db.session import transaction

PASSWORD = "teapot on the lawn"

_numbers = itertools.count(1)


@cache
def _hashed(password: str) -> str:
    return passwords.hash_new_password(password)


def make_account(
    *,
    name: str | None = "Asha Rao",
    email: str | None = "",
    phone: str | None = None,
    password: str | None = PASSWORD,
    role: Role = Role.CUSTOMER,
    mfa: bool = False,
    verified: bool = True,
) -> Account:
    """Create an account.

    :param email: a unique one by default; None for none
    :param password: None for an account that signs in by an identity provider only
    :param mfa: whether a second factor is required
    :param verified: whether its e-mail address and phone number are verified
    """
    number, now = next(_numbers), utc_now()
    verified_at = now if verified else None
    email = f"customer-{number}@example.com" if email == "" else email
    user = User(
        name=name,
        email=email,
        phone=phone,
        password=_hashed(password) if password is not None else None,
        role=role,
        mfa_enabled=mfa,
        email_verified_at=verified_at if email else None,
        phone_verified_at=verified_at if phone else None,
        created_at=now,
    )
    with transaction("accounts") as session:
        session.add(user)
    return accounts.get_account(UserId(user.id))


def make_staff(role: Role = Role.ADMIN, *, email: str = "") -> Account:
    """Create a staff account.

    :param email: a unique one by default
    """
    return make_account(name="Staff Member", email=email, role=role)
