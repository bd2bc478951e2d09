"""One-time codes: six digits, five minutes, five tries, used once; a hundred wrong ones a day for one address.

A code is not kept: it is made from a random seed in its row and the shop's secret key, by who sends it and by who
checks it, as RFC 4226 makes its own. Whoever reads the database alone cannot tell it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from storefront.accounts.events import CODE_SENT
from storefront.accounts.models import Message, OneTimeCode
from storefront.accounts.values import CodeExpired, Purpose, TooManyCodes, UserId, WrongCode
from storefront.core.clock import utc_now
from storefront.core.security_log import SecurityEvent, security_event
from storefront.db import outbox
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

DIGITS = 6
LIFETIME = timedelta(minutes=5)
TRIES = 5
PAUSE = timedelta(seconds=60)  # until the next may be asked for
WINDOW = timedelta(minutes=10)
MAX_IN_WINDOW = 3  # letters to one address; reliability.md B13
KEPT = timedelta(days=1)
# Wrong ones for one address while its codes are kept. Without this bound, letter upon letter would give two thousand
# tries a day: one account in 500 would be taken over on each day of patient guessing.
MAX_GUESSES = 100
# Sent only to who knows a password: strangers must not use up what the owner needs to sign in.
PROTECTED = frozenset({Purpose.SIGN_IN})


@dataclass(frozen=True, slots=True)
class SentCode:
    """A code as it goes into a letter, or as it was found right.

    :ivar user: whose it is, None of nobody yet
    """

    id: int
    purpose: Purpose
    address: str
    user: UserId | None
    payload: Mapping[str, Any]
    digits: str

    @property
    def reason(self) -> str:
        """What it is for, as letters say it: its purpose, or "proof" that the owner of an account asks."""
        return "proof" if self.payload.get("is_proof") else self.purpose


def _digits(row: OneTimeCode) -> str:
    about = f"{row.purpose}\n{row.address}\n{row.seed}".encode()
    key = hashlib.sha256(b"one-time codes\n" + current_app.config["SECRET_KEY"].encode()).digest()
    number = int.from_bytes(hmac.digest(key, about, "sha256")[:8])
    return f"{number % 10**DIGITS:0{DIGITS}}"


def _passed(row: OneTimeCode) -> SentCode:
    user = UserId(row.user_id) if row.user_id is not None else None
    return SentCode(row.id, Purpose(row.purpose), row.address, user, row.payload, _digits(row))


@retry_on_deadlock
def send(
    purpose: Purpose, address: str, *, user: UserId | None = None, payload: Mapping[str, Any] | None = None
) -> None:
    """Send a code, for mail or SMS by the form of the address; the ones sent before for the same purpose are dead.

    :raise TooManyCodes: one was sent a moment ago, or three within ten minutes
    """
    now = utc_now()
    with transaction("accounts") as session:
        _refuse_too_many(session, purpose, address)
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
        # Not by its id: SQLite gives the ids of deleted rows again, and the letter's key must be new each time.
        outbox.publish(session, Message, CODE_SENT, f"{CODE_SENT}/{uuid.uuid4()}", {"code": row.id})


def _refuse_too_many(session: Session, purpose: Purpose, address: str) -> None:
    """Counted over all purposes that strangers can have: it is the inbox that is protected; the pause is of each."""
    now = utc_now()
    together = {purpose} if purpose in PROTECTED else set(Purpose) - PROTECTED
    is_recent, was_guessed = OneTimeCode.created_at > now - WINDOW, OneTimeCode.attempts > 0
    sent = select(
        func.count(case((is_recent, 1))),
        func.min(case((is_recent, OneTimeCode.created_at))),
        func.coalesce(func.sum(OneTimeCode.attempts), 0),
        func.min(case((was_guessed, OneTimeCode.created_at))),
    ).where(
        OneTimeCode.address == address, OneTimeCode.purpose.in_(sorted(together)), OneTimeCode.created_at > now - KEPT
    )
    count, first, guesses, first_guessed = session.execute(sent).one()
    if guesses >= MAX_GUESSES:
        raise TooManyCodes(max(1, int((first_guessed + KEPT - now).total_seconds())))
    if count >= MAX_IN_WINDOW:
        raise TooManyCodes(max(1, int((first + WINDOW - now).total_seconds())))
    last = session.scalar(
        select(func.max(OneTimeCode.created_at)).where(
            OneTimeCode.address == address, OneTimeCode.purpose == purpose, OneTimeCode.created_at > now - PAUSE
        )
    )
    if last is not None:
        raise TooManyCodes(max(1, int((last + PAUSE - now).total_seconds())))


def find_last(purpose: Purpose, address: str) -> SentCode | None:
    """The code sent last, entered or not, expired or not; to send another in its place."""
    mine = select(OneTimeCode).where(OneTimeCode.address == address, OneTimeCode.purpose == purpose)
    row = read_session().scalar(mine.order_by(OneTimeCode.id.desc()).limit(1))
    return _passed(row) if row is not None else None


def was_just_sent(purpose: Purpose, address: str, user: UserId) -> bool:
    """Whether a code of theirs was sent a moment ago and can still be entered: no other need be sent."""
    waiting = select(OneTimeCode.id).where(
        OneTimeCode.address == address,
        OneTimeCode.purpose == purpose,
        OneTimeCode.user_id == user,
        OneTimeCode.used_at.is_(None),
        OneTimeCode.attempts < TRIES,
        OneTimeCode.created_at > utc_now() - PAUSE,
    )
    return read_session().scalar(waiting.limit(1)) is not None


def find_sent(code: int) -> SentCode | None:
    """A code that can still be entered, for the letter that brings it."""
    row = read_session().get(OneTimeCode, code)
    return _passed(row) if row is not None and row.used_at is None and row.expires_at > utc_now() else None


def verify(purpose: Purpose, address: str, digits: str, *, account: UserId | None = None) -> SentCode:
    """Enter a code: right, it is used up; wrong, a try is gone.

    :param account: whose code is asked for, where nobody is signed in yet; it is written down when it was wrong
    :raise WrongCode: it is not the one sent last, or was used, or tried too often
    :raise CodeExpired: it was right, too late
    """
    try:
        return _use(purpose, address, digits)
    except (WrongCode, CodeExpired) as failure:
        security_event(SecurityEvent.CODE_REFUSED, account=account, purpose=purpose, reason=type(failure).__name__)
        raise


@retry_on_deadlock
def _use(purpose: Purpose, address: str, digits: str) -> SentCode:
    failure: WrongCode | CodeExpired
    with transaction("accounts") as session:
        waiting = select(OneTimeCode).where(
            OneTimeCode.address == address, OneTimeCode.purpose == purpose, OneTimeCode.used_at.is_(None)
        )
        row = session.scalars(waiting.order_by(OneTimeCode.id.desc()).limit(1)).one_or_none()
        if row is None or not _take_a_try(session, row.id):
            raise WrongCode
        if hmac.compare_digest(_digits(row).encode(), digits.strip().encode()):
            if row.expires_at > utc_now():
                session.execute(
                    update(OneTimeCode).where(OneTimeCode.id == row.id).values(used_at=utc_now(), attempts=0)
                )
                return _passed(row)
            failure = CodeExpired()
        else:
            failure = WrongCode()
    raise failure  # the try stays taken: the transaction above was committed


def _take_a_try(session: Session, code: int) -> bool:
    """Before looking: guesses sent at the same time cannot share one."""
    taken = session.execute(
        update(OneTimeCode)
        .where(OneTimeCode.id == code, OneTimeCode.attempts < TRIES, OneTimeCode.used_at.is_(None))
        .values(attempts=OneTimeCode.attempts + 1)
    )
    return rows_changed(taken) == 1


def forget_sign_ins(session: Session, user: UserId) -> None:
    """Within the caller's transaction: who got into the way of somebody's sign-in does so no more, for their password
    is another now.
    """
    mine = delete(OneTimeCode).where(OneTimeCode.user_id == user, OneTimeCode.purpose == Purpose.SIGN_IN)
    session.execute(mine)


@retry_on_deadlock
def purge() -> None:
    """Delete the rows of codes that nobody can enter any more; the worker asks for it."""
    with transaction("accounts") as session:
        session.execute(delete(OneTimeCode).where(OneTimeCode.created_at < utc_now() - KEPT))
