"""Consistency checks of invoices and credit notes, for the doctor."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, func, literal, select

from storefront.db.import_log import is_legacy_checkout
from storefront.db.session import read_session
from storefront.orders.events import ORDER_PLACED
from storefront.orders.invoice_models import INVOICE, Invoice, InvoiceSeries
from storefront.orders.models import Message, Order


def invoice_violations() -> Iterator[str]:
    """Find gaps in a series, numbers out of order of time, and orders confirmed by e-mail without an invoice.

    :return: a sentence for each
    """
    for series, last in read_session().execute(select(InvoiceSeries.series, InvoiceSeries.last_position)).all():
        yield from _series_violations(series, last)
    yield from _missing_invoices()


def _series_violations(series: str, last: int) -> Iterator[str]:
    asked = select(Invoice.number, Invoice.position, Invoice.issued_at).where(Invoice.series == series)
    position, issued_at = 0, None
    for number, current, at in read_session().execute(asked.order_by(Invoice.position)):
        if current != position + 1:
            yield f"invoices {series}: a gap before {number}, {current - position - 1} are missing"
        if issued_at is not None and at < issued_at:
            yield f"invoice {number}: issued before the one before it"
        position, issued_at = current, at
    if position != last:
        yield f"invoices {series}: the last is {position}, {last} were counted"


def _missing_invoices() -> Iterator[str]:
    """Orders whose confirmation was sent without an invoice, since the first invoice was issued."""
    first = select(func.min(Invoice.issued_at)).where(Invoice.credit == INVOICE).scalar_subquery()
    asked = (
        select(Order.order_id, Order.checkout_id)
        .join(Message, Message.key == literal(f"{ORDER_PLACED}/") + Order.order_id)
        .outerjoin(Invoice, and_(Invoice.order_id == Order.id, Invoice.credit == INVOICE))
        .where(Message.delivered_at > first, Invoice.id.is_(None))
    )
    for order_id, checkout in read_session().execute(asked):
        if not is_legacy_checkout(checkout):
            yield f"{order_id}: confirmed by e-mail, but it has no invoice"
