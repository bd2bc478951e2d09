"""Placing an order: steps over six databases, each safe to repeat, each beside its undoing.

The record in `checkouts` is written before and after every step. Whoever holds its lease walks: the shopper's request,
the page a payment provider returns to, or the worker. Before the capture a step that fails is undone with all before
it, in reverse; after it there is only forward.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update

from storefront.cart import service as cart
from storefront.catalog import service as catalog
from storefront.checkout import snapshot as plans
from storefront.checkout.models import Checkout
from storefront.checkout.snapshot import PlacedOrder
from storefront.checkout.values import CheckoutState, Failure
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.orders import service as orders
from storefront.payments import service as payments

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=50)  # longer than the slowest step: a provider that times out
PAYMENT_TIMEOUT = timedelta(
    minutes=15
)  # how long a customer or a silent provider is waited for: as long as a hold lasts
RETRY_PAUSE = timedelta(seconds=2)
UNFINISHED = (CheckoutState.RUNNING, CheckoutState.WAITING, CheckoutState.UNDOING)


@dataclass(slots=True)
class SagaRun:
    """One runner on its way.

    :ivar progress: what the steps found out, kept with the record
    :ivar doing: number of the step this runner began last, going forward
    """

    id: str
    owner: str
    plan: PlacedOrder
    progress: dict[str, Any]
    doing: int | None = None


class LeaseLost(Exception):
    """Another runner walks this checkout now."""


@dataclass(frozen=True, slots=True)
class Step:
    """:ivar do: may be called again after it was done
    :ivar undo: may be called when it was never done
    """

    name: str
    do: Callable[[SagaRun], None]
    undo: Callable[[SagaRun], None]


def _nothing(walk: SagaRun) -> None:
    """There is nothing to undo."""


def _reserve(walk: SagaRun) -> None:
    catalog.reserve(walk.id, walk.plan.holds)


def _release(walk: SagaRun) -> None:
    catalog.release(walk.id)


def _authorise(walk: SagaRun) -> None:
    total = walk.plan.snapshot.grand_total
    payments.authorise(walk.id, total, walk.plan.payment.code, walk.plan.return_url)


def _void(walk: SagaRun) -> None:
    payments.void(walk.id)


def _create_order(walk: SagaRun) -> None:
    walk.progress["order"] = orders.create_order(walk.id, walk.plan.snapshot)


def _cancel_order(walk: SagaRun) -> None:
    orders.cancel_order(walk.id, "The order could not be completed; nothing was charged")


def _secure(walk: SagaRun) -> None:
    """The customer may have taken longer than the hold: take the goods again, or learn that they are gone."""
    catalog.reserve(walk.id, walk.plan.holds, permanent=True)


def _capture(walk: SagaRun) -> None:
    payments.capture(walk.id, walk.progress["order"])


def _sell(walk: SagaRun) -> None:
    catalog.commit_reservation(walk.id)


def _confirm(walk: SagaRun) -> None:
    orders.confirm_order(walk.id)


def _clear(walk: SagaRun) -> None:
    """Whoever signed in on the way took the cart along: it is looked up as late as this."""
    token = read_session().scalars(select(Checkout.cart_token).where(Checkout.id == walk.id)).one()
    cart.clear(token, walk.id, walk.plan.bought, products=walk.plan.emptied)


STEPS = (
    Step("reserve", _reserve, _release),
    Step("authorise", _authorise, _void),
    Step("create order", _create_order, _cancel_order),
    Step("secure", _secure, _release),
    Step("capture", _capture, _nothing),
    Step("sell", _sell, _nothing),
    Step("confirm", _confirm, _nothing),
    Step("clear", _clear, _nothing),
)
CAPTURE = next(number for number, step in enumerate(STEPS) if step.name == "capture")


def resume(checkout: str) -> bool:
    """Walk a checkout as far as it goes now: to its end, to where it must wait, or to a fault that will be retried.

    When another runner holds the lease there is nothing to do.

    :return: whether this runner walked
    """
    return _with_lease(checkout, _run)


def abandon(checkout: str) -> None:
    """Undo a checkout that waits for its customer; one that no longer waits goes its own way."""
    _with_lease(checkout, _abandon)


def _with_lease(checkout: str, go: Callable[[SagaRun], None]) -> bool:
    walk = _take_lease(checkout)
    if walk is None:
        return False
    try:
        go(walk)
    except LeaseLost:
        logger.warning("checkout %s: the lease passed to another runner", checkout)
        _take_back(walk)
    return True


def _take_back(walk: SagaRun) -> None:
    """Undo the step this runner was at when its lease ran out, if the other runner went back: that one cannot know
    whether the step was done before it undid it, or after.
    """
    state, _ = _position(walk)
    if walk.doing is not None and state in {CheckoutState.UNDOING, CheckoutState.FAILED}:
        STEPS[walk.doing].undo(walk)


def _abandon(walk: SagaRun) -> None:
    state, step = _position(walk)
    if state is CheckoutState.WAITING:
        _fail(walk, step, Failure.DECLINED, "You did not confirm the payment")
        _go_back(walk, step)
    else:
        _run(walk)


def unfinished() -> list[str]:
    """Checkouts that somebody should walk: their runner died, or what they wait for is overdue."""
    now = utc_now()
    waiting_too_long = (Checkout.state == CheckoutState.WAITING) & (Checkout.updated_at < now - PAYMENT_TIMEOUT)
    stalled = Checkout.state.in_((CheckoutState.RUNNING, CheckoutState.UNDOING)) & or_(
        Checkout.lease_until.is_(None), Checkout.lease_until < now
    )
    return list(
        read_session().scalars(select(Checkout.id).where(or_(waiting_too_long, stalled)).order_by(Checkout.updated_at))
    )


@retry_on_deadlock
def _take_lease(checkout: str) -> SagaRun | None:
    now, owner = utc_now(), str(uuid.uuid4())
    free = or_(Checkout.lease_until.is_(None), Checkout.lease_until < now)
    with transaction("checkout") as session:
        taken = session.execute(
            update(Checkout)
            .where(Checkout.id == checkout, Checkout.state.in_(UNFINISHED), free)
            .values(lease_owner=owner, lease_until=now + LEASE, attempts=Checkout.attempts + 1)
        )
        if not rows_changed(taken):
            return None
        row = session.get_one(Checkout, checkout)
    return SagaRun(row.id, owner, plans.load(row.plan), dict(row.progress))


def _write(walk: SagaRun, **values: Any) -> None:
    """Write the record, if the lease is still ours; it lasts on from now unless `values` end it."""
    now = utc_now()
    kept = {"lease_until": now + LEASE, "updated_at": now, "progress": walk.progress, **values}
    with transaction("checkout") as session:
        mine = update(Checkout).where(Checkout.id == walk.id, Checkout.lease_owner == walk.owner)
        if not rows_changed(session.execute(mine.values(**kept))):
            raise LeaseLost(walk.id)


def _run(walk: SagaRun) -> None:
    state, step = _position(walk)
    if state is not CheckoutState.UNDOING:
        failed_at = _go_forward(walk, step)
        if failed_at is None:
            return
        step = failed_at
    _go_back(walk, step)


def _position(walk: SagaRun) -> tuple[CheckoutState, int]:
    row = read_session().get_one(Checkout, walk.id)
    return CheckoutState(row.state), row.step


def _go_forward(walk: SagaRun, step: int) -> int | None:
    """Do the steps from `step` on.

    :return: the step whose failure must be undone, or None
    """
    for number in range(step, len(STEPS)):
        _write(walk, state=CheckoutState.RUNNING, step=number)
        walk.doing = number
        try:
            STEPS[number].do(walk)
        except (payments.CustomerActionNeeded, payments.ProviderTimeout) as wait:
            if number >= CAPTURE or not _is_overdue(walk):
                _wait(walk, wait)
                return None
            _fail(walk, number, Failure.DECLINED, "The payment was not confirmed in time")
            return number
        except payments.PaymentDeclined as declined:
            _fail(walk, number, Failure.DECLINED, declined.reason)
            return number
        except catalog.OutOfStock as short:
            left = [{"name": short.names[sku], "left": units} for sku, units in short.shortages.items()]
            walk.progress["shortages"] = left
            _fail(walk, number, Failure.SOLD_OUT, ", ".join(short.names.values()))
            return number
        except Exception as error:
            if number >= CAPTURE or not _is_overdue(walk):
                _pause(walk, f"{STEPS[number].name}: {type(error).__name__}")
                raise
            logger.exception("checkout %s: %s fails for good", walk.id, STEPS[number].name)
            _fail(walk, number, Failure.UNAVAILABLE, "The shop could not complete the order")
            return number
    _write(walk, state=CheckoutState.COMPLETED, step=len(STEPS), lease_owner=None, lease_until=None, last_error="")
    return None


def _wait(walk: SagaRun, reason: payments.CustomerActionNeeded | payments.ProviderTimeout) -> None:
    """Park the checkout until its customer comes back, or for a moment until a silent provider is asked again."""
    if isinstance(reason, payments.CustomerActionNeeded):
        walk.progress["action_url"] = reason.url
        _write(walk, state=CheckoutState.WAITING, lease_owner=None, lease_until=None)
    else:
        _pause(walk, "the payment provider does not answer")


def _is_overdue(walk: SagaRun) -> bool:
    placed_at = datetime.fromisoformat(walk.progress["placed_at"])
    return utc_now() > placed_at + PAYMENT_TIMEOUT


def _fail(walk: SagaRun, step: int, failure: Failure, detail: str) -> None:
    walk.progress["failure"] = failure.value
    walk.progress["detail"] = detail
    _write(walk, state=CheckoutState.UNDOING, step=step, last_error=detail[:255])


def _go_back(walk: SagaRun, step: int) -> None:
    """Undo from `step` down to the first, the failed one included: it may have happened unseen."""
    for number in range(step, -1, -1):
        _write(walk, state=CheckoutState.UNDOING, step=number)
        try:
            STEPS[number].undo(walk)
        except Exception as error:
            logger.exception("checkout %s: undoing %s failed; it is tried again", walk.id, STEPS[number].name)
            _pause(walk, f"undoing {STEPS[number].name}: {type(error).__name__}")
            return
    _write(walk, state=CheckoutState.FAILED, lease_owner=None, lease_until=None)


def _pause(walk: SagaRun, why: str) -> None:
    """Leave the record for the next runner, after a moment."""
    logger.warning("checkout %s pauses: %s", walk.id, why)
    _write(walk, last_error=why[:255], lease_owner=None, lease_until=utc_now() + RETRY_PAUSE)
