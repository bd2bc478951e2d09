"""Payments of the old shop: captured there, or still to be collected."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select

from storefront.core.money import Money
from storefront.db.session import retry_on_deadlock, transaction
from storefront.payments.models import Payment
from storefront.payments.providers import CashOnDelivery, LegacyCharge, PayLater, Upi
from storefront.payments.values import PaymentStatus

_PROVIDERS = {"cod": CashOnDelivery, "upi": Upi, "bnpl": PayLater}  # every other kind was a card


@dataclass(frozen=True, slots=True)
class OldPayment:
    """A payment of the old shop.

    :ivar payment_id: its number there, empty for none
    :ivar kind: cod, card, upi or bnpl
    :ivar is_undone: its order was cancelled there: nothing is owed or held
    :ivar is_collected: its cash was collected on delivery
    """

    checkout: str
    order_id: str
    payment_id: str
    amount: Money
    kind: str
    is_undone: bool
    created_at: datetime
    is_collected: bool = False


@retry_on_deadlock
def import_payments(batch: Sequence[OldPayment]) -> None:
    """Insert one payment for each checkout. Safe to repeat."""
    with transaction("payments") as session:
        existing = select(Payment.checkout_id).where(Payment.checkout_id.in_([old.checkout for old in batch]))
        known = set(session.scalars(existing))
        new = [old for old in batch if old.checkout not in known]
        numbers = [old.payment_id for old in new]
        taken = set(session.scalars(select(Payment.payment_id).where(Payment.payment_id.in_(numbers))))
        rows = []
        for old in new:
            number = old.payment_id if old.payment_id and old.payment_id not in taken else str(uuid.uuid4())
            taken.add(number)
            rows.append(_row(old, number))
        if rows:
            session.execute(insert(Payment), rows)


def _row(old: OldPayment, number: str) -> dict[str, object]:
    held = PaymentStatus.DUE if old.kind == "cod" and not old.is_collected else PaymentStatus.CAPTURED
    return {
        "payment_id": number,
        "checkout_id": old.checkout,
        "order_id": old.order_id,
        "amount": old.amount.minor,
        "currency": old.amount.currency,
        "method": old.kind,
        "status": PaymentStatus.VOIDED if old.is_undone else held,
        "provider": _PROVIDERS.get(old.kind, LegacyCharge).name,
        "reason": "Settled by the old shop" if old.is_undone else "",
        "created_at": old.created_at,
    }
