"""Public functions of payments: one payment for each checkout, each function safe to repeat.

No transaction is open during a request to a provider: the attempt is committed before it, the response after it.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from flask import current_app
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_upi_id
from storefront.db import outbox
from storefront.db.session import read_session, retry_on_deadlock, transaction
from storefront.payments import legacy_import
from storefront.payments.consistency import PaymentFacts, snapshots, violations
from storefront.payments.events import PAYMENT_CHANGED
from storefront.payments.models import Message, Payment, ReceivedWebhook
from storefront.payments.providers import (
    CashOnDelivery,
    Charge,
    LegacyCharge,
    PayLater,
    PaymentProvider,
    ProviderResponse,
    Upi,
)
from storefront.payments.refunds import execute_refund
from storefront.payments.sandbox import SandboxProvider
from storefront.payments.values import (
    CustomerActionNeeded,
    PaymentDeclined,
    PaymentId,
    PaymentOption,
    PaymentRecord,
    PaymentStatus,
    PaymentUnavailable,
    UnknownPayment,
    WebhookEvent,
)

__all__ = [
    "BNPL_PROVIDERS",
    "PaymentFacts",
    "authorise",
    "capture",
    "check_available",
    "find_option",
    "is_offline",
    "is_upi_id",
    "legacy_import",
    "offline_option",
    "options",
    "page_origins",
    "record_webhook",
    "records_of",
    "refund_key",
    "refund_part",
    "refund_remaining",
    "settle_due",
    "snapshots",
    "status_of",
    "unavailable_options",
    "violations",
    "void",
]

logger = logging.getLogger(__name__)

# Statuses in which nothing has to be authorised any more.
_HELD = frozenset({PaymentStatus.AUTHORISED, PaymentStatus.DUE, PaymentStatus.CAPTURED})
_OFFLINE = (CashOnDelivery(), Upi(), PayLater())
_TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.REFUNDED})
_FINAL = frozenset({PaymentStatus.VOIDED, PaymentStatus.REFUNDED, PaymentStatus.DECLINED})


def _providers() -> tuple[PaymentProvider, ...]:
    """Providers of the configured payment methods: those settled outside the shop, and the card provider."""
    offered = current_app.config["OFFLINE_PAYMENTS"]
    offline = (provider for provider in _OFFLINE if provider.option.code in offered)
    cards = current_app.config["PAYMENT_PROVIDER"]
    return (*offline, *(() if cards == "none" else (_card_provider(cards),)))


def _card_provider(name: str) -> PaymentProvider:
    if name == "sandbox":
        return SandboxProvider()
    if name == "stripe":
        from storefront.payments.stripe import StripeProvider  # imported late: its library is large

        return StripeProvider()
    raise UnknownPayment(name)


def page_origins() -> tuple[str, ...]:
    """Origins of other sites that customers are sent to for payment; the content security policy must allow them."""
    if current_app.config["PAYMENT_PROVIDER"] != "stripe":
        return ()
    from storefront.payments.stripe import page_origin

    return (page_origin(),)


def options() -> tuple[PaymentOption, ...]:
    """The payment options that the shop offers."""
    return tuple(option for provider in _providers() for option in provider.options())


def unavailable_options() -> frozenset[str]:
    """Codes of the options whose provider does not answer at the moment."""
    away = [provider for provider in _providers() if not provider.is_available()]
    return frozenset(option.code for provider in away for option in provider.options())


def check_available(option: PaymentOption) -> None:
    """Refuse to begin a payment that its provider could not authorise now. One that was begun is not concerned.

    :raise PaymentUnavailable: the provider does not answer
    """
    if not _provider_for(option.code).is_available():
        raise PaymentUnavailable(option.label)


def find_option(code: str, entry: str = "", *, saved: int | None = None) -> PaymentOption | None:
    """Find a payment option by its code; None when it is not offered or does not accept `entry`.

    :param entry: what the shopper entered for it: a UPI id, or one of `BNPL_PROVIDERS`
    :param saved: id of the account's saved payment method that the entry is from
    """
    offered = next((option for option in options() if option.code == code), None)
    option = offered.with_entry(entry) if offered else None
    return replace(option, saved=saved) if option else None


def is_offline(option: PaymentOption) -> bool:
    """Whether a payment is settled outside the shop, so that nobody has confirmed it when the order is placed."""
    return any(provider.option.code == option.code for provider in _OFFLINE)


def offline_option(kind: str, details: str = "", lender: str = "", *, saved: int | None = None) -> PaymentOption | None:
    """Find a payment option that the customer need not confirm, for clients that cannot send them to a provider's page.

    :param kind: cod, upi, bnpl or card; a card only with the sandbox provider
    :param details: shown with the order, such as a masked number
    :param lender: who pays the shop, with `bnpl`
    :param saved: id of the account's saved payment method
    :return: None when the shop does not offer it that way
    """
    option = next((option for option in options() if option.kind == kind), None)
    if option is None or (kind == "card" and current_app.config["PAYMENT_PROVIDER"] != "sandbox"):
        return None
    if kind == "bnpl" and lender not in BNPL_PROVIDERS:
        return None
    return replace(option, details=details or option.details, lender=lender, saved=saved)


def _provider_for(method: str) -> PaymentProvider:
    for provider in _providers():
        if any(option.code == method for option in provider.options()):
            return provider
    raise UnknownPayment(method)


def _provider_of(payment: Payment) -> PaymentProvider:
    """The provider that has the money, even if it is not offered any more."""
    for provider in (*_providers(), *_OFFLINE, LegacyCharge()):
        if provider.name == payment.provider:
            return provider
    return _card_provider(payment.provider)


def authorise(checkout: str, amount: Money, method: str, return_url: str, *, saved_method: int | None = None) -> None:
    """Authorise a checkout's payment, unless that was done before.

    :param method: code of a `PaymentOption`
    :param return_url: where the provider sends the customer after confirming
    :param saved_method: id of the account's saved payment method, which the payment then names
    :raise PaymentDeclined: the provider declined, which is final
    :raise CustomerActionNeeded: the customer must confirm first
    :raise ProviderTimeout: no response; call again
    """
    provider = _provider_for(method)
    payment = _open(checkout, amount, method, provider.name, saved_method)
    status = PaymentStatus(payment.status)
    if status in _HELD:
        return
    if status in _FINAL:
        raise PaymentDeclined(payment.reason or "The payment was cancelled")
    response = provider.authorise(Charge(checkout, amount, method, return_url))
    _record(checkout, response)
    if response.status is PaymentStatus.ACTION_NEEDED:
        raise CustomerActionNeeded(response.action_url)
    if response.status not in _HELD:
        raise PaymentDeclined(response.reason or "The payment was declined")


def capture(checkout: str, order_id: str) -> None:
    """Capture the authorised payment, unless that was done before.

    :raise UnknownPayment: this checkout has no payment
    :raise PaymentDeclined: the authorisation is no longer valid
    :raise ProviderTimeout: no response; call again
    """
    payment = _get(checkout)
    if payment.status == PaymentStatus.CAPTURED and payment.order_id == order_id:
        return
    response = _provider_of(payment).capture(checkout)
    _record(checkout, response, order_id=order_id)
    if response.status not in {PaymentStatus.CAPTURED, PaymentStatus.DUE}:
        raise PaymentDeclined(response.reason or "The payment could not be taken")


def void(checkout: str) -> None:
    """Void an authorisation, or an attempt at one. Without a payment, or after the capture, it does nothing.

    :raise ProviderTimeout: no response; call again
    """
    payment = _find(checkout)
    if payment is None or PaymentStatus(payment.status) in _FINAL | {PaymentStatus.CAPTURED}:
        return
    _record(checkout, _provider_of(payment).void(checkout))


@retry_on_deadlock
def settle_due(checkout: str) -> None:
    """Mark a payment that was due as paid: its cash arrived. Any other payment is left as it is. Safe to repeat."""
    with transaction("payments") as session:
        due = (Payment.checkout_id == checkout, Payment.status == PaymentStatus.DUE)
        session.execute(update(Payment).where(*due).values(status=PaymentStatus.CAPTURED))


def refund_remaining(checkout: str, reason: str, amount: Money | None = None) -> None:
    """Undo a whole payment, once: refund it if it was captured, else void it.

    :param amount: what is left after partial refunds; None to take that from the payment
    :raise UnknownPayment: this checkout has no payment
    :raise RefundRefused: less is left, or the provider does not have the money
    :raise ProviderTimeout: no response; call again
    """
    payment = _get(checkout)
    if payment.status not in _TAKEN:
        void(checkout)
        payment = _get(checkout)  # the provider may have captured it without our receiving the response
    if payment.status in _TAKEN:
        _refund(payment, refund_key(checkout), amount, reason)


def refund_part(checkout: str, key: str, amount: Money, reason: str) -> None:
    """Refund a part of a payment, once for each key.

    A payment that is due on delivery is reduced by the amount; after the delivery staff hand the money back, and this
    records it. A voided payment was never captured: nothing is refunded.

    :param key: idempotency key of the refund, at most 80 characters
    :raise UnknownPayment: this checkout has no payment
    :raise RefundRefused: less is left, or the provider does not have the money
    :raise ProviderTimeout: no response; call again
    """
    payment = _get(checkout)
    if payment.status != PaymentStatus.VOIDED:
        _refund(payment, refund_key(checkout, key), amount, reason)


def refund_key(checkout: str, part: str | int | None = None) -> str:
    """The idempotency key of a refund.

    :param part: key of a partial refund; None for the refund of whatever is left
    """
    return f"refund/{checkout}" if part is None else f"refund/{checkout}/{part}"


def _refund(payment: Payment, key: str, amount: Money | None, reason: str) -> None:
    provider, checkout = _provider_of(payment), payment.checkout_id
    execute_refund(payment, key, amount, reason, lambda money: provider.refund(checkout, money, key))


def record_webhook(webhook: WebhookEvent) -> None:
    """Store a provider's webhook once, with an outbox message that has the checkout resumed.

    An event about a checkout without a payment is only logged.
    """
    if status_of(webhook.checkout) is None:
        logger.warning(
            "%s event %s names checkout %s, which has no payment", webhook.provider, webhook.id, webhook.checkout
        )
        return
    with suppress(IntegrityError):  # the event was received before
        _store_webhook(webhook)


@retry_on_deadlock
def _store_webhook(webhook: WebhookEvent) -> None:
    with transaction("payments") as session:
        session.add(
            ReceivedWebhook(
                event_id=webhook.id,
                provider=webhook.provider,
                kind=webhook.kind,
                checkout_id=webhook.checkout,
                received_at=utc_now(),
            )
        )
        session.flush()
        payload = {"checkout": webhook.checkout}
        outbox.publish(session, Message, PAYMENT_CHANGED, f"{PAYMENT_CHANGED}/{webhook.id}", payload)


def status_of(checkout: str) -> PaymentStatus | None:
    """The status of a checkout's payment; None when there is none."""
    payment = _find(checkout)
    return PaymentStatus(payment.status) if payment else None


