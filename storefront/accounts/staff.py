"""Staff accounts and their roles, and the audit log of actions on accounts.

A new role takes effect at the next sign-in, which requires a second factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

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
from storefront.db.audit_log import MAX_SUBJECT_LENGTH, AuditEntryView, AuditQuery
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

COMMAND_LINE = "command line"  # actor of audit log entries made by CLI commands
READ = "customer data read"  # what of the entries of `record_read`
READ_INTERVAL = timedelta(hours=1)


def create_staff(email: str, name: str, role: Role, password: str, *, actor: str = COMMAND_LINE) -> Account:
    """Create a staff account. The e-mail address counts as verified.

    :param email: as `contact.normalize_email` returns it
    :raise EmailTaken: the address has an account
    :raise WeakPassword: the password is not accepted
    """
    password_hash = passwords.hash_new_password(password)
    try:
        return _create(email, name, role, password_hash, actor)
    except IntegrityError as error:
        raise EmailTaken from error


@retry_on_deadlock
def _create(email: str, name: str, role: Role, password_hash: str, actor: str) -> Account:
    now = utc_now()
    with transaction("accounts") as session:
        identifiers.delete_sign_up(session, email)
        user = User(email=email, name=name, role=role, password=password_hash, email_verified_at=now, created_at=now)
        session.add(user)
        session.flush()
        audit_log.record(session, AuditEntry, actor=actor, what="account opened", subject=email, detail=f"as {role}")
        return account_of(user)


def staff_members() -> list[Account]:
    """All accounts with a staff role, ordered by e-mail address."""
    members = select(User).where(User.role != Role.CUSTOMER).order_by(User.email)
    return [account_of(user) for user in read_session().scalars(members)]


@retry_on_deadlock
def set_role(email: str, role: Role, *, actor: str = COMMAND_LINE) -> Account:
    """Change the role of an account and end its sessions, since staff rights require a sign-in with a second factor.

    :raise UnknownUser: the e-mail address has no account
    :raise NoProvedAddress: the account's e-mail address is not verified
    :raise LastAdmin: the account is the only admin
    """
    with transaction("accounts") as session:
        user = session.scalar(select(User).where(User.email == email).with_for_update())
        if user is None or user.email != email:
            raise UnknownUser(email)
        if role.is_staff and user.email_verified_at is None:
            raise NoProvedAddress
        if role is not Role.ADMIN:
            ensure_admin_remains(session, user)
        if user.role != role:
            detail = f"from {user.role} to {role}"
            audit_log.record(session, AuditEntry, actor=actor, what="role", subject=email, detail=detail)
        user.role = role
        session.execute(revoke_statement(UserId(user.id)))
        return account_of(user)


def ensure_admin_remains(session: Session, leaving: User) -> None:
    """Check, in the caller's transaction, that an admin remains when an account is deleted or loses the role.

    :raise LastAdmin: the account is the only admin
    """
    if leaving.role != Role.ADMIN:
        return
    # Locks all admins in the same order: of two who leave at the same time the second waits, and is refused.
    admins = select(User.id).where(User.role == Role.ADMIN).order_by(User.id).with_for_update()
    if not set(session.scalars(admins)) - {leaving.id}:
        raise LastAdmin(leaving.id)


@retry_on_deadlock
def sign_out_everywhere(user: UserId, *, actor: str, may_be_staff: bool) -> bool:
    """End all sessions of an account on behalf of the staff, and record it in the audit log.

    :param actor: e-mail address of the member of the staff
    :param may_be_staff: whether the account may be a staff account; only admins may end their sessions
    :return: whether the account had any sessions
    :raise UnknownUser: there is no such account
    :raise IsStaff: it is a staff account, and `may_be_staff` is False
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
    """Record an action in a schema without an audit log of its own (checkout, payments).

    A transaction writes to one schema, so this is a separate one. Call it before the action: an entry for an action
    that then fails is better than an action without an entry.

    :param what: the action, in words
    :param subject: what it was done to
    """
    with transaction("accounts") as session:
        audit_log.record(session, AuditEntry, actor=actor, what=what, subject=subject, detail=detail)


def record_read(*, actor: str, subject: str, detail: str) -> None:
    """Record that staff read a customer's data; the same reader and subject are recorded once in `READ_INTERVAL`.

    :param subject: whose or which data
    """
    subject = subject[:MAX_SUBJECT_LENGTH]
    recent = select(AuditEntry.id).where(
        AuditEntry.actor == actor,
        AuditEntry.subject == subject,
        AuditEntry.what == READ,
        AuditEntry.at > utc_now() - READ_INTERVAL,
    )
    if read_session().scalar(recent.limit(1)) is None:
        record_audit(actor=actor, what=READ, subject=subject, detail=detail)


def audit_entries(criteria: AuditQuery, count: int) -> Iterator[AuditEntryView]:
    """Audit log entries of the accounts schema, latest first.

    :param count: at most so many
    """
    return audit_log.entries(AuditEntry, criteria, count)
