"""Accounts that can sign in, written straight into their table: hashing each password would take the tests' time."""

from __future__ import annotations

import itertools
from functools import cache

from storefront.accounts import passwords
from storefront.accounts import service as accounts
from storefront.accounts.models import User
from storefront.accounts.service import Account, Role, UserId
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
    """An account.

    :param email: one of its own unless named; None for none
    :param password: None: it has none, and signs in by an identity only
    :param verified: whether it proved that its addresses are its own
    """
    number, now = next(_numbers), utc_now()
    proved = now if verified else None
    email = f"customer-{number}@example.com" if email == "" else email
    user = User(
        name=name,
        email=email,
        phone=phone,
        password=_hashed(password) if password is not None else None,
        role=role,
        mfa_enabled=mfa,
        email_verified_at=proved if email else None,
        phone_verified_at=proved if phone else None,
        created_at=now,
    )
    with transaction("accounts") as session:
        session.add(user)
    return accounts.get_account(UserId(user.id))


def make_staff(role: Role = Role.ADMIN, *, email: str = "") -> Account:
    """Somebody of the staff."""
    return make_account(name="Staff Member", email=email, role=role)
