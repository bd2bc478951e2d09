"""Whose an address is, as the other chapters of the accounts ask: exactly that one, and whether it was proved."""

from __future__ import annotations

import uuid

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storefront.accounts.events import ACCOUNT_CHANGED
from storefront.accounts.models import Message, SignUp, User
from storefront.accounts.sessions import revoke_statement
from storefront.accounts.values import NoTextMessages, UnknownUser, UserId
from storefront.core.contact import is_email
from storefront.db import outbox
from storefront.db.session import read_session
from storefront.messaging import sms


def get_user(user: UserId) -> User:
    """The row of an account as it stands.

    :raise UnknownUser: there is none
    """
    row = read_session().get(User, user)
    if row is None:
        raise UnknownUser(user)
    return row


def find_by_identifier(key: str) -> User | None:
    """The account that has an address. Exactly that one: MySQL takes é for e, and would hand out the wrong account."""
    column = User.email if is_email(key) else User.phone
    found = read_session().scalars(select(User).where(column == key))
    return next((user for user in found if _has(user, key)), None)


def _has(user: User, key: str) -> bool:
    return (user.email if is_email(key) else user.phone) == key


def is_proved(user: User, key: str) -> bool:
    """Whether the account that has this address showed that it is its own."""
    return (user.email_verified_at if is_email(key) else user.phone_verified_at) is not None


def code_recipient(user: User) -> str | None:
    """Where a code for somebody goes: what they proved to be theirs comes first."""
    proved_phone = user.phone if user.phone_verified_at and sms.is_available() else None
    return (user.email if user.email_verified_at else None) or proved_phone or user.email


def release_unverified(session: Session, key: str, *, but: UserId | None = None) -> None:
    """Take an address from whoever claimed it without proof, now that somebody proved that it is theirs.

    Who claimed it may have wanted to wait in an account that its owner takes for their own: they are signed out, and
    the owner gets nothing of what they left.
    """
    column = User.email if is_email(key) else User.phone
    proof = User.email_verified_at if is_email(key) else User.phone_verified_at
    for user in session.scalars(select(User).where(column == key, proof.is_(None))):
        if user.id == but or not _has(user, key):
            continue
        session.execute(update(User).where(User.id == user.id, proof.is_(None)).values({column: None}))
        session.execute(revoke_statement(UserId(user.id)))
        session.expire(user)


def forget_sign_up(session: Session, key: str) -> None:
    """Somebody has an account by this address now: an unfinished sign-up of it is nobody's any more."""
    waiting = session.scalars(select(SignUp).where(SignUp.email == key))
    for sign_up in waiting:
        session.delete(session.get_one(User, sign_up.user_id))


def notify_owner(session: Session, user: UserId, to: str | None, what: str) -> None:
    """Let the owner know that something they sign in by was changed.

    :param to: the address that hears of it; None: nobody can be told
    :param what: a key of the words in `templates/sign_in/email/changed.txt`
    """
    if to is not None and is_email(to):
        payload = {"user": user, "to": to, "what": what}
        outbox.publish(session, Message, ACCOUNT_CHANGED, f"{ACCOUNT_CHANGED}/{uuid.uuid4()}", payload)


def require_sms(key: str) -> None:
    """:raise NoTextMessages: it is a phone, and this shop sends no text messages"""
    if not is_email(key) and not sms.is_available():
        raise NoTextMessages
