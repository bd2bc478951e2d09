"""Orders without a cart that are sent again under another id, as by a double click: the same goods and total.

The second one is the first order (contract/angular-api.md 2.3 rule 4): while the first is under way, for ten seconds
after an answer told the client of it, and for a quarter of an hour when no answer did, because the database or the
server failed in between. An order that was cancelled meanwhile is no answer.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from storefront.checkout import saga
from storefront.checkout.models import Checkout, DuplicateGuard
from storefront.checkout.values import CheckoutState
from storefront.core.clock import utc_now
from storefront.db.session import UNAVAILABLE, read_session, retry_on_deadlock, rows_changed, transaction
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus

logger = logging.getLogger(__name__)

DUPLICATE_WINDOW = timedelta(seconds=10)  # after an answer: contract/angular-api.md 2.3 rule 4
UNSEEN_WINDOW = timedelta(minutes=15)  # after the end of an order that no answer told of; then its e-mail has arrived
TOLERANCE = 5  # minor units by which a client's total, a sum of doubles, may be too low: ibid. section 3
MAX_SHOWN_TOTAL = 10**13 - 1  # minor units that its column holds; a client may show any nonsense above the price


@dataclass(frozen=True, slots=True)
class Guard:
    """What is known of an order's contents before it is opened.

    :ivar key: digest of the contents
    :ivar shown_total: the total that the client shows its user, in minor units
    :ivar last: the checkout that last ordered them; None when there is none
    :ivar is_of_pages: the pages lead to their order whatever happens, and may order the same goods again at once
    """

    key: str
    shown_total: int | None
    last: str | None = None
    is_of_pages: bool = False


def digest(*words: str) -> str:
    """A key of at most 64 characters for words of any length."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def key_of(token: str, units: Mapping[int, int]) -> str:
    """The key of an order of products.

    :param token: key of the customer's cart
    :param units: by product id
    """
    return digest(token, "duplicate", repr(sorted(units.items())))


def look(key: str, shown_total: int | None) -> tuple[Guard, str | None]:
    """Look for an order with the same contents.

    :return: what to store with a new order, and the checkout of which it would be a duplicate, if there is one
    """
    row = (
        read_session()
        .execute(
            select(DuplicateGuard, Checkout.state, Checkout.updated_at)
            .outerjoin(Checkout, Checkout.id == DuplicateGuard.checkout_id)
            .where(DuplicateGuard.key == key)
        )
        .one_or_none()
    )
    if row is None:
        return Guard(key, shown_total), None
    known: DuplicateGuard = row.DuplicateGuard
    guard = Guard(key, shown_total, known.checkout_id)
    if row.state is None or not _is_same_total(known.shown_total, shown_total):
        return guard, None
    if row.state in saga.UNFINISHED:
        return guard, known.checkout_id
    now, ended_at = utc_now(), row.updated_at
    is_recent = now < max(ended_at, known.answered_at or ended_at) + DUPLICATE_WINDOW
    is_unseen = known.answered_at is None and now < ended_at + UNSEEN_WINDOW
    if row.state != CheckoutState.COMPLETED or not (is_recent or is_unseen):
        return guard, None
    is_cancelled = orders.status_of(known.checkout_id) is OrderStatus.CANCELLED
    return guard, None if is_cancelled else known.checkout_id


def _is_same_total(first: int | None, second: int | None) -> bool:
    """Whether two totals may be of one order; a client need not name one."""
    return first is None or second is None or abs(first - second) <= TOLERANCE


def store(session: Session, guards: Sequence[Guard], checkout: str) -> None:
    """Note an order's contents, in the transaction that opens it.

    :raise IntegrityError: another order of the same contents was opened since `look`
    """
    now = utc_now()
    for guard in guards:
        values = {"checkout_id": checkout, "at": now, "shown_total": guard.shown_total}
        values["answered_at"] = now if guard.is_of_pages else None
        known = update(DuplicateGuard).where(DuplicateGuard.key == guard.key)
        if not guard.is_of_pages:
            known = known.where(DuplicateGuard.checkout_id == guard.last)
        if not rows_changed(session.execute(known.values(**values))):
            session.add(DuplicateGuard(key=guard.key, **values))
            session.flush()


def note_answer(checkout: str) -> None:
    """Note that an answer told the client of its order. A failure is only logged: the order then counts as not told."""
    try:
        _note_answer(checkout)
    except UNAVAILABLE:
        logger.exception("checkout %s: it could not be noted that its client was answered", checkout)
        read_session().rollback()


@retry_on_deadlock
def _note_answer(checkout: str) -> None:
    with transaction("checkout") as session:
        session.execute(
            update(DuplicateGuard)
            .where(DuplicateGuard.checkout_id == checkout, DuplicateGuard.answered_at.is_(None))
            .values(answered_at=utc_now())
        )


@retry_on_deadlock
def purge_duplicate_guards() -> None:
    """Delete the guards of past orders; the worker calls it regularly."""
    with transaction("checkout") as session:
        recent = Checkout.state.in_(saga.UNFINISHED) | (Checkout.updated_at > utc_now() - UNSEEN_WINDOW)
        is_over = DuplicateGuard.checkout_id.not_in(select(Checkout.id).where(recent))
        session.execute(delete(DuplicateGuard).where(DuplicateGuard.at < utc_now() - UNSEEN_WINDOW, is_over))
