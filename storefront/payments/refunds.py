"""Money goes back: promised in one statement, asked of the provider, and noted once it is done.

The promise is what keeps the sum within what was paid; it stands before the provider hears of it, so that a refund
whose answer got lost is asked for again under its own key, and by nobody a second time.
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

_GIVES_BACK = frozenset({PaymentStatus.CAPTURED, PaymentStatus.DUE})  # of what is due, less is asked for


def execute_refund(
    payment: Payment, key: str, amount: Money | None, reason: str, ask: Callable[[Money], ProviderResponse]
) -> None:
    """Give money back, once for each key.

    :param amount: None for all that is left
    :param ask: asks the provider
    :raise RefundRefused: less is left, the key was used for another amount, or the provider does not have the money
    :raise ProviderSilent: no answer; ask again
    """
    identity, currency = payment.id, payment.currency
    promised = _promise(identity, key, amount, reason)
    if promised is not None and promised.settled_at is None:
        said = ask(Money(promised.amount, currency))
        if said.status is not PaymentStatus.REFUNDED:
            raise RefundRefused(f"{key}: {said.status} {said.reason}")
    _settle(identity, promised.id if promised is not None else None)


def _locked(payment: int) -> Select[Payment]:
    """A payment that nobody else changes until the transaction ends."""
    return select(Payment).where(Payment.id == payment).with_for_update()


@retry_on_deadlock
def _promise(payment: int, key: str, amount: Money | None, reason: str) -> Refund | None:
    """:return: the refund of this key; None when nothing is left to give back"""
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
        enough = (Payment.status.in_(_GIVES_BACK), Payment.refunded + minor <= Payment.amount)
        taken = update(Payment).where(Payment.id == payment, *enough).values(refunded=Payment.refunded + minor)
        if minor < 0 or not rows_changed(session.execute(taken)):
            raise RefundRefused(f"{key}: {minor} of {paid.amount - paid.refunded} (minor units), {paid.status}")
        promised = Refund(payment_id=payment, key=key, amount=minor, reason=reason, created_at=utc_now())
        session.add(promised)
        session.flush()
    return promised


@retry_on_deadlock
def _settle(payment: int, refund: int | None) -> None:
    """Note that a refund is done; with the last part of it the payment is refunded."""
    with transaction("payments") as session:
        session.scalars(_locked(payment)).one()
        if refund is not None:
            done = update(Refund).where(Refund.id == refund, Refund.settled_at.is_(None)).values(settled_at=utc_now())
            session.execute(done)
        is_open = select(Refund.id).where(Refund.payment_id == payment, Refund.settled_at.is_(None))
        if session.scalar(is_open.limit(1)) is None:
            is_all = (Payment.refunded == Payment.amount, Payment.status.in_(_GIVES_BACK))
            over = update(Payment).where(Payment.id == payment, *is_all).values(status=PaymentStatus.REFUNDED)
            session.execute(over)
