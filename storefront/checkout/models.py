"""The tables of the checkout schema."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storefront.checkout.values import CheckoutState
from storefront.db.column_types import MinorUnits, UtcDateTime
from storefront.db.session import Model


class CheckoutModel(Model):
    """Base of the tables in the checkout schema."""

    __abstract__ = True
    __bind_key__ = "checkout"


class Checkout(CheckoutModel):
    """A checkout from the first form to its end, and the saga's record once the order is placed.

    :cvar idempotency_key: one order for each; None until the order is placed
    :cvar cart_token: key of the cart that is ordered
    :cvar cart_content: the content of a cart that this checkout orders: it takes it from any other. None before the
        order is placed, after it failed, and for goods that were in no cart
    :cvar step: position in `saga_steps.STEPS` of the step being done; of the one being undone, while undoing
    :cvar draft: what the shopper entered
    :cvar plan: the `PlacedOrder`, fixed when the order was placed
    :cvar progress: results of the steps (order id, provider's page), when it was placed, why it failed
    :cvar attempts: how often a runner took the lease
    :cvar lease_until: until then only `lease_owner` may run the steps
    """

    __tablename__ = "checkouts"
    __table_args__ = (
        CheckConstraint(
            "state IN (" + ", ".join(f"'{state}'" for state in CheckoutState) + ")",
            name="state",
        ),
        Index("ix_checkouts_state_lease_until", "state", "lease_until"),
        Index("uq_checkouts_cart_content", "cart_content", unique=True),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    cart_token: Mapped[str] = mapped_column(String(64), index=True)
    cart_content: Mapped[str | None] = mapped_column(String(32))
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
    """Tells an order that is sent again from a second order.

    :cvar key: digest of an order's contents
    :cvar checkout_id: the checkout that last ordered them
    :cvar at: when that was
    :cvar shown_total: the total that the client showed its user, in minor units
    :cvar answered_at: when an answer last told the client of the order; None as long as none did
    """

    __tablename__ = "duplicate_orders"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    checkout_id: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    shown_total: Mapped[int | None] = mapped_column(MinorUnits)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
