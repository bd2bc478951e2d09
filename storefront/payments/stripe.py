"""Stripe: card payments on Stripe's own page (Stripe Checkout), so that we never see a card number.

A charge is a Checkout session created under our idempotency key. If the response with the session is lost, no customer
was sent to its page and nobody can pay there: so such a charge can be voided without asking Stripe.
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
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.core.outside_calls import SERVER_ERRORS, OutsideService, ServiceUnavailable
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
PAGES = "https://checkout.stripe.com"  # origin of Stripe's payment pages
# Seconds to connect and to respond; three requests, each with its quick retry, must fit into `saga.LEASE`.
TIMEOUT = (3.0, 12.0)
DECLINED = "The bank declined the card"
TOLERANCE = 300  # seconds a signature may be old; Stripe signs every delivery again

# Events after which a checkout is resumed. The status is then requested, so their order and repeats do not matter.
RELEVANT_EVENTS = frozenset(
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

_REFUND_FAILED = frozenset({"failed", "canceled"})
MAX_REFUNDS = 100  # of one charge, in one response of Stripe; an order has fewer units

# What may be asked twice is asked again at once if the connection fails, or Stripe stumbles.
_RETRY_ON = (stripe.APIConnectionError, stripe.APIError)

Result = TypeVar("Result")


def _is_failure(error: BaseException) -> bool:
    """Whether Stripe does not work; a declined card, a refused change or a refused key is an answer."""
    if isinstance(error, stripe.APIError):
        return error.http_status is None or error.http_status >= SERVER_ERRORS
    return isinstance(error, (stripe.APIConnectionError, stripe.RateLimitError))


SERVICE = OutsideService(NAME, _is_failure)


class _Event(BaseModel):
    """The fields of every webhook."""

    id: str = Field(max_length=100)
    type: str
    data: Any = None


class _Metadata(BaseModel):
    checkout: str


class _Object(BaseModel):
    metadata: _Metadata


class _Data(BaseModel):
    """The data of an event about one of our charges; Stripe signs events about other things, too."""

    object: _Object


class StripeProvider:
    """A `PaymentProvider` for cards, by Stripe Checkout with manual capture."""

    name = NAME

    def options(self) -> tuple[PaymentOption, ...]:
        return (
            PaymentOption("stripe", "Card", "You pay on a secure page of Stripe, our card provider.", "card", "Card"),
        )

    def is_available(self) -> bool:
        return SERVICE.is_available(lambda: _client().v1.checkout.sessions.list({"limit": 1}))

    def authorise(self, charge: Charge) -> ProviderResponse:
        stored = _store_charge(charge.key)
        if stored.is_let_go:
            return ProviderResponse(PaymentStatus.VOIDED)
        if stored.session is not None:
            return _response_to(_retrieve(stored.session))
        session = _ask("create session", lambda: _open_session(charge), retry_on=_RETRY_ON)
        if _store_session(charge.key, session.id):
            return self.void(charge.key)  # it was voided during the request
        return _response_to(session)

    def capture(self, key: str) -> ProviderResponse:
        response = _response_to(_retrieve(_session_of(key)))
        if response.status is not PaymentStatus.AUTHORISED:
            return response
        try:
            _change("capture", lambda: _client().v1.payment_intents.capture(response.reference))
        except stripe.CardError as refusal:
            return replace(response, status=PaymentStatus.DECLINED, reason=refusal.user_message or DECLINED)
        return replace(response, status=PaymentStatus.CAPTURED)

    def void(self, key: str) -> ProviderResponse:
        stored = _store_charge(key, voided=True)
        if stored.session is None:
            return ProviderResponse(PaymentStatus.VOIDED)
        session = _retrieve(stored.session)
        if session.status == "open":
            _change("expire session", lambda: _client().v1.checkout.sessions.expire(session.id))
            return ProviderResponse(PaymentStatus.VOIDED, session.id)
        response = _response_to(session)
        if response.status is PaymentStatus.CAPTURED:
            return response
        if response.status is PaymentStatus.AUTHORISED:
            _change("cancel", lambda: _client().v1.payment_intents.cancel(response.reference))
        return ProviderResponse(PaymentStatus.VOIDED, response.reference)

    def refund(self, key: str, amount: Money, refund_key: str) -> ProviderResponse:
        response = _response_to(_retrieve(_session_of(key)))
        if response.status is not PaymentStatus.CAPTURED:
            return response
        if not _was_refunded(response.reference, refund_key):
            _refund(response.reference, key, amount, refund_key)
        return replace(response, status=PaymentStatus.REFUNDED)


def page_origin() -> str:
    """Origin of the page that a customer is sent to."""
    return current_app.config["STRIPE_API_BASE"] or PAGES


def read_webhook(body: bytes, signature: str) -> WebhookEvent | None:
    """Verify and parse a webhook of Stripe; None for an event that does not concern a checkout, whatever its shape.

    :param signature: the header `Stripe-Signature`
    :raise InvalidSignature: Stripe did not sign it, or more than five minutes ago
    """
    try:
        stripe.WebhookSignature.verify_header(body, signature, current_app.config["STRIPE_WEBHOOK_SECRET"], TOLERANCE)
        event = _Event.model_validate_json(body)
    except (stripe.SignatureVerificationError, ValueError) as error:
        raise InvalidSignature(str(error)) from error
    if event.type not in RELEVANT_EVENTS:
        return None
    try:
        checkout = _Data.model_validate(event.data).object.metadata.checkout
    except ValidationError:
        return None  # a charge that somebody made by hand, without our metadata
    return WebhookEvent(NAME, event.id, event.type, checkout) if checkout else None


def _client() -> stripe.StripeClient:
    return _client_of(current_app.config["STRIPE_SECRET_KEY"], current_app.config["STRIPE_API_BASE"])


@functools.cache
def _client_of(secret: str, base: str) -> stripe.StripeClient:
    """One client for each process, which pools connections. It does not retry: `_ask` and the saga do."""
    return stripe.StripeClient(
        secret,
        base_addresses={"api": base} if base else None,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
        max_network_retries=0,
    )


def _ask(operation: str, call: Callable[[], Result], *, retry_on: tuple[type[stripe.StripeError], ...] = ()) -> Result:
    """Make a request to Stripe, with no transaction open meanwhile.

    :raise ProviderTimeout: no response, or it was not asked because it gave none repeatedly, or Stripe rejects our
        secret key: the request is repeated later
    """
    read_session().rollback()
    try:
        return SERVICE.call(operation, call, retry_on=retry_on)
    except (stripe.AuthenticationError, stripe.PermissionError) as refusal:
        logger.error("Stripe rejects the shop's secret key: %s", refusal)
        raise ProviderTimeout(f"Stripe: {refusal}") from refusal
    except (ServiceUnavailable, stripe.APIConnectionError, stripe.APIError, stripe.RateLimitError) as error:
        raise ProviderTimeout(f"Stripe: {error}") from error


def _change(operation: str, call: Callable[[], Result]) -> Result:
    """Request a change that the charge's state allowed a moment ago.

    :raise ProviderTimeout: also when the customer changed the state meanwhile: the next run requests it again
    """
    try:
        return _ask(operation, call)
    except stripe.InvalidRequestError as refusal:
        logger.warning("Stripe refused a change: %s", refusal)
        raise ProviderTimeout(f"Stripe: {refusal}") from refusal


def _open_session(charge: Charge) -> stripe.checkout.Session:
    """Create the session of a charge; Stripe returns the same one for the same key."""
    return_url = urljoin(current_app.config["PUBLIC_ORIGIN"], charge.return_url)
    price = {"currency": charge.amount.currency.lower(), "unit_amount": charge.amount.minor}
    params: Any = {
        "mode": "payment",
        "payment_method_types": ["card"],
        "line_items": [
            {"quantity": 1, "price_data": {**price, "product_data": {"name": current_app.config["SHOP_NAME"]}}}
        ],
        "payment_intent_data": {"capture_method": "manual", "metadata": {"checkout": charge.key}},
        "client_reference_id": charge.key,
        "metadata": {"checkout": charge.key},
        "success_url": return_url,
        "cancel_url": return_url,
    }
    return _client().v1.checkout.sessions.create(params, options={"idempotency_key": charge.key})


def _was_refunded(intent: str, refund_key: str) -> bool:
    """Whether Stripe has made this refund before.

    Stripe forgets idempotency keys after a day but keeps a refund's metadata, which holds our key.
    """
    params: Any = {"payment_intent": intent, "limit": MAX_REFUNDS}
    refunds = _ask("list refunds", lambda: _client().v1.refunds.list(params), retry_on=_RETRY_ON).data
    return any(_key_of(refund) == refund_key for refund in refunds if refund.status not in _REFUND_FAILED)


def _key_of(refund: stripe.Refund) -> str:
    """Our key of a refund; one from before partial refunds has no key in its metadata, and was of the whole amount."""
    metadata = refund.metadata.to_dict() if refund.metadata else {}
    return str(metadata.get("refund", f"refund/{metadata.get('checkout', '')}"))


def _refund(intent: str, key: str, amount: Money, refund_key: str) -> None:
    """Create a refund.

    :raise ProviderTimeout: Stripe could not make it; staff must look into it if that is repeated
    """
    metadata = {"checkout": key, "refund": refund_key}
    params: Any = {"payment_intent": intent, "amount": amount.minor, "metadata": metadata}
    try:
        key_option: Any = {"idempotency_key": refund_key}
        refund = _ask(
            "create refund", lambda: _client().v1.refunds.create(params, options=key_option), retry_on=_RETRY_ON
        )
    except stripe.InvalidRequestError as refusal:
        if refusal.code != "charge_already_refunded":
            raise
    else:
        if refund.status in _REFUND_FAILED:
            raise ProviderTimeout(f"{refund_key} {refund.status}")


def _retrieve(session: str) -> stripe.checkout.Session:
    return _ask(
        "retrieve session",
        lambda: _client().v1.checkout.sessions.retrieve(session, {"expand": ["payment_intent"]}),
        retry_on=_RETRY_ON,
    )


def _response_to(session: stripe.checkout.Session) -> ProviderResponse:
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


def _locked(key: str) -> Select[StripeCharge]:
    """The row of a charge with its row lock, until the transaction ends."""
    return select(StripeCharge).where(StripeCharge.key == key).with_for_update()


@retry_on_deadlock
def _session_of(key: str) -> str:
    with transaction("payments") as session:
        stored = session.scalar(_locked(key))
    if stored is None or stored.session is None:
        raise UnknownPayment(key)
    return stored.session


@retry_on_deadlock
def _store_charge(key: str, *, voided: bool = False) -> StripeCharge:
    """Store a charge before Stripe is asked; with `voided` mark it voided, whatever Stripe responds later."""
    try:
        with transaction("payments") as session:
            stored = session.scalar(_locked(key))
            if stored is None:
                stored = StripeCharge(key=key, is_let_go=False, created_at=utc_now())
                session.add(stored)
            stored.is_let_go = stored.is_let_go or voided
    except IntegrityError:
        return _store_charge(key, voided=voided)  # another runner inserted it first
    return stored


@retry_on_deadlock
def _store_session(key: str, stripe_id: str) -> bool:
    """Store the session that Stripe created for a charge.

    :return: whether the charge was voided meanwhile
    """
    with transaction("payments") as session:
        stored = session.scalars(_locked(key)).one()
        stored.session = stripe_id
    return stored.is_let_go
