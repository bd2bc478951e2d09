"""Who wants to hear when a SKU is back. A notice is used up by its letter: whoever wants to hear again asks again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import String, cast, delete, exists, func, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.accounts.events import STOCK_NOTICE_DUE
from storefront.accounts.models import Message, StockNotice
from storefront.accounts.values import UserId
from storefront.core.clock import utc_now
from storefront.core.contact import normalize_email
from storefront.core.errors import NotFoundError
from storefront.db import outbox
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

MAX_WAITING = 30  # of one address: anybody may type it
TOLD_AT_ONCE = 50  # letters of one transaction


class UnknownNotice(NotFoundError):
    """No notice has this token: it never was, or was unsubscribed."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Who is told of what.

    :ivar token: lets whoever holds it unsubscribe the address
    """

    id: int
    email: str
    product_id: int
    sku: str
    token: str


def _notice(row: StockNotice) -> Notice:
    return Notice(row.id, row.email, row.product_id, row.variant, row.token)


def ask_for_notice(email: str, sku: str, product_id: int, *, user: UserId | None = None) -> None:
    """Write to an address once, when a SKU is back. Asked again while waiting, it is the same notice.

    Nothing is said of what was there before, nor that an address has asked for too much already.

    :param user: whose verified address it is; None: it was typed by a guest
    :raise contact.NotAnEmail: no letters can be sent there
    """
    with suppress(IntegrityError):  # the twin of a double click asked first
        _ask(normalize_email(email), sku, product_id, user)


@retry_on_deadlock
def _ask(email: str, sku: str, product_id: int, user: UserId | None) -> None:
    now = utc_now()
    with transaction("accounts") as session:
        row = session.scalar(select(StockNotice).where(StockNotice.email == email, StockNotice.variant == sku))
        if row is not None and row.told_at is None:
            row.user_id = row.user_id or user
            return
        waiting = select(func.count()).where(StockNotice.email == email, StockNotice.told_at.is_(None))
        if (session.scalar(waiting) or 0) >= MAX_WAITING:
            return
        if row is None:
            row = StockNotice(email=email, variant=sku, token=secrets.token_urlsafe(24))
            session.add(row)
        row.product_id, row.user_id, row.created_at, row.told_at = product_id, user, now, None


def alerts_of(user: UserId) -> frozenset[str]:
    """SKUs that an account waits for."""
    waiting = select(StockNotice.variant).where(StockNotice.user_id == user, StockNotice.told_at.is_(None))
    return frozenset(read_session().scalars(waiting))


@retry_on_deadlock
def enqueue_alerts(sku: str, occasion: str) -> int:
    """Post letters to those who wait longest for a SKU, at most `TOLD_AT_ONCE`.

    :param occasion: names the return of the goods: of one occasion a notice has one letter, however often this is asked
    :return: how many were posted; 0 when nobody waits any more
    """
    now = utc_now()
    with transaction("accounts") as session:
        posted = 0
        for notice in _untold(session, sku, occasion):
            told = update(StockNotice).where(StockNotice.id == notice, StockNotice.told_at.is_(None))
            done = session.execute(told.values(told_at=now))
            if rows_changed(done):
                key = _letter_key(notice, occasion)
                outbox.publish(session, Message, STOCK_NOTICE_DUE, key, {"notice": notice, "occasion": occasion})
                posted += 1
        return posted


def _letter_key(notice: int, occasion: str) -> str:
    return f"{STOCK_NOTICE_DUE}/{notice}/{occasion}"


def _untold(session: Session, sku: str, occasion: str) -> Sequence[int]:
    """Ids of notices that wait and had no letter of this occasion: one that was put back waits for the next."""
    key = literal(f"{STOCK_NOTICE_DUE}/") + cast(StockNotice.id, String(11)) + literal(f"/{occasion}")
    waiting = select(StockNotice.id).where(
        StockNotice.variant == sku, StockNotice.told_at.is_(None), ~exists().where(Message.key == key)
    )
    return session.scalars(waiting.order_by(StockNotice.created_at, StockNotice.id).limit(TOLD_AT_ONCE)).all()


def find_notice(notice: int) -> Notice | None:
    """A notice whose letter is due; None when it was unsubscribed, or waits again."""
    row = read_session().get(StockNotice, notice)
    return _notice(row) if row is not None and row.told_at is not None else None


@retry_on_deadlock
def rearm(notice: int) -> None:
    """Put a notice back whose letter did not leave, because the goods were gone again."""
    with transaction("accounts") as session:
        session.execute(update(StockNotice).where(StockNotice.id == notice).values(told_at=None))


def get_notice(token: str) -> Notice:
    """What a letter's link is about.

    :raise UnknownNotice: nothing any more
    """
    row = read_session().scalar(select(StockNotice).where(StockNotice.token == token))
    if row is None:
        raise UnknownNotice(token)
    return _notice(row)


@retry_on_deadlock
def unsubscribe(token: str) -> None:
    """Forget every notice of the address that a token was sent to. Done again, there is nothing left to forget."""
    with transaction("accounts") as session:
        email = session.scalar(select(StockNotice.email).where(StockNotice.token == token))
        if email is not None:
            session.execute(delete(StockNotice).where(StockNotice.email == email))
