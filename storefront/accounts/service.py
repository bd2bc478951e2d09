"""The accounts' door."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront.accounts.models import User
from storefront.accounts.values import EmailTaken, Profile, UserId
from storefront.clock import utc_now
from storefront.database import queries, transaction

__all__ = ["EmailTaken", "Profile", "UserId", "open_accounts", "profiles_of"]


def open_accounts(people: Sequence[tuple[str, str]]) -> list[Profile]:
    """Open accounts that nobody can sign in to yet, all or none.

    :param people: name and e-mail address of each
    :raise EmailTaken: an address has an account already
    """
    now = utc_now()
    users = [User(name=name, email=email.strip().lower(), created_at=now) for name, email in people]
    try:
        with transaction("accounts") as session:
            session.add_all(users)
    except IntegrityError as error:
        raise EmailTaken from error
    return [Profile(UserId(user.id), user.name or "") for user in users]


def profiles_of(emails: Sequence[str]) -> dict[str, Profile]:
    """Accounts by e-mail address, of those that have one."""
    known = select(User).where(User.email.in_([email.strip().lower() for email in emails]))
    return {user.email or "": Profile(UserId(user.id), user.name or "") for user in queries().scalars(known)}