def records_of(checkouts: Collection[str]) -> dict[str, PaymentRecord]:
    """Payments of the given checkouts, by checkout; those without one are left out."""
    asked = select(Payment).where(Payment.checkout_id.in_(checkouts))
    return {
        row.checkout_id: PaymentRecord(
            PaymentId(row.payment_id),
            row.id,
            PaymentStatus(row.status),
            Money(row.amount, row.currency),
            row.created_at,
            row.saved_method,
        )
        for row in (read_session().scalars(asked) if checkouts else ())
    }


def _find(checkout: str) -> Payment | None:
    asked = select(Payment).where(Payment.checkout_id == checkout)
    return read_session().scalar(asked)


def _get(checkout: str) -> Payment:
    payment = _find(checkout)
    if payment is None:
        raise UnknownPayment(checkout)
    return payment


def _open(checkout: str, amount: Money, method: str, provider: str, saved_method: int | None) -> Payment:
    """Find the payment of a checkout, or commit a new one before the provider is asked."""
    if existing := _find(checkout):
        return existing
    try:
        with transaction("payments") as session:
            session.add(
                Payment(
                    payment_id=str(uuid.uuid4()),
                    checkout_id=checkout,
                    amount=amount.minor,
                    currency=amount.currency,
                    method=method,
                    saved_method=saved_method,
                    status=PaymentStatus.STARTED,
                    provider=provider,
                    created_at=utc_now(),
                )
            )
    except IntegrityError:
        pass  # another runner inserted it first
    return _get(checkout)


@retry_on_deadlock
def _record(checkout: str, response: ProviderResponse, *, order_id: str | None = None) -> None:
    """Store a provider's response. One that arrives late changes no final status, and undoes no capture."""
    reference = {"provider_reference": response.reference} if response.reference else {}
    order = {"order_id": order_id} if order_id else {}
    settled = _FINAL if response.status is PaymentStatus.CAPTURED else _FINAL | {PaymentStatus.CAPTURED}
    with transaction("payments") as session:
        session.execute(
            update(Payment)
            .where(Payment.checkout_id == checkout, Payment.status.not_in(settled))
            .values(status=response.status, reason=response.reason, **reference, **order)
        )
