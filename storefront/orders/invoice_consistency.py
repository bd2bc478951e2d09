"""What the doctor asks of invoices and credit notes."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, func, literal, select

from storefront.db.import_log import is_legacy_checkout
from storefront.db.session import read_session
from storefront.orders.events import ORDER_PLACED
from storefront.orders.invoice_models import INVOICE, Invoice, InvoiceSeries
from storefront.orders.models import Message, Order


def invoice_violations() -> Iterator[str]:
    """Gaps in a series, numbers that do not rise with time, orders that were told of without their invoice."""
    for series, last in read_session().execute(select(InvoiceSeries.series, InvoiceSeries.last_position)).all():
        yield from _series_faults(series, last)
    yield from _missing()


def _series_faults(series: str, last: int) -> Iterator[str]:
    asked = select(Invoice.number, Invoice.position, Invoice.issued_at).where(Invoice.series == series)
    position, issued_at = 0, None
    for number, found, at in read_session().execute(asked.order_by(Invoice.position)):
        if found != position + 1:
            yield f"invoices {series}: a gap before {number}, {found - position - 1} are missing"
        if issued_at is not None and at < issued_at:
            yield f"invoice {number}: issued before the one before it"
        position, issued_at = found, at
    if position != last:
        yield f"invoices {series}: the last is {position}, {last} were counted"


def _missing() -> Iterator[str]:
    """Orders that are certain, by letter, without the invoice that comes before it; those before the first may wait."""
    first = select(func.min(Invoice.issued_at)).where(Invoice.credit == INVOICE).scalar_subquery()
    asked = (
        select(Order.order_id, Order.checkout_id)
        .join(Message, Message.key == literal(f"{ORDER_PLACED}/") + Order.order_id)
        .outerjoin(Invoice, and_(Invoice.order_id == Order.id, Invoice.credit == INVOICE))
        .where(Message.delivered_at > first, Invoice.id.is_(None))
    )
    for order_id, checkout in read_session().execute(asked):
        if not is_legacy_checkout(checkout):
            yield f"{order_id}: its customer was told that it is confirmed, it has no invoice"
