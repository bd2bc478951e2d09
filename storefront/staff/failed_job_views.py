"""What got stuck: orders that are being placed and do not move, messages that nobody takes."""

from __future__ import annotations

from datetime import datetime

from flask import abort, flash, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts import service as accounts
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutState, Outcome
from storefront.core.clock import utc_now
from storefront.db.dead_letters import dead_letters_by_schema
from storefront.staff import bp, order_staff
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.responses import redirect_or_hx, render_page, wants_fragment

MAX_SHOWN = 100  # checkouts, and messages of one outbox


@bp.app_template_filter("age")
def age(moment: datetime) -> str:
    """How long ago a moment was, in one unit that is rounded down: 40 seconds, 3 minutes, 5 hours, 2 days."""
    seconds = max(0, int((utc_now() - moment).total_seconds()))
    lengths = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
    noun = next((noun for noun, length in lengths.items() if seconds >= length), "second")
    return plural(seconds // lengths[noun], noun)


@bp.get("/troubles")
@order_staff
def failed_jobs() -> ResponseReturnValue:
    """Everything that is not at its end; in a quiet shop nothing."""
    return _show()


def _show(notice: str = "") -> ResponseReturnValue:
    unfinished, outboxes = checkout.unfinished_checkouts(MAX_SHOWN), dead_letters_by_schema()
    return render_page(
        "staff/failed_jobs/list.html",
        fragment="staff/failed_jobs/_after_attempt.html" if notice else "staff/failed_jobs/_list.html",
        unfinished=unfinished,
        unfinished_count=checkout.count_unfinished() if len(unfinished) == MAX_SHOWN else len(unfinished),
        messages={schema: outbox.entries(MAX_SHOWN) for schema, outbox in outboxes.items()},
        most=MAX_SHOWN,
        notice=notice,
    )


@bp.post("/troubles/checkouts/<checkout_id>/attempts")
@order_staff
def resume_checkout(checkout_id: str) -> ResponseReturnValue:
    """Walk a checkout now. Whoever walks it already goes on alone, so that pressing twice is pressing once."""
    order = checkout.find_unfinished(checkout_id)
    if order is None:
        return _done("It came to its end meanwhile.")
    said = f"{order.state}, step “{order.step}”{': ' if order.last_error else ''}{order.last_error}"
    accounts.record_audit(
        actor=web_session.current_actor(),
        what="checkout tried again",
        subject=order.order_id or f"checkout {order.id}",
        detail=said,
    )
    return _done(_in_words(checkout.try_again(checkout_id)))


def _in_words(outcome: Outcome) -> str:
    if outcome.state is CheckoutState.COMPLETED:
        return f"It went through: order {outcome.order_id} is placed."
    if outcome.state is CheckoutState.FAILED:
        return "It is undone: nothing is ordered, held or charged."
    if outcome.state is CheckoutState.WAITING:
        return "It still waits for its customer."
    return "It was tried, and stands where it stood. The shop goes on trying."


@bp.post("/troubles/messages/<schema>/<id:message_id>/attempts")
@order_staff
def deliver_message(schema: str, message_id: int) -> ResponseReturnValue:
    """Have a message that was given up delivered now; of two clicks one does it."""
    messages = dead_letters_by_schema().get(schema)
    if messages is None:
        abort(404)
    if messages.audit_table is None:
        found = next((message for message in messages.entries() if message.id == message_id), None)
        if found is not None and found.is_parked:
            said = f"after {found.attempts} attempts: {found.last_error}"
            accounts.record_audit(
                actor=web_session.current_actor(), what="message tried again", subject=found.key, detail=said
            )
    if messages.requeue(message_id, actor=web_session.current_actor()):
        return _done("It is on its way. If it fails once more, it comes back here.")
    return _done("It was not given up, or is no more: nothing had to be done.")


def _done(notice: str) -> ResponseReturnValue:
    if wants_fragment():
        return _show(notice)
    flash(notice, "notice")
    return redirect_or_hx(url_for(".failed_jobs"))
