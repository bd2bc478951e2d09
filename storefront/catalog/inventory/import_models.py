"""The tables of stock imports, in the catalog schema."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.orm import Mapped, mapped_column

from storefront.catalog.models import CatalogModel
from storefront.catalog.values import MAX_SKU_LENGTH
from storefront.db.column_types import UtcDateTime

LongText = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")  # a line of a file may be longer than TEXT


class ImportState(StrEnum):
    """The states of a stock import."""

    READING = "reading"
    CHECKED = "checked"
    WAITING = "waiting"  # queued for the worker
    APPLYING = "applying"
    APPLIED = "applied"
    REFUSED = "refused"  # a figure changed after the file was checked


class StockImport(CatalogModel):
    """An uploaded CSV file of stock figures and the progress of its import.

    :cvar digest: SHA-256 of the file, hexadecimal
    :cvar occurrence: how many times the file was applied, this time included; from 1
    :cvar header: its column names as a JSON list
    :cvar line_count: lines with a SKU
    :cvar change_count: lines of these that change something
    :cvar lease_owner: the worker run that applies it; another may take over after `lease_until`
    """

    __tablename__ = "stock_imports"
    __table_args__ = (
        CheckConstraint(
            "state IN ('reading', 'checked', 'waiting', 'applying', 'applied', 'refused')",
            name="state",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    file_name: Mapped[str] = mapped_column(String(120))
    digest: Mapped[str] = mapped_column(String(64))
    occurrence: Mapped[int] = mapped_column(default=1)
    header: Mapped[str | None] = mapped_column(LongText)
    actor: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(12), default=ImportState.READING, index=True)
    line_count: Mapped[int] = mapped_column(default=0)
    change_count: Mapped[int] = mapped_column(default=0)
    problem_count: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(36))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StockImportLine(CatalogModel):
    """A line of an import that changes something or has a problem; other lines are not stored.

    :cvar line: its number in the file
    :cvar variant_id: None where the line has a problem
    :cvar product_id: None where the line has a problem
    :cvar is_count: whether `delta` follows from a count in the file
    :cvar seen: units on hand when the file was checked
    :cvar delta: units to add; None leaves the count unchanged
    :cvar level: the new reorder level; None leaves it unchanged
    :cvar seen_level: the reorder level when the file was checked
    :cvar problem: a `LineProblem`, empty for a change
    :cvar detail: figures or text that explain the problem
    :cvar cells: what the line with a problem has in the file, as a JSON list
    """

    __tablename__ = "stock_import_lines"
    __table_args__ = (
        Index("ix_stock_import_lines_import_id_line", "import_id", "line"),
        Index("ix_stock_import_lines_import_id_product_id", "import_id", "product_id"),
        Index("ix_stock_import_lines_import_id_variant_id", "import_id", "variant_id", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("stock_imports.id", ondelete="CASCADE"))
    line: Mapped[int] = mapped_column()
    sku: Mapped[str] = mapped_column(String(MAX_SKU_LENGTH))
    variant_id: Mapped[int | None] = mapped_column()
    product_id: Mapped[int | None] = mapped_column()
    reason: Mapped[str] = mapped_column(String(24), default="")
    is_count: Mapped[bool] = mapped_column(default=False)
    seen: Mapped[int] = mapped_column(default=0)
    delta: Mapped[int | None] = mapped_column()
    level: Mapped[int | None] = mapped_column()
    seen_level: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(String(24), default="")
    detail: Mapped[str] = mapped_column(String(80), default="")
    cells: Mapped[str | None] = mapped_column(LongText)
