"""Sign-ins as rows: a browser's cookie or a bearer token names one, and it can be ended from anywhere."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, delete, select, update

from storefront.accounts.models import User, UserSession
from storefront.accounts.values import Account, Role, SessionView, SignedIn, UserId
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, transaction

# The old client shows no sign-in page: a session must outlast a working day (contract/angular-api.md 5.3).
IDLE_END = timedelta(hours=24)
ABSOLUTE_END = timedelta(days=14)
SEEN_EVERY = timedelta(minutes=5)  # so exactly is a session's last use known
KEPT_AFTER_END = timedelta(days=30)


def _digest(reference: str) -> str:
    """256 random bits need no salt and no slow hash."""
    return hashlib.sha256(reference.encode()).hexdigest()


def account_of(user: User) -> Account:
    """A row as it passes the door."""
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
    """Begin a sign-in.

    :param device: the browser, in words
    :param second_factor: whether a code was entered beside the password
    :return: its reference, 256 random bits
    """
    reference, now = secrets.token_urlsafe(32), utc_now()
    with transaction("accounts") as session:
        session.add(
            UserSession(
                reference=_digest(reference),
                user_id=user,
                device=device[:160],
                has_second_factor=second_factor,
                created_at=now,
                seen_at=now,
                expires_at=now + ABSOLUTE_END,
            )
        )
    return reference


def _alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (UserSession.ended_at.is_(None), UserSession.expires_at > now, UserSession.seen_at > now - IDLE_END)


def find_session(reference: str) -> tuple[SignedIn, bool] | None:
    """Who is signed in by this reference, and whether `touch` is due; None when it ended or never was."""
    now = utc_now()
    found = (
        read_session()
        .execute(
            select(User, UserSession.seen_at, UserSession.created_at, UserSession.has_second_factor)
            .join(UserSession, UserSession.user_id == User.id)
            .where(UserSession.reference == _digest(reference), *_alive(now))
        )
        .one_or_none()
    )
    if found is None:
        return None
    user, seen_at, began_at, has_second_factor = found
    return SignedIn(reference, account_of(user), began_at, has_second_factor), seen_at < now - SEEN_EVERY


@retry_on_deadlock
def touch(reference: str) -> None:
    """Note that a session was used."""
    now = utc_now()
    with transaction("accounts") as session:
        session.execute(
            update(UserSession).where(UserSession.reference == _digest(reference), *_alive(now)).values(seen_at=now)
        )


@retry_on_deadlock
def end_session(reference: str) -> None:
    """Sign out: the cookie and every token of it are dead from now on."""
    with transaction("accounts") as session:
        session.execute(
            update(UserSession)
            .where(UserSession.reference == _digest(reference), UserSession.ended_at.is_(None))
            .values(ended_at=utc_now())
        )


def revoke_statement(user: UserId, *, but: str | None = None) -> Update:
    """The statement that signs an account out, for a transaction that does more.

    :param but: the one to keep
    """
    ending = update(UserSession).where(UserSession.user_id == user, UserSession.ended_at.is_(None))
    if but is not None:
        ending = ending.where(UserSession.reference != _digest(but))
    return ending.values(ended_at=utc_now())


@retry_on_deadlock
def end_sessions_of(user: UserId, *, but: str | None = None, only: int | None = None) -> None:
    """Sign an account out everywhere.

    :param but: reference of the one to keep
    :param only: id of the one to end, of `SessionView`
    """
    ending = revoke_statement(user, but=but)
    with transaction("accounts") as session:
        session.execute(ending if only is None else ending.where(UserSession.id == only))


def sessions_of(user: UserId, current: str) -> list[SessionView]:
    """The sign-ins that are alive, last used first.

    :param current: reference of the asker's own
    """
    mine = select(UserSession).where(UserSession.user_id == user, *_alive(utc_now()))
    return [
        SessionView(row.id, row.device, row.created_at, row.seen_at, row.reference == _digest(current))
        for row in read_session().scalars(mine.order_by(UserSession.seen_at.desc()))
    ]


@retry_on_deadlock
def forget_ended() -> None:
    """Delete the rows of sign-ins that ended long ago; the worker asks for it."""
    before = utc_now() - KEPT_AFTER_END
    with transaction("accounts") as session:
        session.execute(delete(UserSession).where(UserSession.seen_at < before))
