"""The tables of the cart schema."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storefront.db.column_types import MinorUnits, UtcDateTime
from storefront.db.import_log import ImportedRowMixin
from storefront.db.session import Model


class CartModel(Model):
    """Base of the tables in the cart schema."""

    __abstract__ = True
    __bind_key__ = "cart"


def new_content_id() -> str:
    """A random id for the content of a cart."""
    return uuid.uuid4().hex


class Cart(CartModel):
    """The cart of an account, or of a browser by its token.

    :cvar updated_at: when a line was last added or changed; old carts of guests are deleted by it
    :cvar cleared_for: the checkout whose items were removed from it last, so that a repeat removes nothing
    :cvar content_id: names what it holds until an order takes it; the order states it, and no other order may
    """

    __tablename__ = "cart"
    __table_args__ = (CheckConstraint("user_id IS NOT NULL OR guest_token IS NOT NULL", name="has_owner"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(unique=True)
    guest_token: Mapped[str | None] = mapped_column(String(32), unique=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    cleared_for: Mapped[str | None] = mapped_column(String(36))
    content_id: Mapped[str] = mapped_column(String(32), default=new_content_id)


class Line(CartModel):
    """A line of a cart.

    :cvar variant: the SKU
    :cvar price_seen: unit price when the shopper last changed the line, in minor units
    :cvar began_at: when the line was created
    """

    __tablename__ = "cart_item"
    __table_args__ = (
        UniqueConstraint("cart_id", "variant"),
        CheckConstraint("quantity BETWEEN 1 AND 99", name="quantity_1_to_99"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cart_id: Mapped[int] = mapped_column(ForeignKey("cart.id", ondelete="CASCADE"))
    product_id: Mapped[int] = mapped_column()
    variant: Mapped[str] = mapped_column(String(100))
    quantity: Mapped[int] = mapped_column()
    price_seen: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str] = mapped_column(String(3))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ImportedRow(ImportedRowMixin, CartModel):
    """Which cart lines of the old shop were imported."""
