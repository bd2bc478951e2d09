"""Consistency checks of the payments schema, for the doctor."""

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
    """A payment as the doctor compares it with its order.

    :ivar refunds: settled refunds, by key
    """

    status: PaymentStatus
    amount: Money
    order_id: str | None
    refunds: dict[str, Money]


def snapshots() -> dict[str, PaymentFacts]:
    """Every payment, by its checkout."""
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
    """Find payments whose refunds do not add up to what they say was refunded.

    :return: a sentence for each
    """
    settled_amount = case((Refund.settled_at.is_not(None), Refund.amount), else_=0)
    summed = select(
        Payment,
        type_coerce(func.coalesce(func.sum(Refund.amount), 0), MinorUnits),
        type_coerce(func.coalesce(func.sum(settled_amount), 0), MinorUnits),
    ).outerjoin(Refund, Refund.payment_id == Payment.id)
    for payment, total, settled in read_session().execute(summed.group_by(Payment.id)):
        if total != payment.refunded:
            yield f"payment {payment.payment_id}: {payment.refunded} refunded, its refunds make {total}"
        is_refunded = payment.status == PaymentStatus.REFUNDED
        if is_refunded != (settled == payment.amount) and (is_refunded or settled):
            yield f"payment {payment.payment_id} is {payment.status}, but {settled} of {payment.amount} was refunded"
