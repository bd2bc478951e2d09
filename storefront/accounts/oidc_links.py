"""Sign-in at an OpenID Connect provider: which of our accounts is meant by an account there."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.accounts import identifiers
from storefront.accounts.authentication import grant_or_challenge
from storefront.accounts.models import Identity, User
from storefront.accounts.values import Account, EmailTaken, IdentityClaims, SecondFactorNeeded, UserId
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, transaction


def sign_in_by_identity(claims: IdentityClaims) -> Account | SecondFactorNeeded:
    """Whose account it is that signed in at a provider; the first time it is linked to one of ours, or opens one.

    It is linked by an e-mail address that both the provider and we saw proved. One that we did not is taken from the
    account that claims it, which may be waiting for its owner.

    :raise TooManyCodes: a second factor is needed, and too many codes were sent to this account
    :raise EmailTaken: the database takes the address for that of another account
    """
    for _ in ("the first time", "they came twice at the same moment"):
        with suppress(IntegrityError):
            return grant_or_challenge(_find(claims) or _arrive(claims))
    raise EmailTaken


def _find(claims: IdentityClaims) -> User | None:
    known = (
        select(User, Identity)
        .join(Identity, Identity.user_id == User.id)
        .where(Identity.issuer == claims.issuer, Identity.subject == claims.subject)
    )
    # Exactly that subject: MySQL would take another of like letters for it.
    return next((user for user, row in read_session().execute(known) if row.subject == claims.subject), None)


@retry_on_deadlock
def _arrive(claims: IdentityClaims) -> User:
    with transaction("accounts") as session:
        user = _proved_holder(session, claims.email)
        if user is None:
            user = _open(session, claims)
        else:
            identifiers.notify_owner(session, UserId(user.id), user.email, "identity")
        session.add(
            Identity(user_id=user.id, issuer=claims.issuer, subject=claims.subject, created_at=utc_now()),
        )
        session.flush()
    return user


def _proved_holder(session: Session, email: str | None) -> User | None:
    if email is None:
        return None
    found = session.scalars(select(User).where(User.email == email, User.email_verified_at.is_not(None)))
    return next((user for user in found if user.email == email), None)


def _open(session: Session, claims: IdentityClaims) -> User:
    now = utc_now()
    if claims.email is not None:
        identifiers.release_unverified(session, claims.email)
        identifiers.forget_sign_up(session, claims.email)
    user = User(
        name=claims.name,
        email=claims.email,
        email_verified_at=now if claims.email is not None else None,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user
