"""The payments' door: one payment a checkout, its steps safe to repeat.

No transaction is open while a provider is asked: the attempt is committed first, the answer second.
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
    ProviderTimeout,
    RefundRefused,
    UnknownPayment,
    WebhookEvent,
)

__all__ = [
    "BNPL_PROVIDERS",
    "CustomerActionNeeded",
    "PaymentDeclined",
    "PaymentFacts",
    "PaymentOption",
    "PaymentRecord",
    "PaymentStatus",
    "ProviderTimeout",
    "RefundRefused",
    "UnknownPayment",
    "authorise",
    "capture",
    "find_option",
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
    "snapshots",
    "status_of",
    "violations",
    "void",
]

logger = logging.getLogger(__name__)

_HELD = frozenset({PaymentStatus.AUTHORISED, PaymentStatus.DUE, PaymentStatus.CAPTURED})
_OFFLINE = (CashOnDelivery(), Upi(), PayLater())
_TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.REFUNDED})
_OVER = frozenset({PaymentStatus.VOIDED, PaymentStatus.REFUNDED, PaymentStatus.DECLINED})


def _providers() -> tuple[PaymentProvider, ...]:
    """Those the shop works with: what is settled elsewhere, and the card provider that is configured."""
    offered = current_app.config["OFFLINE_PAYMENTS"]
    offline = (provider for provider in _OFFLINE if provider.option.code in offered)
    cards = current_app.config["PAYMENT_PROVIDER"]
    return (*offline, *(() if cards == "none" else (_card_provider(cards),)))


def _card_provider(name: str) -> PaymentProvider:
    if name == "sandbox":
        return SandboxProvider()
    if name == "stripe":
        from storefront.payments.stripe import StripeProvider  # its library is large

        return StripeProvider()
    raise UnknownPayment(name)


def page_origins() -> tuple[str, ...]:
    """Where, other than here, a customer is sent to pay."""
    if current_app.config["PAYMENT_PROVIDER"] != "stripe":
        return ()
    from storefront.payments.stripe import page_origin

    return (page_origin(),)


def options() -> tuple[PaymentOption, ...]:
    """The ways to pay that the shop offers."""
    return tuple(option for provider in _providers() for option in provider.options())


def find_option(code: str, entry: str = "") -> PaymentOption | None:
    """The way to pay that has this code; None when it is not offered, or asks for something else beside it.

    :param entry: what the shopper entered beside it: a UPI id, or one of `LENDERS`
    """
    option = next((option for option in options() if option.code == code), None)
    return option.with_entry(entry) if option else None


def offline_option(kind: str, details: str = "", lender: str = "") -> PaymentOption | None:
    """The way to pay that needs nothing of the customer but their word, for clients that cannot send them elsewhere.

    :param kind: cod, upi, bnpl or card; a card only where the provider takes one without the customer
    :param details: what an order may show of it, such as a masked number
    :param lender: who pays first, with `bnpl`
    :return: None when the shop does not offer it so
    """
    option = next((option for option in options() if option.kind == kind), None)
    if option is None or (kind == "card" and current_app.config["PAYMENT_PROVIDER"] != "sandbox"):
        return None
    if kind == "bnpl" and lender not in BNPL_PROVIDERS:
        return None
    return replace(option, details=details or option.details, lender=lender)


def _provider_for(method: str) -> PaymentProvider:
    for provider in _providers():
        if any(option.code == method for option in provider.options()):
            return provider
    raise UnknownPayment(method)


def _provider_of(payment: Payment) -> PaymentProvider:
    """Who has the money, also where it can be paid to no longer."""
    for provider in (*_providers(), *_OFFLINE, LegacyCharge()):
        if provider.name == payment.provider:
            return provider
    return _card_provider(payment.provider)


def authorise(checkout: str, amount: Money, method: str, return_url: str) -> None:
    """Hold the money for a checkout, or learn that it is held already.

    :param method: code of a `PaymentOption`
    :raise PaymentDeclined: the provider said no; it stays no
    :raise CustomerActionNeeded: the customer must confirm first
    :raise ProviderSilent: no answer; ask again
    """
    provider = _provider_for(method)
    payment = _open(checkout, amount, method, provider.name)
    status = PaymentStatus(payment.status)
    if status in _HELD:
        return
    if status in _OVER:
        raise PaymentDeclined(payment.reason or "The payment was cancelled")
    said = provider.authorise(Charge(checkout, amount, method, return_url))
    _record(checkout, said)
    if said.status is PaymentStatus.ACTION_NEEDED:
        raise CustomerActionNeeded(said.action_url)
    if said.status not in _HELD:
        raise PaymentDeclined(said.reason or "The payment was declined")


def capture(checkout: str, order_id: str) -> None:
    """Take what is held. Captured stays captured.

    :raise PaymentDeclined: what was held is gone
    :raise ProviderSilent: no answer; ask again
    """
    payment = _get(checkout)
    if payment.status == PaymentStatus.CAPTURED and payment.order_id == order_id:
        return
    said = _provider_of(payment).capture(checkout)
    _record(checkout, said, order_id=order_id)
    if said.status not in {PaymentStatus.CAPTURED, PaymentStatus.DUE}:
        raise PaymentDeclined(said.reason or "The payment could not be taken")


def void(checkout: str) -> None:
    """Let go of what is held, or of what may be. Without a payment there is nothing to do.

    :raise ProviderSilent: no answer; ask again
    """
    payment = _find(checkout)
    if payment is None or PaymentStatus(payment.status) in _OVER | {PaymentStatus.CAPTURED}:
        return
    _record(checkout, _provider_of(payment).void(checkout))


def refund_remaining(checkout: str, reason: str, amount: Money | None = None) -> None:
    """Undo a payment, once: refund what was taken, let go of what was not.

    :param amount: what is left after refunds in part; None for whatever that is
    :raise UnknownPayment: this checkout has no payment
    :raise RefundRefused: less is left, or the provider does not have the money
    :raise ProviderSilent: no answer; ask again
    """
    payment = _get(checkout)
    if payment.status not in _TAKEN:
        void(checkout)
        payment = _get(checkout)  # the provider may have taken it, and that went unheard
    if payment.status in _TAKEN:
        _refund(payment, refund_key(checkout), amount, reason)


def refund_part(checkout: str, key: str, amount: Money, reason: str) -> None:
    """Give a part of a payment back, once for each key. Of one that is due, so much less is asked for.

    What is due is collected outside the shop: after the delivery it is the staff who hand the money back, and this
    notes it. A payment that was let go was never taken: nothing of it goes back.

    :param key: names the refund, at most 80 characters
    :raise UnknownPayment: this checkout has no payment
    :raise RefundRefused: less is left, or the provider does not have the money
    :raise ProviderSilent: no answer; ask again
    """
    payment = _get(checkout)
    if payment.status != PaymentStatus.VOIDED:
        _refund(payment, refund_key(checkout, key), amount, reason)


def refund_key(checkout: str, part: str | int | None = None) -> str:
    """The key of a refund.

    :param part: names one of a part; None for whatever was left
    """
    return f"refund/{checkout}" if part is None else f"refund/{checkout}/{part}"


def _refund(payment: Payment, key: str, amount: Money | None, reason: str) -> None:
    provider, checkout = _provider_of(payment), payment.checkout_id
    execute_refund(payment, key, amount, reason, lambda money: provider.refund(checkout, money, key))


def record_webhook(message: WebhookEvent) -> None:
    """A provider says that it has news: note it, once, and leave word for whoever walks the checkout."""
    if status_of(message.checkout) is None:
        logger.warning("%s %s is about %s, which has no payment", message.provider, message.id, message.checkout)
        return
    with suppress(IntegrityError):  # it came before
        _note_message(message)


@retry_on_deadlock
def _note_message(message: WebhookEvent) -> None:
    with transaction("payments") as session:
        session.add(
            ReceivedWebhook(
                event_id=message.id,
                provider=message.provider,
                kind=message.kind,
                checkout_id=message.checkout,
                received_at=utc_now(),
            )
        )
        session.flush()
        word = {"checkout": message.checkout}
        outbox.publish(session, Message, PAYMENT_CHANGED, f"{PAYMENT_CHANGED}/{message.id}", word)


def status_of(checkout: str) -> PaymentStatus | None:
    """Where the payment of a checkout stands; None when there is none."""
    payment = _find(checkout)
    return PaymentStatus(payment.status) if payment else None


def records_of(checkouts: Collection[str]) -> dict[str, PaymentRecord]:
    """Payments by checkout, of those that have one."""
    asked = select(Payment).where(Payment.checkout_id.in_(checkouts))
    return {
        row.checkout_id: PaymentRecord(
            PaymentId(row.payment_id),
            row.id,
            PaymentStatus(row.status),
            Money(row.amount, row.currency),
            row.created_at,
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


def _open(checkout: str, amount: Money, method: str, provider: str) -> Payment:
    """Note the attempt before the provider hears of it."""
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
                    status=PaymentStatus.STARTED,
                    provider=provider,
                    created_at=utc_now(),
                )
            )
    except IntegrityError:
        pass  # another runner noted it first
    return _get(checkout)


@retry_on_deadlock
def _record(checkout: str, said: ProviderResponse, *, order_id: str | None = None) -> None:
    """Write down what a provider said; over stays over and taken stays taken, whoever's answer arrives late."""
    known = {"provider_reference": said.reference} if said.reference else {}
    linked = {"order_id": order_id} if order_id else {}
    settled = _OVER if said.status is PaymentStatus.CAPTURED else _OVER | {PaymentStatus.CAPTURED}
    with transaction("payments") as session:
        session.execute(
            update(Payment)
            .where(Payment.checkout_id == checkout, Payment.status.not_in(settled))
            .values(status=said.status, reason=said.reason, **known, **linked)
        )
