"""Who of the accounts is staff, and what they do to accounts.

Rights count from the next sign-in, with a second factor.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.accounts import identifiers, passwords
from storefront.accounts.models import AuditEntry, User
from storefront.accounts.sessions import account_of, revoke_statement
from storefront.accounts.values import (
    Account,
    EmailTaken,
    IsStaff,
    LastAdmin,
    NoProvedAddress,
    Role,
    UnknownUser,
    UserId,
)
from storefront.core.clock import utc_now
from storefront.db import audit_log
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

COMMAND_LINE = "command line"  # the actor of what whoever runs the shop does there


def create_staff(email: str, name: str, role: Role, password: str, *, actor: str = COMMAND_LINE) -> Account:
    """Open an account for somebody of the staff; whoever runs the shop vouches for the address.

    :param email: as `contact.email_key` makes it
    :raise EmailTaken: the address has an account
    :raise WeakPassword: the password is not accepted
    """
    kept = passwords.hashed(password)
    try:
        return _create(email, name, role, kept, actor)
    except IntegrityError as error:
        raise EmailTaken from error


@retry_on_deadlock
def _create(email: str, name: str, role: Role, kept: str, actor: str) -> Account:
    now = utc_now()
    with transaction("accounts") as session:
        identifiers.forget_sign_up(session, email)
        user = User(email=email, name=name, role=role, password=kept, email_verified_at=now, created_at=now)
        session.add(user)
        session.flush()
        audit_log.record(session, AuditEntry, actor=actor, what="account opened", subject=email, detail=f"as {role}")
        return account_of(user)


def staff_members() -> list[Account]:
    """Everybody with rights of staff, by e-mail address."""
    members = select(User).where(User.role != Role.CUSTOMER).order_by(User.email)
    return [account_of(user) for user in read_session().scalars(members)]


@retry_on_deadlock
def set_role(email: str, role: Role, *, actor: str = COMMAND_LINE) -> Account:
    """Give or take rights; the account signs in anew, for staff need a second factor.

    :raise UnknownUser: the address has no account
    :raise NoProvedAddress: it was never proved that the address is theirs
    :raise LastAdmin: nobody else could give rights any more
    """
    with transaction("accounts") as session:
        user = session.scalar(select(User).where(User.email == email).with_for_update())
        if user is None or user.email != email:
            raise UnknownUser(email)
        if role.is_staff and user.email_verified_at is None:
            raise NoProvedAddress
        if role is not Role.ADMIN:
            keep_an_admin(session, user)
        if user.role != role:
            detail = f"from {user.role} to {role}"
            audit_log.record(session, AuditEntry, actor=actor, what="role", subject=email, detail=detail)
        user.role = role
        session.execute(revoke_statement(UserId(user.id)))
        return account_of(user)


def keep_an_admin(session: Session, leaving: User) -> None:
    """Refuse to let the last admin go, within the transaction that would: two who go at once wait for each other.

    :raise LastAdmin: nobody else is one
    """
    if leaving.role != Role.ADMIN:
        return
    admins = select(User.id).where(User.role == Role.ADMIN).order_by(User.id).with_for_update()
    if not set(session.scalars(admins)) - {leaving.id}:
        raise LastAdmin(leaving.id)


@retry_on_deadlock
def sign_out_everywhere(user: UserId, *, actor: str, may_be_staff: bool) -> bool:
    """End every sign-in of an account, for staff ask for it.

    :param may_be_staff: whether the account may be one of the staff, which is for admins to decide
    :return: whether it was signed in anywhere
    :raise UnknownUser: there is no such account
    :raise IsStaff: it is one of the staff
    """
    with transaction("accounts") as session:
        row = session.get(User, user)
        if row is None:
            raise UnknownUser(user)
        if Role(row.role).is_staff and not may_be_staff:
            raise IsStaff(user)
        ended = rows_changed(session.execute(revoke_statement(user)))
        if ended:
            subject = row.email or row.phone or f"account {user}"
            audit_log.record(
                session, AuditEntry, actor=actor, what="signed out everywhere", subject=subject, detail=f"{ended} ended"
            )
        return ended > 0


@retry_on_deadlock
def record_audit(*, actor: str, what: str, subject: str, detail: str = "") -> None:
    """Note an act whose own schema keeps no trail (checkout, payments), in a transaction of its own before it is done:
    one transaction writes one schema, and an act that is noted and then fails is better than one that nobody noted.
    """
    with transaction("accounts") as session:
        audit_log.record(session, AuditEntry, actor=actor, what=what, subject=subject, detail=detail)


def audit_entries(criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """What the staff did to accounts, latest first.

    :param count: of them, at most
    """
    return audit_log.entries(AuditEntry, criteria, count)
