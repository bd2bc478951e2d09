"""The tables of invoices, credit notes and the series that number them, as tax law requires."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storefront.db.column_types import UtcDateTime
from storefront.orders.models import OrdersModel

INVOICE = 0  # the value of `Invoice.credit` for an invoice; credit notes have their positions, from 1
MAX_SERIES_LENGTH = 12
MAX_NUMBER_LENGTH = 24
MAX_SELLER_LENGTH = 255  # characters of a name, e-mail address or tax number; longer ones are cut
MAX_SELLER_ADDRESS_LENGTH = 1000


class InvoiceSeries(OrdersModel):
    """A series of document numbers without a gap.

    :cvar last_position: of the document issued last, 0 before the first
    :cvar last_at: when that was
    """

    __tablename__ = "invoice_series"
    __table_args__ = (CheckConstraint("last_position >= 0", name="last_position_ge_0"),)

    series: Mapped[str] = mapped_column(String(MAX_SERIES_LENGTH), primary_key=True)
    last_position: Mapped[int] = mapped_column()
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Invoice(OrdersModel):
    """An issued invoice or credit note. Database triggers refuse to change or delete it.

    :cvar number: printed on it
    :cvar position: within its series, from 1
    :cvar credit: `INVOICE`, or the position of the credit note within its order, from 1
    :cvar seller_address: its lines, separated by "|"
    """

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("series", "position"),
        UniqueConstraint("order_id", "credit"),
        CheckConstraint("position > 0", name="position_gt_0"),
        CheckConstraint("credit >= 0", name="credit_ge_0"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(MAX_NUMBER_LENGTH), unique=True)
    series: Mapped[str] = mapped_column(String(MAX_SERIES_LENGTH))
    position: Mapped[int] = mapped_column()
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    credit: Mapped[int] = mapped_column()
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seller_name: Mapped[str] = mapped_column(String(MAX_SELLER_LENGTH))
    seller_address: Mapped[str] = mapped_column(String(MAX_SELLER_ADDRESS_LENGTH))
    seller_mail: Mapped[str] = mapped_column(String(MAX_SELLER_LENGTH))
    seller_tax_number: Mapped[str] = mapped_column(String(MAX_SELLER_LENGTH))
