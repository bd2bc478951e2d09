"""Sessions of accounts, stored in the database so that they can be revoked; cookies and bearer tokens refer to them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, delete, select, update
from sqlalchemy.orm import Session

from storefront.accounts.models import User, UserSession
from storefront.accounts.values import Account, Role, SessionView, SignedIn, UserId
from storefront.core.clock import utc_now
from storefront.db.prepared import prepared
from storefront.db.session import read_session, retry_on_deadlock, transaction

# The legacy client shows no sign-in page: a session must outlast a working day (contract/angular-api.md 5.3).
IDLE_TIMEOUT = timedelta(hours=24)
MAX_LIFETIME = timedelta(days=14)
TOUCH_INTERVAL = timedelta(minutes=5)  # precision of the time of last use
RETENTION = timedelta(days=30)  # of rows, after the last use
PENDING_LIFETIME = timedelta(minutes=10)  # from the right password to the code of the second factor


def hash_reference(reference: str) -> str:
    """Hash what a cookie holds, 256 random bits, for the table: it needs neither a salt nor a slow hash."""
    return hashlib.sha256(reference.encode(errors="replace")).hexdigest()


def account_of(user: User) -> Account:
    """Convert a row to the public value."""
    return Account(
        id=UserId(user.id),
        email=user.email,
        phone=user.phone,
        name=user.name,
        avatar=user.avatar,
        mfa_enabled=user.mfa_enabled,
        role=Role(user.role),
        has_password=user.password is not None,
        has_verified_email=user.email_verified_at is not None,
        created_at=user.created_at,
        has_verified_phone=user.phone_verified_at is not None,
    )


@retry_on_deadlock
def open_session(user: UserId, device: str = "", *, second_factor: bool = False) -> str:
    """Start a session.

    :param device: browser and system, as shown to the owner
    :param second_factor: whether a second factor was used
    :return: the session reference, 256 random bits
    """
    reference, now = secrets.token_urlsafe(32), utc_now()
    with transaction("accounts") as session:
        session.add(
            UserSession(
                reference=hash_reference(reference),
                user_id=user,
                device=device[:160],
                has_second_factor=second_factor,
                created_at=now,
                seen_at=now,
                expires_at=now + MAX_LIFETIME,
            )
        )
    return reference


@retry_on_deadlock
def open_pending_sign_in(user: UserId) -> str:
    """Note that the password was right and the code of the second factor is awaited. It ends like every session.

    :return: a reference, 256 random bits, which proves this and signs nobody in
    """
    reference, now = secrets.token_urlsafe(32), utc_now()
    with transaction("accounts") as session:
        row = UserSession(
            reference=hash_reference(reference), user_id=user, is_pending=True, created_at=now, seen_at=now
        )
        row.expires_at = now + PENDING_LIFETIME
        session.add(row)
    return reference


def find_pending_sign_in(reference: str) -> UserId | None:
    """Return the account whose code is awaited; None when it ended: by a new password, for instance."""
    user = read_session().scalar(
        select(UserSession.user_id).where(
            UserSession.reference == hash_reference(reference),
            UserSession.is_pending.is_(True),
            UserSession.ended_at.is_(None),
            UserSession.expires_at > utc_now(),
        )
    )
    return UserId(user) if user is not None else None


def _active(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return _active_at(now, now - IDLE_TIMEOUT)


def _active_at(now: Any, idle_since: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        UserSession.is_pending.is_(False),
        UserSession.ended_at.is_(None),
        UserSession.expires_at > now,
        UserSession.seen_at > idle_since,
    )


@prepared
def _session_of(hashed: Any, now: Any, idle_since: Any) -> Select[User, datetime, datetime, bool]:
    return (
        select(User, UserSession.seen_at, UserSession.created_at, UserSession.has_second_factor)
        .join(UserSession, UserSession.user_id == User.id)
        .where(UserSession.reference == hashed, *_active_at(now, idle_since))
    )


def find_session(reference: str) -> tuple[SignedIn, bool] | None:
    """Return the session of a reference and whether `touch` is due; None when it ended or does not exist."""
    now = utc_now()
    found = _session_of(hash_reference(reference), now, now - IDLE_TIMEOUT)
    row = read_session().execute(*found).one_or_none()
    if row is None:
        return None
    user, seen_at, began_at, has_second_factor = row
    return SignedIn(reference, account_of(user), began_at, has_second_factor), seen_at < now - TOUCH_INTERVAL


@retry_on_deadlock
def touch(reference: str) -> None:
    """Update a session's time of last use."""
    now = utc_now()
    with transaction("accounts") as session:
        session.execute(
            update(UserSession)
            .where(UserSession.reference == hash_reference(reference), *_active(now))
            .values(seen_at=now)
        )


@retry_on_deadlock
def end_session(reference: str) -> None:
    """End a session. Its cookie and its bearer tokens are no longer accepted."""
    with transaction("accounts") as session:
        session.execute(
            update(UserSession)
            .where(UserSession.reference == hash_reference(reference), UserSession.ended_at.is_(None))
            .values(ended_at=utc_now())
        )


def revoke_statement(user: UserId, *, but: str | None = None) -> Update:
    """The statement that ends all sessions of an account, to be run in the caller's transaction.

    :param but: reference of a session to keep
    """
    statement = update(UserSession).where(UserSession.user_id == user, UserSession.ended_at.is_(None))
    if but is not None:
        statement = statement.where(UserSession.reference != hash_reference(but))
    return statement.values(ended_at=utc_now())


def renew(session: Session, reference: str) -> str:
    """Have a session go on under a new reference, in the caller's transaction: copies of its cookie are nobody's.

    :return: the new reference, 256 random bits
    """
    new = secrets.token_urlsafe(32)
    session.execute(
        update(UserSession)
        .where(UserSession.reference == hash_reference(reference))
        .values(reference=hash_reference(new))
    )
    return new


@retry_on_deadlock
def end_other_sessions(user: UserId, current: str) -> str:
    """End all sessions of an account but one, which goes on under a new reference.

    :param current: reference of the session to keep
    :return: its new reference
    """
    with transaction("accounts") as session:
        session.execute(revoke_statement(user, but=current))
        return renew(session, current)


@retry_on_deadlock
def end_sessions_of(user: UserId, *, only: int | None = None) -> None:
    """End the sessions of an account.

    :param only: id of the one session to end, as in `SessionView`
    """
    statement = revoke_statement(user)
    with transaction("accounts") as session:
        session.execute(statement if only is None else statement.where(UserSession.id == only))


def sessions_of(user: UserId, current: str) -> list[SessionView]:
    """The active sessions of an account, last used first.

    :param current: reference of the session that makes the request
    """
    query = select(UserSession).where(UserSession.user_id == user, *_active(utc_now()))
    return [
        SessionView(row.id, row.device, row.created_at, row.seen_at, row.reference == hash_reference(current))
        for row in read_session().scalars(query.order_by(UserSession.seen_at.desc()))
    ]


@retry_on_deadlock
def forget_ended() -> None:
    """Delete sessions not used within `RETENTION`. Run by the worker."""
    before = utc_now() - RETENTION
    with transaction("accounts") as session:
        session.execute(delete(UserSession).where(UserSession.seen_at < before))
