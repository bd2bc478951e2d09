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
    """Base of the tables in the payments schema."""

    __abstract__ = True
    __bind_key__ = "payments"


class Payment(PaymentsModel):
    """The payment of a checkout.

    :cvar payment_id: public id
    :cvar checkout_id: unique: a checkout has one payment
    :cvar order_id: set by the capture
    :cvar amount: what is paid, in minor units
    :cvar method: code of the `PaymentOption` chosen
    :cvar saved_method: id of the account's saved payment method, if it was made with one; it may be deleted since
    :cvar reason: why it was declined or voided
    :cvar refunded: sum of its refunds in minor units, including those not settled yet
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
    saved_method: Mapped[int | None] = mapped_column()
    status: Mapped[str] = mapped_column(String(16), default=PaymentStatus.STARTED)
    provider: Mapped[str] = mapped_column(String(40))
    provider_reference: Mapped[str] = mapped_column(String(120), default="")
    reason: Mapped[str] = mapped_column(String(255), default="")
    refunded: Mapped[int] = mapped_column(MinorUnits, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Refund(PaymentsModel):
    """A refund of a payment, or a reservation for one.

    :cvar key: idempotency key
    :cvar settled_at: when the provider had made it; None until then
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
    """A provider's event that was received.

    :cvar event_id: the provider's id; unique, so that a repeat is ignored
    :cvar kind: the provider's name of the event type
    """

    __tablename__ = "webhook_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(String(100), unique=True)
    provider: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(80))
    checkout_id: Mapped[str] = mapped_column(String(36), index=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Message(OutboxMessage, PaymentsModel):
    """The outbox of the payments schema."""


class StripeCharge(PaymentsModel):
    """The Stripe Checkout session of a charge.

    :cvar key: our idempotency key
    :cvar session: Stripe's id of the session; None until its response arrived
    :cvar is_let_go: the charge was voided, and is refused from then on
    """

    __tablename__ = "stripe_charges"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    session: Mapped[str | None] = mapped_column(String(255))
    is_let_go: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SandboxCharge(PaymentsModel):
    """A charge as the sandbox provider stores it; it stands for another company, so it has its own tables.

    :cvar key: our idempotency key
    :cvar state: a `PaymentStatus`
    :cvar asked: how often it was asked to authorise the charge
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
    """A refund as the sandbox provider stores it.

    :cvar key: our idempotency key
    """

    __tablename__ = "sandbox_refunds"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    charge_id: Mapped[int] = mapped_column(ForeignKey("sandbox_charges.id"), index=True)
    amount: Mapped[int] = mapped_column(MinorUnits)
