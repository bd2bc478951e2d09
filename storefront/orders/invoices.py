"""Issuing of invoices and credit notes: each once, numbered without a gap, with the seller's data of that day.

The checkout issues none: a document is issued before the next e-mail about its order, or when it is first opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import case, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.core import clock
from storefront.db.column_types import UtcDateTime
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.orders.credit_notes import CreditNote, credit_notes_of
from storefront.orders.invoice_models import (
    INVOICE,
    MAX_SELLER_ADDRESS_LENGTH,
    MAX_SELLER_LENGTH,
    Invoice,
    InvoiceSeries,
)
from storefront.orders.values import OrderView


@dataclass(frozen=True, slots=True)
class Seller:
    """The seller's data on a document.

    :ivar address: its lines
    :ivar tax_number: empty for none
    """

    name: str
    address: tuple[str, ...]
    mail: str
    tax_number: str


@dataclass(frozen=True, slots=True)
class IssuedDocument:
    """What an invoice or credit note stores itself; all else follows from its order."""

    number: str
    issued_at: datetime
    seller: Seller


class _UnknownSeries(LookupError):
    """A series has no row yet: nothing was issued in it."""


def issue_documents(order: OrderView, notes: Sequence[CreditNote] | None = None) -> dict[int, IssuedDocument]:
    """Issue the documents of an order that were not issued yet, each once, and return them all.

    An order that was never confirmed has none.

    :param notes: its credit notes; None to query them
    :return: documents by `INVOICE` and the positions of credit notes
    """
    credited = credit_notes_of(order) if notes is None else notes
    due = [*([INVOICE] if order.confirmed_at else []), *(note.position for note in credited)]
    try:
        return _all_of(order.row_id, due)
    except IntegrityError:  # another request issued them first; the rollback has freed our numbers
        return _all_of(order.row_id, due)


def _all_of(order: int, due: Collection[int]) -> dict[int, IssuedDocument]:
    issued = _issued(order)
    missing = [credit for credit in due if credit not in issued]
    if not missing:
        return issued
    now = clock.utc_now()
    try:
        return issued | _issue(order, missing, now)
    except _UnknownSeries:
        _open_series(now)
        return issued | _issue(order, missing, now)


def _issued(order: int) -> dict[int, IssuedDocument]:
    # Columns, not entities: the session would return rows it has loaded before, without concurrent changes.
    asked = select(
        Invoice.credit,
        Invoice.number,
        Invoice.issued_at,
        Invoice.seller_name,
        Invoice.seller_address,
        Invoice.seller_mail,
        Invoice.seller_tax_number,
    ).where(Invoice.order_id == order)
    return {
        row.credit: IssuedDocument(
            row.number,
            row.issued_at,
            Seller(row.seller_name, _lines(row.seller_address), row.seller_mail, row.seller_tax_number),
        )
        for row in read_session().execute(asked)
    }


def _lines(address: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in address.split("|") if line.strip())


@retry_on_deadlock
def _issue(order: int, credits_: Sequence[int], now: datetime) -> dict[int, IssuedDocument]:
    """Take numbers and insert the documents in one transaction: if it fails, the numbers are free again."""
    seller, documents = _current_seller(), {}
    with transaction("orders") as session:
        taken = _take(session, Counter(_series(credit, now) for credit in credits_), now)
        for credit in credits_:
            series = _series(credit, now)
            positions, issued_at = taken[series]
            position = next(positions)
            documents[credit] = IssuedDocument(f"{series}-{position:06d}", issued_at, seller)
            row = Invoice(
                number=documents[credit].number,
                series=series,
                position=position,
                order_id=order,
                credit=credit,
                issued_at=issued_at,
                seller_name=seller.name,
                seller_address="|".join(seller.address),
                seller_mail=seller.mail,
                seller_tax_number=seller.tax_number,
            )
            session.add(row)
    return documents


def _current_seller() -> Seller:
    config = current_app.config
    return Seller(
        config["SHOP_NAME"][:MAX_SELLER_LENGTH],
        _lines(config["SHOP_ADDRESS"][:MAX_SELLER_ADDRESS_LENGTH]),
        config["SHOP_MAIL"][:MAX_SELLER_LENGTH],
        config["SHOP_TAX_NUMBER"][:MAX_SELLER_LENGTH],
    )


def _series(credit: int, now: datetime) -> str:
    """The series of invoices or of credit notes, for the current year in the shop's time zone."""
    return f"{'' if credit == INVOICE else 'CN-'}{clock.day_of(now).year}"


def _take(session: Session, wanted: Mapping[str, int], now: datetime) -> dict[str, tuple[Iterator[int], datetime]]:
    """Take the next positions of each series, with its row lock until the transaction ends.

    A transaction that waited for the lock may have an older `now`; it then gets the previous document's time, so that
    times never fall while numbers rise.

    :param wanted: how many, by series
    :return: by series: the positions, and when the documents are issued
    :raise _UnknownSeries: a series has no row yet
    """
    later = case((InvoiceSeries.last_at > now, InvoiceSeries.last_at), else_=literal(now, UtcDateTime()))
    for series, count in sorted(wanted.items()):  # always in the same order, against deadlocks
        counted = update(InvoiceSeries).where(InvoiceSeries.series == series)
        counted = counted.values(last_position=InvoiceSeries.last_position + count, last_at=later)
        if not rows_changed(session.execute(counted)):
            raise _UnknownSeries(series)
    asked = select(InvoiceSeries.series, InvoiceSeries.last_position, InvoiceSeries.last_at)
    return {
        series: (iter(range(last - wanted[series] + 1, last + 1)), at)
        for series, last, at in session.execute(asked.where(InvoiceSeries.series.in_(wanted)))
    }


def _open_series(now: datetime) -> None:
    """Insert a year's series, each in a transaction of its own, so that no document waits for their inserts."""
    for credit in (INVOICE, INVOICE + 1):
        begin = insert(InvoiceSeries).values(series=_series(credit, now), last_position=0, last_at=now)
        with suppress(IntegrityError), transaction("orders") as session:
            session.execute(begin)
