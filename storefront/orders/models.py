"""The tables of the orders schema. Columns keep the names of the old system."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from storefront.database import Model, UtcDateTime
from storefront.money import MinorUnits
from storefront.orders.values import OrderStatus
from storefront.outbox import OutboxMessage

_STATUSES = "status IN (" + ", ".join(f"'{status}'" for status in OrderStatus) + ")"


class OrdersModel(Model):
    __abstract__ = True
    __bind_key__ = "orders"


class Order(OrdersModel):
    """:cvar order_id: the number people and URLs carry :cvar checkout_id: what makes a repeat the same order
    :cvar email_key: the address as accounts are known by it, empty for what is none
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(_STATUSES, name="status"),
        CheckConstraint("total_amount = subtotal + shipping + tax - discount", name="total_adds_up"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(String(32), unique=True)
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
    shipping_full_name: Mapped[str] = mapped_column(String(120))
    shipping_phone: Mapped[str] = mapped_column(String(32))
    shipping_address_line1: Mapped[str] = mapped_column(String(160))
    shipping_address_line2: Mapped[str] = mapped_column(String(160), default="")
    shipping_city: Mapped[str] = mapped_column(String(80))
    shipping_state: Mapped[str] = mapped_column(String(80))
    shipping_zip_code: Mapped[str] = mapped_column(String(16))
    shipping_country: Mapped[str] = mapped_column(String(60))
    payment_type: Mapped[str] = mapped_column(String(16))
    payment_details: Mapped[str] = mapped_column(String(160))
    payment_provider: Mapped[str] = mapped_column(String(40), default="")


class Item(OrdersModel):
    __tablename__ = "order_item"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_gt_0"),
        CheckConstraint("total = price * quantity", name="total_is_price_times_quantity"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    product_id: Mapped[int] = mapped_column()
    product_slug: Mapped[str] = mapped_column(String(160))
    sku: Mapped[str] = mapped_column(String(64))
    product_name: Mapped[str] = mapped_column(String(160))
    variant_name: Mapped[str] = mapped_column(String(80), default="")
    product_image: Mapped[str] = mapped_column(String(255), default="")
    hue: Mapped[int] = mapped_column(default=255)
    price: Mapped[int] = mapped_column(MinorUnits)
    quantity: Mapped[int] = mapped_column()
    total: Mapped[int] = mapped_column(MinorUnits)


class OrderEvent(OrdersModel):
    """An entry of the tracking timeline."""

    __tablename__ = "order_events"
    __table_args__ = (CheckConstraint(_STATUSES, name="status"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    status: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    note: Mapped[str] = mapped_column(String(255), default="")
    tracking_number: Mapped[str] = mapped_column(String(64), default="")


class Message(OutboxMessage, OrdersModel):
    """The outbox of the orders schema."""
