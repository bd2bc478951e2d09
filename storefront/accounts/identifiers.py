"""Lookup of accounts by e-mail address or phone number, and who owns an address; for the modules of this domain."""

from __future__ import annotations

import uuid

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storefront.accounts.events import ACCOUNT_CHANGED
from storefront.accounts.models import Message, SignUp, User
from storefront.accounts.sessions import revoke_statement
from storefront.accounts.values import NoTextMessages, UnknownUser, UserId
from storefront.core.contact import is_email, normalize_email
from storefront.db import outbox
from storefront.db.session import read_session
from storefront.messaging import sms


def get_user(user: UserId) -> User:
    """Return the row of an account.

    :raise UnknownUser: there is no such account
    """
    row = read_session().get(User, user)
    if row is None:
        raise UnknownUser(user)
    return row


def find_by_identifier(key: str) -> User | None:
    """Return the account with exactly this e-mail address or phone number.

    The result is compared again in Python: MySQL's collation takes é for e and would return the wrong account.
    """
    column = User.email if is_email(key) else User.phone
    candidates = read_session().scalars(select(User).where(column == key))
    return next((user for user in candidates if _has(user, key)), None)


def _has(user: User, key: str) -> bool:
    return (user.email if is_email(key) else user.phone) == key


def is_verified(user: User, key: str) -> bool:
    """Whether the account verified this kind of address, e-mail or phone, by a code."""
    return (user.email_verified_at if is_email(key) else user.phone_verified_at) is not None


def has_proved(user: int, email: str) -> bool:
    """Whether an account verified this e-mail address as its own."""
    row = read_session().get(User, user)
    return row is not None and row.email_verified_at is not None and row.email == normalize_email(email)


def code_recipient(user: User) -> str | None:
    """The address for an account's codes: verified e-mail, verified phone, then unverified e-mail; None without any."""
    verified_phone = user.phone if user.phone_verified_at and sms.is_available() else None
    return (user.email if user.email_verified_at else None) or verified_phone or user.email


def release_unverified(session: Session, key: str, *, but: UserId | None = None) -> None:
    """Remove an address from accounts that have it unverified, because somebody else verified it.

    Such an account may have been opened in the hope that the address's owner would use it (pre-hijacking). Its sessions
    are ended, and none of its data is passed to the owner.

    :param but: the account that verified the address
    """
    column = User.email if is_email(key) else User.phone
    verified_at = User.email_verified_at if is_email(key) else User.phone_verified_at
    for user in session.scalars(select(User).where(column == key, verified_at.is_(None))):
        if user.id == but or not _has(user, key):
            continue
        session.execute(update(User).where(User.id == user.id, verified_at.is_(None)).values({column: None}))
        session.execute(revoke_statement(UserId(user.id)))
        session.expire(user)


def delete_sign_up(session: Session, key: str) -> None:
    """Delete unfinished sign-ups of an e-mail address that an account has now."""
    for sign_up in session.scalars(select(SignUp).where(SignUp.email == key)):
        session.delete(session.get_one(User, sign_up.user_id))


def notify_owner(session: Session, user: User, what: str) -> None:
    """Enqueue an e-mail that informs the owner about a change of their credentials.

    Call it before the account's address is changed. To an address that nobody proved nothing is sent: it may be a
    stranger's.

    :param what: key of `changes` in `templates/sign_in/_messages.html`
    """
    if user.email is not None and user.email_verified_at is not None:
        payload = {"user": user.id, "to": user.email, "what": what}
        outbox.publish(session, Message, ACCOUNT_CHANGED, f"{ACCOUNT_CHANGED}/{uuid.uuid4()}", payload)


def require_sms(key: str) -> None:
    """Check that a code can be delivered to an address.

    :raise NoTextMessages: it is a phone number, and this shop has no SMS transport
    """
    if not is_email(key) and not sms.is_available():
        raise NoTextMessages
