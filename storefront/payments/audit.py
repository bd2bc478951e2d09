"""What the doctor asks of the payments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from storefront.database import queries
from storefront.money import Money
from storefront.payments.models import Payment, Refund
from storefront.payments.values import PaymentStatus


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    status: PaymentStatus
    amount: Money
    order_id: str | None


def facts() -> dict[str, PaymentFacts]:
    """Every payment by its checkout; the database allows one each."""
    return {
        row.checkout_id: PaymentFacts(PaymentStatus(row.status), Money(row.amount, row.currency), row.order_id)
        for row in queries().scalars(select(Payment))
    }


def faults() -> Iterator[str]:
    """Refunds that do not make up what was taken."""
    returned = select(Payment, func.coalesce(func.sum(Refund.amount), 0)).outerjoin(
        Refund, Refund.payment_id == Payment.id
    )
    for payment, amount in queries().execute(returned.group_by(Payment.id)):
        expected = payment.amount if payment.status == PaymentStatus.REFUNDED else 0
        if amount != expected:
            yield f"payment {payment.payment_id} is {payment.status}, but {amount} of {payment.amount} was given back"
