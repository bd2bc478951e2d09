"""The accounts' door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront import outbox
from storefront.accounts.codes import SentCode
from storefront.accounts.codes import find_sent as find_sent_code
from storefront.accounts.models import Message, User
from storefront.accounts.sessions import (
    account_of,
    end_session,
    end_sessions_of,
    find_session,
    open_session,
    sessions_of,
    touch,
)
from storefront.accounts.tokens import issue as issue_token
from storefront.accounts.tokens import reference_of
from storefront.accounts.values import (
    Account,
    CodeExpired,
    EmailTaken,
    PhoneTaken,
    Profile,
    Purpose,
    Role,
    SessionView,
    SignedIn,
    TooManyCodes,
    UnknownUser,
    UserId,
    WeakPassword,
    WrongCode,
    WrongPassword,
)
from storefront.clock import utc_now
from storefront.database import queries, transaction

__all__ = [
    "Account",
    "CodeExpired",
    "EmailTaken",
    "PhoneTaken",
    "Profile",
    "Purpose",
    "Role",
    "SentCode",
    "SessionView",
    "SignedIn",
    "TooManyCodes",
    "UnknownUser",
    "UserId",
    "WeakPassword",
    "WrongCode",
    "WrongPassword",
    "deliver_messages",
    "end_session",
    "end_sessions_of",
    "find_sent_code",
    "find_session",
    "get_account",
    "issue_token",
    "open_accounts",
    "open_session",
    "profiles_of",
    "reference_of",
    "sessions_of",
    "touch",
]


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


def get_account(user: UserId) -> Account:
    """An account as it stands. :raise UnknownUser: there is none"""
    row = queries().get(User, user, populate_existing=True)
    if row is None:
        raise UnknownUser(user)
    return account_of(row)


def deliver_messages(handlers: Mapping[str, outbox.Handler]) -> int:
    """Hand what the accounts announced to its handlers. :return: how many messages were delivered"""
    return outbox.deliver("accounts", Message, handlers)
