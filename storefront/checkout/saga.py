"""The saga that places an order: eight steps over the databases of catalog, payments, orders and cart.

No transaction spans these databases. Each step commits in one of them, and the row in `checkouts` records how far the
saga is, so that a process that dies anywhere leaves a record from which the next runner continues.

====  ============  ========  ==============================================================  ======================
   #  step          schema    what it writes                                                  undo
====  ============  ========  ==============================================================  ======================
   0  reserve       catalog   a reservation for each variant, for 15 minutes, unless another  release the reservations
                              order has taken this content of the cart meanwhile
   1  authorise     payments  the payment: attempt first, then the provider's response        void the payment
   2  create order  orders    the order with its items, pending                               cancel the order
   3  secure        catalog   the same reservations, renewed or made again, without expiry    release the reservations
   4  capture       payments  the payment, captured or due on delivery, with the order's id   (none)
   5  sell          catalog   stock on hand lowered, a ledger entry for each variant          (none)
   6  confirm       orders    the order, confirmed, and its `order-placed` outbox message     (none)
   7  clear         cart      the cart without what was bought; what is left is a new content (none)
====  ============  ========  ==============================================================  ======================

Invariants:

1. The record names the step at which the next runner begins: the first, until the capture begins; then the capture.
   A step that waits, pauses or fails is named, too. After a crash all steps before the named one have happened; it and
   those after it may have, but for a capture and what follows it, which is always named before it begins. So a run
   that is not the first undoes every step before the capture, whichever fails.
2. Every step may be repeated. The checkout's id is its idempotency key: reservations, payment and order are unique for
   a checkout, the payment provider gets the id as its key, a status changes by an UPDATE that requires the status
   before it, and the cart stores the checkout it was last cleared for.
3. Every undo may be repeated, and does nothing where the step never happened. The failed step is undone too: an error
   does not prove that nothing was written.
4. Before the capture a failure is undone, from the failed step back to the first. Technical errors and provider
   timeouts are retried first, until `PAYMENT_TIMEOUT` after the order was placed; a declined payment or missing stock
   is final at once. From the capture on a step is retried until it succeeds: money that was taken is never left
   without its order. Only a declined capture, which took nothing, is still undone.
5. One runner at a time: the shopper's request, the page a payment provider returns to, or the worker. A runner holds a
   lease on the record, and every write to the record requires and renews it; between two steps it is renewed if more
   than `RENEW_AFTER` have passed. A runner that lost its lease stops at its next write; its late step was a repeat (2),
   or it undoes its steps itself if the other runner has been undoing.
6. An order that staff must approve rests as completed at step 3, `SECURE`, with neither stock nor a captured payment;
   `approval` sets it running or undoing again.
7. Before money is captured its order exists and its stock is reserved without expiry (docs/decisions/0005).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update

from storefront.catalog.values import OutOfStock
from storefront.checkout import saga_metrics
from storefront.checkout import snapshot as plans
from storefront.checkout.cart_content import ContentTaken
from storefront.checkout.models import Checkout
from storefront.checkout.saga_steps import CAPTURE, SECURE, STEPS, SagaRun, hold_for_approval
from storefront.checkout.values import CheckoutState, Failure
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.payments.values import CustomerActionNeeded, PaymentDeclined, ProviderTimeout

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)  # longer, by `RENEW_AFTER`, than the slowest step: a provider that times out
RENEW_AFTER = timedelta(seconds=10)  # so that an order that nothing delays writes its record four times in all
PAYMENT_TIMEOUT = timedelta(minutes=15)  # for a customer to confirm or a provider to answer: as long as a reservation
RETRY_PAUSE = timedelta(seconds=2)  # before a checkout that failed a step may be run again
UNFINISHED = (CheckoutState.RUNNING, CheckoutState.WAITING, CheckoutState.UNDOING)


class LeaseLost(Exception):
    """Another runner has taken the lease of this checkout."""


def resume(checkout: str) -> bool:
    """Run a checkout as far as possible now: to its end, until it must wait for its customer, or to an error.

    :return: False when another runner holds the lease or the checkout has ended: nothing was done
    :raise Exception: what a step raised that is neither a refusal nor a timeout; the checkout is retried later
    """
    return _with_lease(checkout, _run)


def abandon(checkout: str) -> None:
    """Undo a checkout that waits for its customer to confirm the payment; one that no longer waits is run on."""
    _with_lease(checkout, _abandon)


def _with_lease(checkout: str, work: Callable[[SagaRun], None]) -> bool:
    run = _take_lease(checkout)
    if run is None:
        return False
    try:
        work(run)
    except LeaseLost:
        logger.warning("checkout %s: the lease passed to another runner", checkout)
        _undo_late_step(run)
    return True


def _undo_late_step(run: SagaRun) -> None:
    """Undo what this runner did, if the other runner has been undoing the checkout.

    The other runner may have undone a step before this one did it.
    """
    state, _ = _position(run)
    if run.current_step is not None and state in {CheckoutState.UNDOING, CheckoutState.FAILED}:
        for number in range(run.current_step, -1, -1):
            STEPS[number].undo(run)


def _abandon(run: SagaRun) -> None:
    state, step = _position(run)
    if state is CheckoutState.WAITING:
        _fail(run, step, Failure.DECLINED, "You did not confirm the payment")
        _undo_steps(run, step)
    else:
        _run(run)


def unfinished() -> list[str]:
    """Checkouts that the worker should run: the lease has expired, or the customer did not confirm in time.

    :return: ids, longest without a change first
    """
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
    """Take the lease of an unfinished checkout by one UPDATE, which two runners cannot both win.

    :return: None when another runner holds it, or the checkout has ended
    """
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
    is_first = row.attempts == 1
    return SagaRun(row.id, owner, plans.load(row.plan), dict(row.progress), now, reached=0 if is_first else SECURE)


def _write(run: SagaRun, **values: Any) -> None:
    """Write to the record and renew the lease, unless `values` end it.

    :raise LeaseLost: another runner has it now
    """
    now = utc_now()
    columns = {"lease_until": now + LEASE, "updated_at": now, "progress": run.progress, **values}
    with transaction("checkout") as session:
        mine = update(Checkout).where(Checkout.id == run.id, Checkout.lease_owner == run.owner)
        if not rows_changed(session.execute(mine.values(**columns))):
            raise LeaseLost(run.id)
    run.renewed_at = now


def _run(run: SagaRun) -> None:
    state, step = _position(run)
    if state is not CheckoutState.UNDOING:
        if state is not CheckoutState.RUNNING:
            _write(run, state=CheckoutState.RUNNING)
        failed_at = _do_steps(run, step)
        if failed_at is None:
            return
        step = failed_at
    _undo_steps(run, step)


def _position(run: SagaRun) -> tuple[CheckoutState, int]:
    """The state and the step of the record, as the last runner left them."""
    row = read_session().get_one(Checkout, run.id)
    return CheckoutState(row.state), row.step


def _do_steps(run: SagaRun, step: int) -> int | None:
    """Do the steps from `step` on: to the end, or until one fails or must wait.

    :return: the step from which to undo; None when there is nothing to undo
    """
    for number in range(step, SECURE if run.must_be_held else len(STEPS)):
        if number == CAPTURE or utc_now() > run.renewed_at + RENEW_AFTER:
            _write(run, step=number)
        run.current_step, run.reached = number, max(number, run.reached)
        try:
            with saga_metrics.counting_step(STEPS[number].name):
                STEPS[number].do(run)
        except (CustomerActionNeeded, ProviderTimeout) as wait:
            if number >= CAPTURE or not _is_overdue(run):
                _wait(run, number, wait)
                return None
            _fail(run, run.reached, Failure.DECLINED, "The payment was not confirmed in time")
            return run.reached
        except (ContentTaken, OutOfStock, PaymentDeclined) as refusal:
            _refuse(run, run.reached, refusal)
            return run.reached
        except Exception as error:
            if number >= CAPTURE or not _is_overdue(run):
                _pause(run, f"{STEPS[number].name}: {type(error).__name__}", step=number)
                raise
            logger.exception("checkout %s: %s still fails after the timeout", run.id, STEPS[number].name)
            _fail(run, run.reached, Failure.UNAVAILABLE, "The shop could not complete the order")
            return run.reached
    rests_at = _hold(run) if run.must_be_held else len(STEPS)
    _write(run, state=CheckoutState.COMPLETED, step=rests_at, lease_owner=None, lease_until=None, last_error="")
    saga_metrics.note_end(run, saga_metrics.HELD if run.must_be_held else saga_metrics.COMPLETED)
    return None


def _refuse(run: SagaRun, step: int, refusal: ContentTaken | OutOfStock | PaymentDeclined) -> None:
    """Record a refusal that is final."""
    if isinstance(refusal, PaymentDeclined):
        _fail(run, step, Failure.DECLINED, refusal.reason)
    elif isinstance(refusal, OutOfStock):
        short = [{"name": refusal.names[sku], "left": units} for sku, units in refusal.shortages.items()]
        run.progress["shortages"] = short
        _fail(run, step, Failure.SOLD_OUT, ", ".join(refusal.names.values()))
    else:
        run.progress["first"] = refusal.first
        _fail(run, step, Failure.ALREADY_ORDERED, "This cart was ordered already")


def _hold(run: SagaRun) -> int:
    """Let an order wait for staff, without stock and with its cart cleared; each call is safe to repeat.

    :return: the step at which its record rests
    """
    _write(run, state=CheckoutState.RUNNING, step=SECURE)
    hold_for_approval(run)
    return SECURE


def _wait(run: SagaRun, step: int, reason: CustomerActionNeeded | ProviderTimeout) -> None:
    """Release the lease until the customer has confirmed, or for `RETRY_PAUSE` when the provider did not answer."""
    if isinstance(reason, CustomerActionNeeded):
        run.progress["action_url"] = reason.url
        _write(run, state=CheckoutState.WAITING, step=step, lease_owner=None, lease_until=None)
    else:
        _pause(run, "the payment provider does not answer", step=step)


def _is_overdue(run: SagaRun) -> bool:
    placed_at = datetime.fromisoformat(run.progress["placed_at"])
    return utc_now() > placed_at + PAYMENT_TIMEOUT


def _fail(run: SagaRun, step: int, failure: Failure, detail: str) -> None:
    """Record why the order fails and that it is undone from `step` on.

    This is committed before the first undo, so that no later runner goes forward again.

    :param detail: one clause for the shopper, without a full stop
    """
    run.progress["failure"] = failure.value
    run.progress["detail"] = detail
    _write(run, state=CheckoutState.UNDOING, step=step, last_error=detail[:255])


def _undo_steps(run: SagaRun, step: int) -> None:
    """Undo from `step` back to the first; on an error leave the rest for the next runner."""
    for number in range(step, -1, -1):
        _write(run, state=CheckoutState.UNDOING, step=number)
        try:
            with saga_metrics.counting_undo(STEPS[number].name):
                STEPS[number].undo(run)
        except Exception as error:
            logger.exception("checkout %s: undoing %s failed and will be retried", run.id, STEPS[number].name)
            _pause(run, f"undoing {STEPS[number].name}: {type(error).__name__}")
            return
    _write(run, state=CheckoutState.FAILED, cart_content=None, lease_owner=None, lease_until=None)
    saga_metrics.note_end(run, run.progress["failure"])


def _pause(run: SagaRun, why: str, **values: int) -> None:
    """Release the lease for the next runner, who may start after `RETRY_PAUSE`."""
    logger.warning("checkout %s paused: %s", run.id, why)
    _write(run, last_error=why[:255], lease_owner=None, lease_until=utc_now() + RETRY_PAUSE, **values)
