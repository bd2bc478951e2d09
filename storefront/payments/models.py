"""The tables of the payments schema."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from storefront.db.column_types import MinorUnits, UtcDateTime
from storefront.db.outbox import OutboxMessage
from storefront.db.session import Model
from storefront.payments.values import PaymentStatus

_STATUSES = "status IN (" + ", ".join(f"'{status}'" for status in PaymentStatus) + ")"


class PaymentsModel(Model):
    __abstract__ = True
    __bind_key__ = "payments"


class Payment(PaymentsModel):
    """One per checkout.

    :cvar method: code of the `PaymentOption` chosen
    :cvar refunded: the sum of its refunds, those promised included
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint(_STATUSES, name="status"),
        CheckConstraint("amount >= 0", name="amount_ge_0"),
        CheckConstraint("refunded >= 0 AND refunded <= amount", name="refunded_within_amount"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[str] = mapped_column(String(36), unique=True)
    checkout_id: Mapped[str] = mapped_column(String(36), unique=True)
    order_id: Mapped[str | None] = mapped_column(String(50), index=True)
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str] = mapped_column(String(3))
    method: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(16), default=PaymentStatus.STARTED)
    provider: Mapped[str] = mapped_column(String(40))
    provider_reference: Mapped[str] = mapped_column(String(120), default="")
    reason: Mapped[str] = mapped_column(String(255), default="")
    refunded: Mapped[int] = mapped_column(MinorUnits, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Refund(PaymentsModel):
    """Money given back, or promised.

    :cvar key: what makes a repeat the same refund
    :cvar settled_at: when the provider had done it; None until then
    """

    __tablename__ = "refunds"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_gt_0"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    amount: Mapped[int] = mapped_column(MinorUnits)
    reason: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ReceivedWebhook(PaymentsModel):
    """A provider's message that was acted on.

    :cvar event_id: the provider's own; a second one is refused
    """

    __tablename__ = "webhook_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(String(100), unique=True)
    provider: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(80))
    checkout_id: Mapped[str] = mapped_column(String(36), index=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Message(OutboxMessage, PaymentsModel):
    """The outbox of the payments."""


class StripeCharge(PaymentsModel):
    """Which of Stripe's checkout sessions is a charge of ours.

    :cvar key: our idempotency key
    :cvar session: Stripe's id, once its answer arrived
    :cvar is_let_go: the charge was voided: it is refused from then on
    """

    __tablename__ = "stripe_charges"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    session: Mapped[str | None] = mapped_column(String(255))
    is_let_go: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SandboxCharge(PaymentsModel):
    """What the sandbox provider remembers: it plays another firm, so it has a memory of its own.

    :cvar key: our idempotency key
    """

    __tablename__ = "sandbox_charges"

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(40), unique=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str] = mapped_column(String(3))
    card: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(16))
    return_url: Mapped[str] = mapped_column(String(255))
    refunded: Mapped[int] = mapped_column(MinorUnits, default=0)
    asked: Mapped[int] = mapped_column(default=0)


class SandboxRefund(PaymentsModel):
    """A refund as the sandbox provider remembers it.

    :cvar key: our idempotency key
    """

    __tablename__ = "sandbox_refunds"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("sandbox_charges.id"), index=True)
    amount: Mapped[int] = mapped_column(MinorUnits)
