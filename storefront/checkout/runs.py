"""Running checkouts on, and what came of them."""

from __future__ import annotations

import logging
import time
from typing import Any

from sqlalchemy import Select, select

from storefront.checkout import saga
from storefront.checkout.models import Checkout
from storefront.checkout.values import (
    CheckoutBusy,
    CheckoutId,
    CheckoutState,
    Failure,
    Outcome,
    Shortage,
    UnknownCheckout,
)
from storefront.core.clock import utc_now
from storefront.db.prepared import prepared
from storefront.db.session import UNAVAILABLE, read_session
from storefront.orders.values import OrderId

logger = logging.getLogger(__name__)

POLL_INTERVAL = 0.05  # seconds


@prepared
def _row(checkout: Any) -> Select[Checkout]:
    return select(Checkout).where(Checkout.id == checkout)


def get_row(checkout: str | None, cart_token: str | None) -> Checkout:
    """The record of a checkout of this cart.

    :raise UnknownCheckout: this cart has no such checkout
    """
    row: Checkout | None = read_session().scalar(*_row(checkout)) if checkout else None
    if row is None or row.cart_token != cart_token:
        raise UnknownCheckout(checkout)
    return row


def resume(checkout: str) -> Outcome:
    """Run a checkout as far as possible now.

    :return: its state afterwards
    """
    saga.resume(checkout)
    return outcome(read_session().get_one(Checkout, checkout))


def run_on(checkout: str, *, patience: float = 0) -> Outcome:
    """Run an order that is under way, whatever fails: it is retried, and no caller may say that it was not placed.

    :param patience: seconds to wait for another runner that holds the lease
    :return: its state afterwards; "running" where that cannot be read now
    """
    until = time.monotonic() + patience
    while not _try(checkout) and _wait_for_lease(checkout, until):
        pass
    try:
        return outcome(read_session().get_one(Checkout, checkout))
    except UNAVAILABLE:
        logger.exception("checkout %s: its state cannot be read", checkout)
        read_session().rollback()
        return under_way(checkout)


def _wait_for_lease(checkout: str, until: float) -> bool:
    """Wait until another runner has let an unfinished checkout go. It only reads: taking the lease writes.

    :param until: by the monotonic clock
    :return: False when the checkout has ended, or the time is over
    """
    while time.monotonic() < until:
        time.sleep(POLL_INTERVAL)
        read_session().rollback()
        try:
            asked = select(Checkout.state, Checkout.lease_until).where(Checkout.id == checkout)
            row = read_session().execute(asked).one_or_none()
        except UNAVAILABLE:
            return False  # waiting longer would tell no more
        if row is None or row.state not in saga.UNFINISHED:
            return False
        if row.lease_until is None or row.lease_until < utc_now():
            return True
    return False


def under_way(checkout: str) -> Outcome:
    """What can be said of an order of which nothing more is known."""
    return Outcome(CheckoutId(checkout), CheckoutState.RUNNING, None, None, None, "")


def resume_after_webhook(checkout: str) -> None:
    """Run a checkout on after its payment provider reported a change.

    :raise CheckoutBusy: another runner holds the lease, and may have asked the provider before the change: call again
    """
    if not saga.resume(checkout):
        row = read_session().get_one(Checkout, checkout)
        if row.state in saga.UNFINISHED:
            raise CheckoutBusy(checkout)


def abandon(checkout: str) -> Outcome:
    """Undo a checkout whose customer will not confirm the payment, unless it was confirmed in the meantime."""
    saga.abandon(checkout)
    return outcome(read_session().get_one(Checkout, checkout))


def resume_unfinished() -> int:
    """Run every checkout whose runner died or whose time to wait is over; one that fails does not stop the others.

    :return: how many were run
    """
    checkouts = saga.unfinished()
    for checkout in checkouts:
        _try(checkout)
    return len(checkouts)


def _try(checkout: str) -> bool:
    """Run a checkout.

    :return: False when another runner holds the lease or the checkout has ended
    """
    try:
        return saga.resume(checkout)
    except Exception:
        # The error is stored in its record, and it is retried; other checkouts must not wait for it.
        logger.exception("checkout %s could not be resumed", checkout)
        read_session().rollback()
        return True


def try_again(checkout: str) -> Outcome:
    """Run a checkout now; where another runner holds the lease, nothing is done.

    :return: its state afterwards; an error of a step is stored in its record and not raised
    :raise UnknownCheckout: there is no such checkout
    """
    _try(checkout)
    return outcome_of_any(checkout)


def outcome_of_any(checkout: str) -> Outcome:
    """The state of a checkout, whoever it belongs to.

    :raise UnknownCheckout: there is no such checkout
    """
    row = read_session().get(Checkout, checkout)
    if row is None:
        raise UnknownCheckout(checkout)
    return outcome(row)


def outcome_of(checkout: str | None, cart_token: str | None) -> Outcome:
    """The state of a checkout of this cart.

    :raise UnknownCheckout: this cart has no such checkout
    """
    return outcome(get_row(checkout, cart_token))


def outcome(row: Checkout) -> Outcome:
    """The state of a checkout."""
    progress = row.progress
    return Outcome(
        id=CheckoutId(row.id),
        state=CheckoutState(row.state),
        order_id=OrderId(progress["order"]) if row.state == CheckoutState.COMPLETED else None,
        action_url=progress.get("action_url"),
        failure=Failure(progress["failure"]) if "failure" in progress else None,
        detail=progress.get("detail", ""),
        shortages=tuple(Shortage(**shortage) for shortage in progress.get("shortages", ())),
        first=progress.get("first"),
    )
