"""The tables of the checkout schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storefront.checkout.values import CheckoutState
from storefront.db.column_types import UtcDateTime
from storefront.db.session import Model


class CheckoutModel(Model):
    __abstract__ = True
    __bind_key__ = "checkout"


class Checkout(CheckoutModel):
    """The saga's record.

    :cvar step: index of the step that is next, going forward; of the one undone next, going back
    :cvar draft: what the shopper entered
    :cvar plan: what is being ordered, fixed when the order was placed
    :cvar progress: what the steps found out (order id, provider's page)
    :cvar lease_until: until when `lease_owner` alone may walk the steps
    """

    __tablename__ = "checkouts"
    __table_args__ = (
        CheckConstraint(
            "state IN (" + ", ".join(f"'{state}'" for state in CheckoutState) + ")",
            name="state",
        ),
        Index("ix_checkouts_state_lease_until", "state", "lease_until"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    cart_token: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(12), default=CheckoutState.DRAFT)
    step: Mapped[int] = mapped_column(default=0)
    draft: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    plan: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    progress: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(255), default="")
    lease_owner: Mapped[str | None] = mapped_column(String(36))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DuplicateGuard(CheckoutModel):
    """Tells a double click from a second order: who opened an order of the same content last, and when."""

    __tablename__ = "duplicate_orders"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    checkout_id: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
