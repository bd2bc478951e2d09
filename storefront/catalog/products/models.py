"""The tables of the product desk: prices that begin later, addresses that moved, submits that were done."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storefront.catalog.models import CatalogModel
from storefront.db.column_types import MinorUnits, UtcDateTime


class PriceState(StrEnum):
    """The life of a price that begins later."""

    SCHEDULED = "scheduled"
    RUNNING = "running"  # begun, and to return
    DONE = "done"
    CANCELLED = "cancelled"


class PriceChange(CatalogModel):
    """A price that a variant is to have from a moment on, and perhaps only until another.

    :cvar ends_at: when the price before it returns; None when it stays
    :cvar old_price: what it replaced, known once it has begun
    """

    __tablename__ = "price_changes"
    __table_args__ = (
        CheckConstraint("price > 0", name="price_gt_0"),
        CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("state IN ('scheduled', 'running', 'done', 'cancelled')", name="state"),
        Index("ix_price_changes_state_starts_at", "state", "starts_at"),
        Index("ix_price_changes_state_ends_at", "state", "ends_at"),
        Index("ix_price_changes_variant_id", "variant_id", "starts_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"))
    price: Mapped[int] = mapped_column(MinorUnits)
    compare_at_price: Mapped[int | None] = mapped_column(MinorUnits)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(12), default=PriceState.SCHEDULED)
    old_price: Mapped[int | None] = mapped_column(MinorUnits)
    old_compare_at_price: Mapped[int | None] = mapped_column(MinorUnits)
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SlugRedirect(CatalogModel):
    """An address that a category had: it leads to the category, wherever that is by now, so there are no chains."""

    __tablename__ = "slug_redirects"

    slug: Mapped[str] = mapped_column(String(80), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), index=True)


class IdempotencyKey(CatalogModel):
    """A form of the product desk that was done: sent twice, it is done once.

    :cvar product_id: what it created, if it did
    """

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    product_id: Mapped[int | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
