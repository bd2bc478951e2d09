"""The tables of partial refunds and returns."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storefront.db.column_types import MinorUnits, UtcDateTime
from storefront.orders.models import OrdersModel
from storefront.orders.refund_values import MAX_NOTE_LENGTH, MAX_REASON_LENGTH, ReturnState

_STATES = "state IN (" + ", ".join(f"'{state}'" for state in ReturnState) + ")"


class OrderRefund(OrdersModel):
    """A partial refund of an order.

    :cvar key: idempotency key of the form that requested it
    :cvar digest: of that form's contents; the same key with other contents is refused
    :cvar amount: in minor units
    :cvar is_restocked: whether the units are available for sale again
    :cvar lowers_due: the order was not paid yet: the amount due is reduced instead
    :cvar actor: the staff member who made it
    """

    __tablename__ = "order_refunds"
    __table_args__ = (CheckConstraint("amount >= 0", name="amount_ge_0"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(String(64))
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str] = mapped_column(String(3))
    is_with_shipping: Mapped[bool] = mapped_column()
    is_restocked: Mapped[bool] = mapped_column()
    lowers_due: Mapped[bool] = mapped_column()
    reason: Mapped[str] = mapped_column(String(MAX_REASON_LENGTH))
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RefundLine(OrdersModel):
    """Units of a line item in a refund."""

    __tablename__ = "order_refund_lines"
    __table_args__ = (
        UniqueConstraint("refund_id", "item_id"),
        CheckConstraint("quantity > 0", name="quantity_gt_0"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    refund_id: Mapped[int] = mapped_column(ForeignKey("order_refunds.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("order_item.id"), index=True)
    quantity: Mapped[int] = mapped_column()


class OrderReturn(OrdersModel):
    """A return that a shopper requested.

    :cvar key: idempotency key of the form that requested it
    :cvar digest: of that form's contents
    :cvar note: the shopper's comment
    :cvar answer: why it was declined, for the shopper
    :cvar refund_id: its refund, once approved
    """

    __tablename__ = "order_returns"
    __table_args__ = (
        CheckConstraint(_STATES, name="state"),
        Index("ix_order_returns_state_requested_at", "state", "requested_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12), default=ReturnState.REQUESTED)
    reason: Mapped[str] = mapped_column(String(24))
    note: Mapped[str] = mapped_column(String(MAX_NOTE_LENGTH), default="")
    answer: Mapped[str] = mapped_column(String(MAX_NOTE_LENGTH), default="")
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("order_refunds.id"), index=True)


class ReturnLine(OrdersModel):
    """Units of a line item in a return."""

    __tablename__ = "order_return_lines"
    __table_args__ = (
        UniqueConstraint("return_id", "item_id"),
        CheckConstraint("quantity > 0", name="quantity_gt_0"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    return_id: Mapped[int] = mapped_column(ForeignKey("order_returns.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("order_item.id"), index=True)
    quantity: Mapped[int] = mapped_column()
