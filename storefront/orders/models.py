"""The tables of the orders schema. Column names are those of the old system."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, false, true
from sqlalchemy.orm import Mapped, mapped_column, query_expression

from storefront.core import contact
from storefront.db.audit_log import AuditEntryMixin
from storefront.db.column_types import MinorUnits, UtcDateTime
from storefront.db.outbox import OutboxMessage
from storefront.db.session import Model
from storefront.orders.values import MAX_ORDER_ID_LENGTH, OrderStatus

_STATUSES = "status IN (" + ", ".join(f"'{status}'" for status in OrderStatus) + ")"


class OrdersModel(Model):
    """Base of the tables in the orders schema."""

    __abstract__ = True
    __bind_key__ = "orders"


class Order(OrdersModel):
    """An order: its figures, shipping address and payment method as they were when it was placed.

    :cvar order_id: the number in URLs and e-mails
    :cvar checkout_id: unique: a checkout has one order
    :cvar email_key: the e-mail address, normalized as accounts do; empty when it is not one
    :cvar refunded_amount: sum of partial refunds, in minor units; what a cancellation refunds is not included
    :cvar is_restocked: whether the units of a cancelled or undelivered order are available for sale again
    :cvar cash_received_at: when staff noted that the cash collected on delivery arrived
    :cvar invoice_number: only set by queries with `queries.WITH_INVOICE`
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(_STATUSES, name="status"),
        CheckConstraint("total_amount = subtotal + shipping + tax - discount", name="total_adds_up"),
        CheckConstraint("refunded_amount >= 0 AND refunded_amount <= total_amount", name="refunded_within_total"),
        Index("ix_orders_status_order_date", "status", "order_date", "id"),
        Index("ix_orders_status_estimated_delivery", "status", "estimated_delivery", "id"),
        Index("ix_orders_shipping_full_name", "shipping_full_name"),
        Index("ix_orders_cash", "payment_type", "cash_received_at", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(String(MAX_ORDER_ID_LENGTH), unique=True)
    checkout_id: Mapped[str] = mapped_column(String(36), unique=True)
    customer_id: Mapped[int | None] = mapped_column(index=True)
    customer_email: Mapped[str] = mapped_column(String(254), index=True)
    email_key: Mapped[str] = mapped_column(String(254), index=True, default="")
    subtotal: Mapped[int] = mapped_column(MinorUnits)
    shipping: Mapped[int] = mapped_column(MinorUnits)
    tax: Mapped[int] = mapped_column(MinorUnits)
    discount: Mapped[int] = mapped_column(MinorUnits)
    total_amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(16), default=OrderStatus.PENDING)
    order_date: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    estimated_delivery: Mapped[date] = mapped_column(Date)
    shipping_full_name: Mapped[str] = mapped_column(String(contact.MAX_NAME_LENGTH))
    shipping_phone: Mapped[str] = mapped_column(String(32))
    shipping_address_line1: Mapped[str] = mapped_column(String(contact.MAX_LINE_LENGTH))
    shipping_address_line2: Mapped[str] = mapped_column(String(contact.MAX_LINE_LENGTH), default="")
    shipping_city: Mapped[str] = mapped_column(String(contact.MAX_PLACE_LENGTH))
    shipping_state: Mapped[str] = mapped_column(String(contact.MAX_PLACE_LENGTH))
    shipping_zip_code: Mapped[str] = mapped_column(String(contact.MAX_CODE_LENGTH))
    shipping_country: Mapped[str] = mapped_column(String(contact.MAX_COUNTRY_LENGTH))
    payment_type: Mapped[str] = mapped_column(String(16))
    payment_details: Mapped[str] = mapped_column(String(160))
    payment_provider: Mapped[str] = mapped_column(String(40), default="")
    refunded_amount: Mapped[int] = mapped_column(MinorUnits, default=0, server_default="0")
    is_shipping_refunded: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_restocked: Mapped[bool] = mapped_column(default=True, server_default=true())
    cash_received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    invoice_number: Mapped[str | None] = query_expression()


class Item(OrdersModel):
    """A line item of an order.

    :cvar refunded: units that were refunded
    :cvar in_return: units in a return that is not decided yet
    """

    __tablename__ = "order_item"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_gt_0"),
        CheckConstraint("total = price * quantity", name="total_is_price_times_quantity"),
        CheckConstraint(
            "refunded >= 0 AND in_return >= 0 AND refunded + in_return <= quantity", name="refunded_within_quantity"
        ),
        Index("ix_order_item_sku", "sku", "order_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    product_id: Mapped[int] = mapped_column()
    product_slug: Mapped[str] = mapped_column(String(160))
    sku: Mapped[str] = mapped_column(String(100))
    product_name: Mapped[str] = mapped_column(String(500))
    variant_name: Mapped[str] = mapped_column(String(80), default="")
    product_image: Mapped[str] = mapped_column(String(255), default="")
    hue: Mapped[int] = mapped_column(default=255)
    price: Mapped[int] = mapped_column(MinorUnits)
    quantity: Mapped[int] = mapped_column()
    total: Mapped[int] = mapped_column(MinorUnits)
    refunded: Mapped[int] = mapped_column(default=0, server_default="0")
    in_return: Mapped[int] = mapped_column(default=0, server_default="0")


class OrderEvent(OrdersModel):
    """An entry of an order's timeline.

    :cvar by: who did it, as the shopper reads it
    :cvar topic: of the outbox message published with it; empty for none, as with imported orders
    """

    __tablename__ = "order_events"
    __table_args__ = (CheckConstraint(_STATUSES, name="status"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    status: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    note: Mapped[str] = mapped_column(String(255), default="")
    tracking_number: Mapped[str] = mapped_column(String(64), default="")
    carrier: Mapped[str] = mapped_column(String(40), default="", server_default="")
    topic: Mapped[str] = mapped_column(String(40), default="", server_default="")


class AuditEntry(AuditEntryMixin, OrdersModel):
    """The audit log of the orders schema."""


class Message(OutboxMessage, OrdersModel):
    """The outbox of the orders schema."""
