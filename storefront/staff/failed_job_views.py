"""Failed jobs: checkouts that did not finish and outbox messages that were not delivered, each with a retry."""

from __future__ import annotations

from datetime import datetime

from flask import abort, flash, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutState, Outcome
from storefront.core.clock import utc_now
from storefront.db.dead_letters import FailedMessage, dead_letters_by_schema
from storefront.staff import bp, order_staff
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.responses import redirect_or_hx, render_page, wants_fragment

MAX_SHOWN = 100  # checkouts, and messages of one outbox


@bp.app_template_filter("age")
def age(moment: datetime) -> str:
    """Say how long ago a moment was, in the largest unit, rounded down: 40 seconds, 3 minutes, 5 hours, 2 days."""
    seconds = max(0, int((utc_now() - moment).total_seconds()))
    lengths = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
    noun = next((noun for noun, length in lengths.items() if seconds >= length), "second")
    return plural(seconds // lengths[noun], noun)


@bp.get("/failed-jobs")
@order_staff
def failed_jobs() -> ResponseReturnValue:
    """List the unfinished checkouts and undelivered messages."""
    return _show()


def _show(notice: str = "") -> ResponseReturnValue:
    unfinished, outboxes = checkout.unfinished_checkouts(MAX_SHOWN), dead_letters_by_schema()
    return render_page(
        "staff/failed_jobs/list.html",
        fragment="staff/failed_jobs/_after_attempt.html" if notice else "staff/failed_jobs/_list.html",
        unfinished=unfinished,
        unfinished_count=checkout.count_unfinished() if len(unfinished) == MAX_SHOWN else len(unfinished),
        messages={schema: outbox.entries(MAX_SHOWN) for schema, outbox in outboxes.items()},
        max_shown=MAX_SHOWN,
        notice=notice,
    )


@bp.post("/failed-jobs/checkouts/<checkout_id>/attempts")
@order_staff
def resume_checkout(checkout_id: str) -> ResponseReturnValue:
    """Resume a checkout now. One that is being resumed already is left alone, so a second click does no harm."""
    unfinished = checkout.find_unfinished(checkout_id)
    if unfinished is None:
        return _done("The checkout has finished in the meantime.")
    error = f": {unfinished.last_error}" if unfinished.last_error else ""
    accounts.record_audit(
        actor=web_session.current_actor(),
        what="checkout tried again",
        subject=unfinished.order_id or f"checkout {unfinished.id}",
        detail=f"{unfinished.state}, step “{unfinished.step}”{error}",
    )
    return _done(_outcome_text(checkout.try_again(checkout_id)))


def _outcome_text(outcome: Outcome) -> str:
    if outcome.state is CheckoutState.COMPLETED:
        return f"Completed: order {outcome.order_id} is placed."
    if outcome.state is CheckoutState.FAILED:
        return "Rolled back: nothing is ordered, reserved or charged."
    if outcome.state is CheckoutState.WAITING:
        return "Still waiting for the customer."
    return "Retried without progress. The shop keeps retrying."


@bp.post("/failed-jobs/messages/<schema>/<id:message_id>/attempts")
@order_staff
def deliver_message(schema: str, message_id: int) -> ResponseReturnValue:
    """Put a message that failed for good back into the outbox; of two clicks one does it."""
    messages = dead_letters_by_schema().get(schema)
    if messages is None:
        abort(404)
    if messages.audit_table is None:
        _record_retry(next((message for message in messages.entries() if message.id == message_id), None))
    if messages.requeue(message_id, actor=web_session.current_actor()):
        return _done("Queued for delivery. If it fails again, it is listed here again.")
    return _done("Nothing to do: the message had not failed for good, or no longer exists.")


def _record_retry(message: FailedMessage | None) -> None:
    """Log the retry in the audit log of accounts, for a schema that has none of its own."""
    if message is not None and message.is_parked:
        accounts.record_audit(
            actor=web_session.current_actor(),
            what="message tried again",
            subject=message.key,
            detail=f"after {message.attempts} attempts: {message.last_error}",
        )


def _done(notice: str) -> ResponseReturnValue:
    if wants_fragment():
        return _show(notice)
    flash(notice, "notice")
    return redirect_or_hx(url_for(".failed_jobs"))
