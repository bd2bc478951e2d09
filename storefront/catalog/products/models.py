"""The tables of product administration: scheduled prices, redirects of category slugs, idempotency keys."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storefront.catalog.models import CatalogModel
from storefront.db.column_types import MinorUnits, UtcDateTime


class PriceState(StrEnum):
    """The states of a scheduled price."""

    SCHEDULED = "scheduled"
    RUNNING = "running"  # applied, with an end to come
    DONE = "done"  # ended, or applied without an end
    CANCELLED = "cancelled"


class PriceChange(CatalogModel):
    """A price that a variant has from a scheduled time on, with or without an end.

    :cvar ends_at: when the earlier price is restored; None for a permanent change
    :cvar old_price: the price it replaced, set when it is applied
    :cvar applied_at: when the worker applied it
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
    """A former slug of a category. It refers to the category, not to another slug, so that redirects never chain."""

    __tablename__ = "slug_redirects"

    slug: Mapped[str] = mapped_column(String(80), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), index=True)


class IdempotencyKey(CatalogModel):
    """A submission that was carried out, so that a repeat is not.

    :cvar product_id: the product that it created, if any
    """

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    product_id: Mapped[int | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
