"""Export of an account's data, and deletion of the account."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from storefront.accounts import one_time_codes
from storefront.accounts.addresses import addresses_of
from storefront.accounts.authentication import check_password
from storefront.accounts.events import ACCOUNT_DELETED
from storefront.accounts.identifiers import code_recipient, get_user
from storefront.accounts.models import AuditEntry, Identity, Message, OneTimeCode, StockNotice, User, UserSession
from storefront.accounts.payment_methods import methods_of
from storefront.accounts.staff import ensure_admin_remains
from storefront.accounts.values import NoProvedAddress, Purpose, Role, UserId, WrongCode
from storefront.db import audit_log, outbox
from storefront.db.session import read_session, retry_on_deadlock, transaction


def export_of(user: UserId) -> dict[str, Any]:
    """All data of an account in the accounts domain, without hashes and secrets.

    :return: JSON-like values, apart from datetimes and dataclasses
    :raise UnknownUser: there is no such account
    """
    row = get_user(user)
    signed_in = (UserSession.user_id == user, UserSession.is_pending.is_(False))
    sessions = select(UserSession).where(*signed_in).order_by(UserSession.id)
    identities = select(Identity).where(Identity.user_id == user).order_by(Identity.id)
    return {
        "account": {
            "id": row.id,
            "email": row.email,
            "email_verified_at": row.email_verified_at,
            "phone": row.phone,
            "phone_verified_at": row.phone_verified_at,
            "name": row.name,
            "avatar": row.avatar,
            "has_password": row.password is not None,
            "mfa_enabled": row.mfa_enabled,
            "created_at": row.created_at,
        },
        "identities": [{"issuer": one.issuer, "subject": one.subject} for one in read_session().scalars(identities)],
        "addresses": addresses_of(user),
        "payment_methods": methods_of(user),
        "sign_ins": [
            {
                "device": one.device,
                "created_at": one.created_at,
                "last_used_at": one.seen_at,
                "ended_at": one.ended_at,
            }
            for one in read_session().scalars(sessions)
        ],
    }


def send_deletion_code(user: UserId) -> str:
    """Send the code that confirms the deletion of an account without a password.

    :return: the address it was sent to
    :raise UnknownUser: there is no such account
    :raise NoProvedAddress: the account has no address to send a code to
    :raise TooManyCodes: the rate limit for codes is reached
    """
    row = get_user(user)
    address = code_recipient(row)
    if address is None:
        raise NoProvedAddress(user)
    one_time_codes.send(Purpose.DELETION, address, user=user)
    return address


def delete_account(user: UserId, *, password: str = "", code: str = "") -> None:
    """Delete an account and all its data at once. The other domains are notified through the outbox.

    :param password: the account's password, if it has one
    :param code: the code of `send_deletion_code`, if it has none
    :raise WrongPassword: the password is wrong
    :raise WrongCode: the code is not the one that was sent
    :raise CodeExpired: the code is correct but its lifetime is over
    :raise LastAdmin: the account is the only admin
    :raise UnknownUser: there is no such account
    """
    row = check_password(user, password)
    if row.password is None:
        sent = one_time_codes.verify(Purpose.DELETION, code_recipient(row) or "", code)
        if sent.user != user:
            raise WrongCode
    _delete(user)


@retry_on_deadlock
def _delete(user: UserId) -> None:
    # Sessions, addresses, payment methods, wishlist items and the avatar are deleted by ON DELETE CASCADE.
    with transaction("accounts") as session:
        row = session.scalar(select(User).where(User.id == user).with_for_update())
        if row is None:
            return  # a concurrent request deleted it
        ensure_admin_remains(session, row)
        if Role(row.role).is_staff:
            name = row.email or f"account {user}"
            audit_log.record(
                session, AuditEntry, actor=name, what="account deleted", subject=name, detail=f"was {row.role}"
            )
        session.execute(delete(OneTimeCode).where(OneTimeCode.user_id == user))
        if row.email and row.email_verified_at:
            session.execute(delete(StockNotice).where(StockNotice.email == row.email))
        outbox.publish(session, Message, ACCOUNT_DELETED, f"{ACCOUNT_DELETED}/{user}", {"user": user})
        session.execute(delete(User).where(User.id == user))
        session.expunge(row)
