"""One-time codes: six digits, valid for five minutes, single use, five attempts; 100 wrong attempts a day per address.

Codes are not stored. They are derived from a random seed in the row and the shop's secret key, in the manner of
RFC 4226 (HOTP), when they are sent and when they are verified. The database alone does not reveal them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from storefront.accounts.events import CODE_SENT
from storefront.accounts.mail_limits import Window
from storefront.accounts.models import Message, OneTimeCode
from storefront.accounts.values import CodeExpired, Purpose, TooManyCodes, UserId, WrongCode
from storefront.core.clock import utc_now
from storefront.core.security_log import SecurityEvent, security_event
from storefront.db import outbox
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

DIGITS = 6
LIFETIME = timedelta(minutes=5)
MAX_ATTEMPTS = 5
RESEND_INTERVAL = timedelta(seconds=60)  # between two codes for one address and purpose
# Codes to one address: reliability.md B13; contract/angular-api.md 2.3, at most five an hour.
WINDOWS = (Window(timedelta(minutes=10), 3), Window(timedelta(hours=1), 5), Window(timedelta(days=1), 30))
PROTECTED_WINDOWS = (Window(timedelta(minutes=10), 3), Window(timedelta(days=1), 100))
RETENTION = timedelta(days=1)
# Wrong attempts for one address within `RETENTION`. Without this limit, requesting code after code would allow 2,000
# attempts a day, and one account in 500 could be taken over per day.
MAX_GUESSES = 100
# Sent only after a correct password, and counted separately: strangers must not exhaust the limit the owner needs.
PROTECTED = frozenset({Purpose.SIGN_IN})


@dataclass(frozen=True, slots=True)
class SentCode:
    """A code that was sent.

    :ivar user: the account it was sent for; None: no account exists yet
    :ivar payload: data stored with it by the sender
    :ivar digits: the code itself
    """

    id: int
    purpose: Purpose
    address: str
    user: UserId | None
    payload: Mapping[str, Any]
    digits: str

    @property
    def reason(self) -> str:
        """Key of the message texts: its purpose, or "proof" for the reauthentication of an account's owner."""
        return "proof" if self.payload.get("is_proof") else self.purpose


def _digits(row: OneTimeCode) -> str:
    message = f"{row.purpose}\n{row.address}\n{row.seed}".encode()
    key = hashlib.sha256(b"one-time codes\n" + current_app.config["SECRET_KEY"].encode()).digest()
    number = int.from_bytes(hmac.digest(key, message, "sha256")[:8])
    return f"{number % 10**DIGITS:0{DIGITS}}"


def _to_sent_code(row: OneTimeCode) -> SentCode:
    user = UserId(row.user_id) if row.user_id is not None else None
    return SentCode(row.id, Purpose(row.purpose), row.address, user, row.payload, _digits(row))


@retry_on_deadlock
def send(
    purpose: Purpose, address: str, *, user: UserId | None = None, payload: Mapping[str, Any] | None = None
) -> None:
    """Send a code by e-mail or SMS, and invalidate the codes sent before to this address for the same purpose.

    :param address: e-mail address or phone number
    :param user: the account it is for; None: there is none
    :param payload: data to return when the code is verified
    :raise TooManyCodes: a code was sent within `RESEND_INTERVAL`, as many as `WINDOWS` allows were sent, or too many
        wrong codes were entered
    """
    now = utc_now()
    with transaction("accounts") as session:
        _check_limits(session, purpose, address)
        session.execute(
            update(OneTimeCode)
            .where(OneTimeCode.address == address, OneTimeCode.purpose == purpose, OneTimeCode.used_at.is_(None))
            .values(used_at=now)
        )
        row = OneTimeCode(
            purpose=purpose,
            address=address,
            user_id=user,
            seed=secrets.token_hex(16),
            payload=dict(payload or {}),
            created_at=now,
            expires_at=now + LIFETIME,
        )
        session.add(row)
        session.flush()
        # A random key rather than the row's id: SQLite reuses the ids of deleted rows, and outbox keys must be unique.
        outbox.publish(session, Message, CODE_SENT, f"{CODE_SENT}/{uuid.uuid4()}", {"code": row.id})


