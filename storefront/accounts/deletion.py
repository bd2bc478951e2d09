"""What an account knows of its owner, handed over; and the account's end."""

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
from storefront.accounts.staff import keep_an_admin
from storefront.accounts.values import NoProvedAddress, Purpose, Role, UserId, WrongCode
from storefront.db import audit_log, outbox
from storefront.db.session import read_session, retry_on_deadlock, transaction


def export_of(user: UserId) -> dict[str, Any]:
    """Everything the accounts know of someone, ready for JSON but for its moments; no hash and no secret is in it.

    :raise UnknownUser: there is no such account
    """
    row = get_user(user)
    mine = select(UserSession).where(UserSession.user_id == user).order_by(UserSession.id)
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
            for one in read_session().scalars(mine)
        ],
    }


def send_deletion_code(user: UserId) -> str:
    """Send the code that deletes an account which has no password. :return: where it went

    :raise UnknownUser: there is no such account
    :raise NoProvedAddress: nowhere could a code be sent
    :raise TooManyCodes: one was sent a moment ago
    """
    row = get_user(user)
    address = code_recipient(row)
    if address is None:
        raise NoProvedAddress(user)
    one_time_codes.send(Purpose.DELETION, address, user=user)
    return address


def delete_account(user: UserId, *, password: str = "", code: str = "") -> None:
    """End an account: all it owns goes at once, and the other domains hear of it from the outbox.

    :param password: its own, where it has one
    :param code: of `send_deletion_code`, where it has none
    :raise WrongPassword: the password is another
    :raise WrongCode: the code is not the one that was sent
    :raise CodeExpired: it was, too long ago
    :raise LastAdmin: nobody else could give rights to the staff
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
    """Its sessions, addresses, ways to pay, wishes and picture go with the row of the user."""
    with transaction("accounts") as session:
        row = session.scalar(select(User).where(User.id == user).with_for_update())
        if row is None:
            return  # a second click came first
        keep_an_admin(session, row)
        if Role(row.role).is_staff:
            who = row.email or f"account {user}"
            audit_log.record(
                session, AuditEntry, actor=who, what="account deleted", subject=who, detail=f"was {row.role}"
            )
        sent = delete(OneTimeCode).where(OneTimeCode.user_id == user)
        session.execute(sent)
        if row.email and row.email_verified_at:
            asked = delete(StockNotice).where(StockNotice.email == row.email)
            session.execute(asked)
        outbox.publish(session, Message, ACCOUNT_DELETED, f"{ACCOUNT_DELETED}/{user}", {"user": user})
        session.execute(delete(User).where(User.id == user))
        session.expunge(row)
