"""How many messages one address may get: the one bound that every e-mail and text message passes before it leaves.

Whoever makes the shop write, and by whichever route, page, API or job: messages to one mailbox are counted together, in
a table, so that the bound is the same with any number of processes. What staff do is not bounded; what strangers can
do is bounded most where the recipient never proved the address to be theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from storefront.accounts.models import SentMail
from storefront.accounts.values import MailKind
from storefront.core.clock import utc_now
from storefront.core.contact import mailbox_of
from storefront.core.security_log import SecurityEvent, security_event
from storefront.db.session import retry_on_conflict, retry_on_deadlock, rows_changed, transaction

RETENTION = timedelta(days=1)  # of the counts; no window of `LIMITS` is longer


@dataclass(frozen=True, slots=True)
class Window:
    """At most so many messages within a time.

    :ivar most: messages
    """

    span: timedelta
    most: int


_LOCK = "lock"  # the kind of the rows that are locked
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

LIMITS: Mapping[MailKind, tuple[Window, ...]] = {
    # Wider than those of `one_time_codes`, which refuse with a message: these hold for all spellings of a mailbox.
    MailKind.CODE: (Window(_HOUR, 10), Window(_DAY, 40)),
    MailKind.SIGN_IN_CODE: (Window(_HOUR, 20), Window(_DAY, 100)),
    MailKind.CHANGE: (Window(_HOUR, 3), Window(_DAY, 10)),  # for each sort of change
    MailKind.ORDER: (Window(_HOUR, 10), Window(_DAY, 20)),
    MailKind.OWN_ORDER: (Window(_HOUR, 60), Window(_DAY, 200)),
    MailKind.ALERT: (Window(_HOUR, 5), Window(_DAY, 10)),
    MailKind.OWN_ALERT: (Window(_DAY, 60),),
    MailKind.BY_STAFF: (),
}


def admit(key: str, to: str, kind: MailKind, *, sort: str = "") -> bool:
    """Count a message that is about to leave. A message that was counted before is admitted again: it is a retry.

    :param key: idempotency key of the message
    :param to: e-mail address or phone number
    :param sort: counts the messages of a kind apart, such as each sort of change
    :return: False if the address had as many as `LIMITS` allows; then it must not be sent
    """
    if not LIMITS[kind]:
        return True
    counted_as = f"{kind}/{sort}".rstrip("/")
    is_admitted = _count(key, _digest(to), counted_as, LIMITS[kind])
    if not is_admitted:
        security_event(SecurityEvent.LIMIT_REACHED, limit=f"messages to one address: {counted_as}", message=key)
    return is_admitted


def _digest(to: str) -> str:
    """Hash an address, so that no personal data is stored with the counts."""
    return hashlib.sha256(mailbox_of(to).encode(errors="replace")).hexdigest()


@retry_on_conflict
@retry_on_deadlock
def _count(key: str, recipient: str, counted_as: str, windows: tuple[Window, ...]) -> bool:
    now = utc_now()
    with transaction("accounts") as session:
        _lock(session, recipient)
        if session.scalar(select(SentMail.id).where(SentMail.key == key)) is not None:
            return True
        sent = select(func.count()).where(SentMail.recipient == recipient, SentMail.kind == counted_as)
        for window in windows:
            if (session.scalar(sent.where(SentMail.sent_at > now - window.span)) or 0) >= window.most:
                return False
        session.add(SentMail(key=key, recipient=recipient, kind=counted_as, sent_at=now))
        return True


def _lock(session: Session, recipient: str) -> None:
    """Let only one worker at a time count the messages to a recipient, by the lock of a row that stands for them.

    :raise IntegrityError: another worker was the first to make that row
    """
    key = f"lock/{recipient}"
    if not rows_changed(session.execute(update(SentMail).where(SentMail.key == key).values(sent_at=utc_now()))):
        session.execute(insert(SentMail).values(key=key, recipient=recipient, kind=_LOCK, sent_at=utc_now()))


@retry_on_deadlock
def forget_counts() -> None:
    """Delete counts older than `RETENTION`. Run by the worker."""
    with transaction("accounts") as session:
        session.execute(delete(SentMail).where(SentMail.sent_at < utc_now() - RETENTION))
