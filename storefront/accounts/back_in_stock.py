"""Back-in-stock alerts: one e-mail to an address when a SKU is available again, after which the alert is used up."""

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

MAX_WAITING = 30  # alerts waiting for one address, which anybody may enter
BATCH_SIZE = 50  # e-mails enqueued in one transaction


class UnknownAlert(NotFoundError):
    """No alert has this token: it never existed, or was unsubscribed."""


@dataclass(frozen=True, slots=True)
class StockAlert:
    """An alert for one address and one SKU.

    :ivar token: authorises unsubscribing the address
    :ivar is_proved: it was requested by the account that had verified the address
    """

    id: int
    email: str
    product_id: int
    sku: str
    token: str
    is_proved: bool = False


def _to_alert(row: StockNotice) -> StockAlert:
    return StockAlert(row.id, row.email, row.product_id, row.variant, row.token, row.user_id is not None)


def request_alert(email: str, sku: str, product_id: int, *, user: UserId | None = None) -> None:
    """Request one e-mail to an address when a SKU is back in stock. A waiting alert is not duplicated.

    The outcome does not reveal whether an alert existed before, nor whether the limit of `MAX_WAITING` was reached.

    :param user: the account that verified this address; None: it was entered by a guest
    :raise contact.NotAnEmail: the address is not valid
    """
    with suppress(IntegrityError):  # a concurrent identical request inserted the row first
        _store_alert(normalize_email(email), sku, product_id, user)


@retry_on_deadlock
def _store_alert(email: str, sku: str, product_id: int, user: UserId | None) -> None:
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
    """The SKUs that an account has waiting alerts for."""
    waiting = select(StockNotice.variant).where(StockNotice.user_id == user, StockNotice.told_at.is_(None))
    return frozenset(read_session().scalars(waiting))


@retry_on_deadlock
def enqueue_alerts(sku: str, occasion: str) -> int:
    """Enqueue the alert e-mails of a SKU, longest waiting first, at most `BATCH_SIZE` per call.

    :param occasion: identifies the restock; each alert gets one e-mail per occasion, however often this is called
    :return: how many were enqueued; 0 when no alert is waiting
    """
    now = utc_now()
    with transaction("accounts") as session:
        enqueued = 0
        for alert in _pending_ids(session, sku, occasion):
            # Conditional update: of workers that run at the same time only one claims the alert.
            claim = update(StockNotice).where(StockNotice.id == alert, StockNotice.told_at.is_(None))
            if rows_changed(session.execute(claim.values(told_at=now))):
                key = _message_key(alert, occasion)
                outbox.publish(session, Message, STOCK_NOTICE_DUE, key, {"notice": alert, "occasion": occasion})
                enqueued += 1
        return enqueued


def _message_key(alert: int, occasion: str) -> str:
    return f"{STOCK_NOTICE_DUE}/{alert}/{occasion}"


def _pending_ids(session: Session, sku: str, occasion: str) -> Sequence[int]:
    """Ids of waiting alerts without an e-mail for this occasion; a re-armed alert waits for the next occasion."""
    key = literal(f"{STOCK_NOTICE_DUE}/") + cast(StockNotice.id, String(11)) + literal(f"/{occasion}")
    waiting = select(StockNotice.id).where(
        StockNotice.variant == sku, StockNotice.told_at.is_(None), ~exists().where(Message.key == key)
    )
    return session.scalars(waiting.order_by(StockNotice.created_at, StockNotice.id).limit(BATCH_SIZE)).all()


def find_alert(alert: int) -> StockAlert | None:
    """Return an alert whose e-mail is due; None when it was unsubscribed or re-armed."""
    row = read_session().get(StockNotice, alert)
    return _to_alert(row) if row is not None and row.told_at is not None else None


@retry_on_deadlock
def rearm(alert: int) -> None:
    """Make an alert wait again because the SKU sold out before its e-mail was sent."""
    with transaction("accounts") as session:
        session.execute(update(StockNotice).where(StockNotice.id == alert).values(told_at=None))


def get_alert(token: str) -> StockAlert:
    """Return the alert that an e-mail's unsubscribe link refers to.

    :raise UnknownAlert: no alert has this token
    """
    row = read_session().scalar(select(StockNotice).where(StockNotice.token == token))
    if row is None:
        raise UnknownAlert(token)
    return _to_alert(row)


@retry_on_deadlock
def unsubscribe(token: str) -> None:
    """Delete all alerts of the address that a token was sent to. Idempotent."""
    with transaction("accounts") as session:
        email = session.scalar(select(StockNotice.email).where(StockNotice.token == token))
        if email is not None:
            session.execute(delete(StockNotice).where(StockNotice.email == email))
