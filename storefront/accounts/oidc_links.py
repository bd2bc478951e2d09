"""Accounts for users who sign in at an OpenID Connect provider: found by link, linked by e-mail, or created."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.accounts import identifiers
from storefront.accounts.authentication import grant_or_challenge
from storefront.accounts.models import Identity, User
from storefront.accounts.values import Account, EmailTaken, IdentityClaims, SecondFactorNeeded
from storefront.core.clock import utc_now
from storefront.core.text import or_blank
from storefront.db.session import read_session, retry_on_deadlock, transaction


def sign_in_by_identity(claims: IdentityClaims) -> Account | SecondFactorNeeded:
    """Sign in a provider's user. At their first sign-in an account is linked to them, or created.

    An existing account is linked only if both the provider and this shop verified its e-mail address. An account that
    has the address unverified loses it: it may have been opened by somebody else.

    :return: the account, or the pending second factor
    :raise TooManyCodes: a second factor is required, and too many codes were sent to this account
    :raise EmailTaken: the database's collation takes the address for that of another account
    """
    for _ in range(2):  # a concurrent sign-in may insert the same link first; the second run finds it
        with suppress(IntegrityError):
            return grant_or_challenge(_find(claims) or _link_or_create(claims))
    raise EmailTaken


def _find(claims: IdentityClaims) -> User | None:
    linked = (
        select(User, Identity)
        .join(Identity, Identity.user_id == User.id)
        .where(Identity.issuer == claims.issuer, Identity.subject == claims.subject)
    )
    # Compared again in Python: MySQL's collation takes subjects that differ in case for the same.
    return next((user for user, row in read_session().execute(linked) if row.subject == claims.subject), None)


@retry_on_deadlock
def _link_or_create(claims: IdentityClaims) -> User:
    with transaction("accounts") as session:
        user = _verified_owner(session, claims.email)
        if user is None:
            user = _create_account(session, claims)
        else:
            identifiers.notify_owner(session, user, "identity")
        session.add(
            Identity(user_id=user.id, issuer=claims.issuer, subject=claims.subject, created_at=utc_now()),
        )
        session.flush()
    return user


def _verified_owner(session: Session, email: str | None) -> User | None:
    if email is None:
        return None
    owners = session.scalars(select(User).where(User.email == email, User.email_verified_at.is_not(None)))
    return next((user for user in owners if user.email == email), None)


def _create_account(session: Session, claims: IdentityClaims) -> User:
    now = utc_now()
    if claims.email is not None:
        identifiers.release_unverified(session, claims.email)
        identifiers.delete_sign_up(session, claims.email)
    user = User(
        name=or_blank(claims.name or "") or None,
        email=claims.email,
        email_verified_at=now if claims.email is not None else None,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user
