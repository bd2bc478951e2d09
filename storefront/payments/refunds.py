"""Refunds of a payment: reserved by one statement, requested from the provider, then marked as settled.

The reservation keeps the sum of all refunds within the amount paid. It is committed before the provider is asked, so
that a refund whose response was lost is requested again under its own key, and not made a second time under another.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Select, select, update

from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db.session import retry_on_deadlock, rows_changed, transaction
from storefront.payments.models import Payment, Refund
from storefront.payments.providers import ProviderResponse
from storefront.payments.values import PaymentStatus, RefundRefused

_REFUNDABLE = frozenset({PaymentStatus.CAPTURED, PaymentStatus.DUE})  # a due payment is reduced


def execute_refund(
    payment: Payment, key: str, amount: Money | None, reason: str, ask: Callable[[Money], ProviderResponse]
) -> None:
    """Refund money, once for each key.

    :param amount: None for all that is left
    :param ask: requests the refund from the provider
    :raise RefundRefused: less is left, the key was used for another amount, or the provider does not have the money
    :raise ProviderTimeout: no response; call again
    """
    identity, currency = payment.id, payment.currency
    refund = _reserve(identity, key, amount, reason)
    if refund is not None and refund.settled_at is None:
        response = ask(Money(refund.amount, currency))
        if response.status is not PaymentStatus.REFUNDED:
            raise RefundRefused(f"{key}: {response.status} {response.reason}")
    _settle(identity, refund.id if refund is not None else None)


def _locked(payment: int) -> Select[Payment]:
    """A payment with its row lock, until the transaction ends."""
    return select(Payment).where(Payment.id == payment).with_for_update()


@retry_on_deadlock
def _reserve(payment: int, key: str, amount: Money | None, reason: str) -> Refund | None:
    """Find the refund of a key, or insert it and count its amount as refunded.

    :return: None when nothing is left to refund
    """
    with transaction("payments") as session:
        paid = session.scalars(_locked(payment)).one()
        known = session.scalar(select(Refund).where(Refund.key == key))
        if known is not None:
            if amount is not None and (known.payment_id, known.amount) != (payment, amount.minor):
                raise RefundRefused(f"{key}: it was {known.amount}, now {amount.minor} (minor units)")
            return known
        minor = paid.amount - paid.refunded if amount is None else amount.minor
        if not minor:
            return None
        enough = (Payment.status.in_(_REFUNDABLE), Payment.refunded + minor <= Payment.amount)
        counted = update(Payment).where(Payment.id == payment, *enough).values(refunded=Payment.refunded + minor)
        if minor < 0 or not rows_changed(session.execute(counted)):
            raise RefundRefused(f"{key}: {minor} of {paid.amount - paid.refunded} (minor units), {paid.status}")
        refund = Refund(payment_id=payment, key=key, amount=minor, reason=reason, created_at=utc_now())
        session.add(refund)
        session.flush()
    return refund


@retry_on_deadlock
def _settle(payment: int, refund: int | None) -> None:
    """Mark a refund as settled; when none is open and the whole amount is refunded, so is the payment."""
    with transaction("payments") as session:
        session.scalars(_locked(payment)).one()
        if refund is not None:
            done = update(Refund).where(Refund.id == refund, Refund.settled_at.is_(None)).values(settled_at=utc_now())
            session.execute(done)
        is_open = select(Refund.id).where(Refund.payment_id == payment, Refund.settled_at.is_(None))
        if session.scalar(is_open.limit(1)) is None:
            is_all = (Payment.refunded == Payment.amount, Payment.status.in_(_REFUNDABLE))
            refunded = update(Payment).where(Payment.id == payment, *is_all).values(status=PaymentStatus.REFUNDED)
            session.execute(refunded)
