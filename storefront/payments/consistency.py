"""What the doctor asks of the payments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import case, func, select, type_coerce

from storefront.core.money import Money
from storefront.db.column_types import MinorUnits
from storefront.db.session import read_session
from storefront.payments.models import Payment, Refund
from storefront.payments.values import PaymentStatus


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """:ivar refunds: given back, by key; what is only promised is none"""

    status: PaymentStatus
    amount: Money
    order_id: str | None
    refunds: dict[str, Money]


def snapshots() -> dict[str, PaymentFacts]:
    """Every payment by its checkout; the database allows one each."""
    refunds: dict[int, dict[str, int]] = defaultdict(dict)
    settled = select(Refund.payment_id, Refund.key, Refund.amount).where(Refund.settled_at.is_not(None))
    for payment, key, amount in read_session().execute(settled):
        refunds[payment][key] = amount
    return {
        row.checkout_id: PaymentFacts(
            PaymentStatus(row.status),
            Money(row.amount, row.currency),
            row.order_id,
            {key: Money(amount, row.currency) for key, amount in refunds[row.id].items()},
        )
        for row in read_session().scalars(select(Payment))
    }


def violations() -> Iterator[str]:
    """Refunds that do not make up what was given back."""
    settled = case((Refund.settled_at.is_not(None), Refund.amount), else_=0)
    summed = select(
        Payment,
        type_coerce(func.coalesce(func.sum(Refund.amount), 0), MinorUnits),
        type_coerce(func.coalesce(func.sum(settled), 0), MinorUnits),
    ).outerjoin(Refund, Refund.payment_id == Payment.id)
    for payment, promised, given in read_session().execute(summed.group_by(Payment.id)):
        if promised != payment.refunded:
            yield f"payment {payment.payment_id}: {payment.refunded} refunded, its refunds make {promised}"
        is_over = payment.status == PaymentStatus.REFUNDED
        if is_over != (given == payment.amount) and (is_over or given):
            yield f"payment {payment.payment_id} is {payment.status}, but {given} of {payment.amount} was given back"
