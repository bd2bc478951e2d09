"""Stripe: cards, typed on a page of theirs (Stripe Checkout) and never seen by us.

A charge is a checkout session made under our key. Nobody can pay at a session whose answer never reached us, because
nobody was sent there: so a charge can be let go although Stripe does not answer.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urljoin

import stripe
from flask import current_app
from pydantic import BaseModel, Field
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db.session import read_session, retry_on_deadlock, transaction
from storefront.payments.models import StripeCharge
from storefront.payments.providers import Charge, ProviderResponse
from storefront.payments.values import (
    InvalidSignature,
    PaymentOption,
    PaymentStatus,
    ProviderTimeout,
    UnknownPayment,
    WebhookEvent,
)

logger = logging.getLogger(__name__)

NAME = "stripe"
PAGES = "https://checkout.stripe.com"  # where Stripe's own pages live
TIMEOUT = (3.0, 12.0)  # seconds to connect and to answer; three answers must fit into the lease of a checkout
DECLINED = "The bank declined the card"
TOLERANCE = 300  # seconds a message may be old; Stripe signs anew whenever it sends again

# What moves a checkout. Each says that Stripe has news of it, so order and repeats do not matter.
NEWS = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.expired",
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
    }
)
_STATUSES = {
    "requires_capture": PaymentStatus.AUTHORISED,
    "succeeded": PaymentStatus.CAPTURED,
    "canceled": PaymentStatus.DECLINED,
    "requires_payment_method": PaymentStatus.DECLINED,
}

_REFUND_FELL_THROUGH = frozenset({"failed", "canceled"})
MAX_REFUNDS = 100  # of one charge, in one answer of Stripe; an order has fewer units

Result = TypeVar("Result")


class _About(BaseModel):
    metadata: dict[str, str] = {}


class _Data(BaseModel):
    object: _About


class _Event(BaseModel):
    """What is read of a message."""

    id: str = Field(max_length=100)
    type: str
    data: _Data


class StripeProvider:
    name = NAME

    def options(self) -> tuple[PaymentOption, ...]:
        return (
            PaymentOption("stripe", "Card", "You pay on a page of Stripe, who takes cards for us.", "card", "Card"),
        )

    def authorise(self, charge: Charge) -> ProviderResponse:
        known = _remember(charge.key)
        if known.is_let_go:
            return ProviderResponse(PaymentStatus.VOIDED)
        if known.session is not None:
            return _answer(_look_up(known.session))
        session = _ask(lambda: _open_session(charge))
        if _note_session(charge.key, session.id):
            return self.void(charge.key)  # while Stripe was on the line
        return _answer(session)

    def capture(self, key: str) -> ProviderResponse:
        answer = _answer(_look_up(_session_of(key)))
        if answer.status is not PaymentStatus.AUTHORISED:
            return answer
        try:
            _change(lambda: _client().v1.payment_intents.capture(answer.reference))
        except stripe.CardError as refusal:
            return replace(answer, status=PaymentStatus.DECLINED, reason=refusal.user_message or DECLINED)
        return replace(answer, status=PaymentStatus.CAPTURED)

    def void(self, key: str) -> ProviderResponse:
        known = _remember(key, let_go=True)
        if known.session is None:
            return ProviderResponse(PaymentStatus.VOIDED)
        session = _look_up(known.session)
        if session.status == "open":
            _change(lambda: _client().v1.checkout.sessions.expire(session.id))
            return ProviderResponse(PaymentStatus.VOIDED, session.id)
        answer = _answer(session)
        if answer.status is PaymentStatus.CAPTURED:
            return answer
        if answer.status is PaymentStatus.AUTHORISED:
            _change(lambda: _client().v1.payment_intents.cancel(answer.reference))
        return ProviderResponse(PaymentStatus.VOIDED, answer.reference)

    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        answer = _answer(_look_up(_session_of(key)))
        if answer.status is not PaymentStatus.CAPTURED:
            return answer
        if not _was_refunded(answer.reference, refund_key):
            _refund(answer.reference, key, amount, refund_key)
        return replace(answer, status=PaymentStatus.REFUNDED)


def page_origin() -> str:
    """Where the page is to which a customer is sent."""
    return current_app.config["STRIPE_API_BASE"] or PAGES


def read_webhook(body: bytes, signature: str) -> WebhookEvent | None:
    """What Stripe tells us unasked; None when it is no business of a checkout.

    :param signature: the header `Stripe-Signature`
    :raise ForgedMessage: Stripe did not sign this, or more than five minutes ago
    """
    try:
        stripe.WebhookSignature.verify_header(body, signature, current_app.config["STRIPE_WEBHOOK_SECRET"], TOLERANCE)
        event = _Event.model_validate_json(body)
    except (stripe.SignatureVerificationError, ValueError) as forged:
        raise InvalidSignature(str(forged)) from forged
    if event.type not in NEWS:
        return None
    checkout = event.data.object.metadata.get("checkout")
    return WebhookEvent(NAME, event.id, event.type, checkout) if checkout else None


def _client() -> stripe.StripeClient:
    return _client_of(current_app.config["STRIPE_SECRET_KEY"], current_app.config["STRIPE_API_BASE"])


@functools.cache
def _client_of(secret: str, base: str) -> stripe.StripeClient:
    """One a process: it keeps its connections. Nothing is asked twice by itself: whoever walks the checkout does."""
    return stripe.StripeClient(
        secret,
        base_addresses={"api": base} if base else None,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
        max_network_retries=0,
    )


def _ask(call: Callable[[], Result]) -> Result:
    """Ask Stripe, with no transaction of ours open meanwhile.

    :raise ProviderSilent: there was no answer, or Stripe does not know our key: whoever runs the shop has another soon
    """
    read_session().rollback()
    try:
        return call()
    except (stripe.AuthenticationError, stripe.PermissionError) as refusal:
        logger.error("Stripe does not accept the shop's key: %s", refusal)
        raise ProviderTimeout(f"Stripe: {refusal}") from refusal
    except (stripe.APIConnectionError, stripe.APIError, stripe.RateLimitError) as silence:
        raise ProviderTimeout(f"Stripe: {silence}") from silence


def _change(call: Callable[[], Result]) -> Result:
    """Ask for what its state allowed a moment ago; if the customer was faster, it is looked at anew."""
    try:
        return _ask(call)
    except stripe.InvalidRequestError as refusal:
        logger.warning("Stripe refused a change: %s", refusal)
        raise ProviderTimeout(f"Stripe: {refusal}") from refusal


def _open_session(charge: Charge) -> stripe.checkout.Session:
    """The same session whenever it is asked for under the same key."""
    back = urljoin(current_app.config["PUBLIC_ORIGIN"], charge.return_url)
    shown = {"currency": charge.amount.currency.lower(), "unit_amount": charge.amount.minor}
    wanted: Any = {
        "mode": "payment",
        "payment_method_types": ["card"],
        "line_items": [
            {"quantity": 1, "price_data": {**shown, "product_data": {"name": current_app.config["SHOP_NAME"]}}}
        ],
        "payment_intent_data": {"capture_method": "manual", "metadata": {"checkout": charge.key}},
        "client_reference_id": charge.key,
        "metadata": {"checkout": charge.key},
        "success_url": back,
        "cancel_url": back,
    }
    return _client().v1.checkout.sessions.create(wanted, options={"idempotency_key": charge.key})


def _was_refunded(intent: str, refund_key: str) -> bool:
    """Whether Stripe has this refund: it forgets idempotency keys after a day, what is written on a refund it keeps."""
    wanted: Any = {"payment_intent": intent, "limit": MAX_REFUNDS}
    known = _ask(lambda: _client().v1.refunds.list(wanted)).data
    return any(_key_of(refund) == refund_key for refund in known if refund.status not in _REFUND_FELL_THROUGH)


def _key_of(refund: stripe.Refund) -> str:
    """One made before there were refunds in part was of everything."""
    written = refund.metadata.to_dict() if refund.metadata else {}
    return str(written.get("refund", f"refund/{written.get('checkout', '')}"))


def _refund(intent: str, key: str, amount: Money, refund_key: str) -> None:
    """:raise ProviderSilent: it fell through; a person must look if it does so again"""
    written = {"checkout": key, "refund": refund_key}
    wanted: Any = {"payment_intent": intent, "amount": amount.minor, "metadata": written}
    try:
        refund = _ask(lambda: _client().v1.refunds.create(wanted, options={"idempotency_key": refund_key}))
    except stripe.InvalidRequestError as refusal:
        if refusal.code != "charge_already_refunded":
            raise
    else:
        if refund.status in _REFUND_FELL_THROUGH:
            raise ProviderTimeout(f"{refund_key} {refund.status}")


def _look_up(session: str) -> stripe.checkout.Session:
    return _ask(lambda: _client().v1.checkout.sessions.retrieve(session, {"expand": ["payment_intent"]}))


def _answer(session: stripe.checkout.Session) -> ProviderResponse:
    if session.status == "open":
        return ProviderResponse(PaymentStatus.ACTION_NEEDED, session.id, action_url=session.url or "")
    intent: Any = session.payment_intent
    if session.status == "expired" or intent is None:
        return ProviderResponse(PaymentStatus.DECLINED, session.id, reason="The payment page closed before you paid")
    status = _STATUSES.get(intent.status)
    if status is None:
        raise ProviderTimeout(f"Stripe is still {intent.status}")
    reason = DECLINED if status is PaymentStatus.DECLINED else ""
    return ProviderResponse(status, intent.id, reason=reason)


def _known(key: str) -> Select[StripeCharge]:
    """As it stands now; within a transaction nobody else may change it."""
    return select(StripeCharge).where(StripeCharge.key == key).with_for_update()


@retry_on_deadlock
def _session_of(key: str) -> str:
    with transaction("payments") as session:
        known = session.scalar(_known(key))
    if known is None or known.session is None:
        raise UnknownPayment(key)
    return known.session


@retry_on_deadlock
def _remember(key: str, *, let_go: bool = False) -> StripeCharge:
    """Note that Stripe is going to hear of this charge, or that the charge is refused whatever Stripe says later."""
    try:
        with transaction("payments") as session:
            known = session.scalar(_known(key))
            if known is None:
                known = StripeCharge(key=key, is_let_go=False, created_at=utc_now())
                session.add(known)
            known.is_let_go = known.is_let_go or let_go
    except IntegrityError:
        return _remember(key, let_go=let_go)  # another runner noted it first
    return known


@retry_on_deadlock
def _note_session(key: str, stripe_id: str) -> bool:
    """Note what Stripe made of a charge.

    :return: whether the charge was let go meanwhile
    """
    with transaction("payments") as session:
        known = session.scalars(_known(key)).one()
        known.session = stripe_id
    return known.is_let_go