def _check_limits(session: Session, purpose: Purpose, address: str) -> None:
    """Apply the limits. They count all unprotected purposes together, since they protect the inbox from flooding;
    only the resend interval is counted per purpose.
    """
    now = utc_now()
    sent = session.execute(
        select(OneTimeCode.purpose, OneTimeCode.created_at, OneTimeCode.attempts)
        .where(OneTimeCode.address == address, OneTimeCode.created_at > now - RETENTION)
        .order_by(OneTimeCode.created_at)
    ).all()
    is_protected = purpose in PROTECTED
    counted = [row for row in sent if (row.purpose == purpose if is_protected else row.purpose not in PROTECTED)]
    guessed = [row for row in counted if row.attempts]
    if sum(row.attempts for row in guessed) >= MAX_GUESSES:
        raise _until(guessed[0].created_at + RETENTION)
    for window in PROTECTED_WINDOWS if is_protected else WINDOWS:
        within = [row.created_at for row in counted if row.created_at > now - window.span]
        if len(within) >= window.most:
            raise _until(within[-window.most] + window.span)
    last = max((row.created_at for row in sent if row.purpose == purpose), default=None)
    if last is not None and last > now - RESEND_INTERVAL:
        raise _until(last + RESEND_INTERVAL)


def _until(moment: datetime) -> TooManyCodes:
    return TooManyCodes(max(1, int((moment - utc_now()).total_seconds())))


def find_last(purpose: Purpose, address: str) -> SentCode | None:
    """The code sent last, used and expired ones included."""
    query = select(OneTimeCode).where(OneTimeCode.address == address, OneTimeCode.purpose == purpose)
    row = read_session().scalar(query.order_by(OneTimeCode.id.desc()).limit(1))
    return _to_sent_code(row) if row is not None else None


def was_just_sent(purpose: Purpose, address: str, user: UserId) -> bool:
    """Whether a code for this account was sent within `RESEND_INTERVAL` and can still be used."""
    usable = select(OneTimeCode.id).where(
        OneTimeCode.address == address,
        OneTimeCode.purpose == purpose,
        OneTimeCode.user_id == user,
        OneTimeCode.used_at.is_(None),
        OneTimeCode.attempts < MAX_ATTEMPTS,
        OneTimeCode.created_at > utc_now() - RESEND_INTERVAL,
    )
    return read_session().scalar(usable.limit(1)) is not None


def find_sent(code: int) -> SentCode | None:
    """Return a code that can still be used, for the message that delivers it; None otherwise."""
    row = read_session().get(OneTimeCode, code)
    return _to_sent_code(row) if row is not None and row.used_at is None and row.expires_at > utc_now() else None


def verify(purpose: Purpose, address: str, digits: str, *, account: UserId | None = None) -> SentCode:
    """Verify a code. A correct code is used up, a wrong one counts as an attempt.

    :param account: the account being signed in to, for the security log
    :raise WrongCode: it is not the code sent last, was used already, or had too many attempts
    :raise CodeExpired: it is correct but its lifetime is over
    """
    try:
        return _verify(purpose, address, digits)
    except (WrongCode, CodeExpired) as failure:
        security_event(SecurityEvent.CODE_REFUSED, account=account, purpose=purpose, reason=type(failure).__name__)
        raise


@retry_on_deadlock
def _verify(purpose: Purpose, address: str, digits: str) -> SentCode:
    failure: WrongCode | CodeExpired
    with transaction("accounts") as session:
        usable = select(OneTimeCode).where(
            OneTimeCode.address == address, OneTimeCode.purpose == purpose, OneTimeCode.used_at.is_(None)
        )
        row = session.scalars(usable.order_by(OneTimeCode.id.desc()).limit(1)).one_or_none()
        if row is None or not _count_attempt(session, row.id):
            raise WrongCode
        if hmac.compare_digest(_digits(row).encode(), digits.strip().encode()):
            if row.expires_at > utc_now():
                session.execute(
                    update(OneTimeCode).where(OneTimeCode.id == row.id).values(used_at=utc_now(), attempts=0)
                )
                return _to_sent_code(row)
            failure = CodeExpired()
        else:
            failure = WrongCode()
    raise failure  # after the commit, so that the attempt stays counted


def _count_attempt(session: Session, code: int) -> bool:
    # Conditional update before the comparison: concurrent guesses cannot share an attempt.
    counted = session.execute(
        update(OneTimeCode)
        .where(OneTimeCode.id == code, OneTimeCode.attempts < MAX_ATTEMPTS, OneTimeCode.used_at.is_(None))
        .values(attempts=OneTimeCode.attempts + 1)
    )
    return rows_changed(counted) == 1


def delete_sign_in_codes(session: Session, user: UserId) -> None:
    """Delete an account's sign-in codes in the caller's transaction.

    After a password change this resets the limits that somebody who knew the old password may have exhausted.
    """
    session.execute(delete(OneTimeCode).where(OneTimeCode.user_id == user, OneTimeCode.purpose == Purpose.SIGN_IN))


@retry_on_deadlock
def purge() -> None:
    """Delete codes older than `RETENTION`. Run by the worker."""
    with transaction("accounts") as session:
        session.execute(delete(OneTimeCode).where(OneTimeCode.created_at < utc_now() - RETENTION))
