"""The invoice of an order and its credit notes as pages and as files: the customer's and the order desk's are the same.

What is opened first is issued by that; see `orders.issue_papers`.
"""

from __future__ import annotations

from flask import abort
from flask.typing import ResponseReturnValue

from storefront.documents import pdf
from storefront.orders import service as orders
from storefront.orders.service import CreditNote, IssuedDocument, OrderView
from storefront.web.responses import render_page


def show_invoice(page: str, order: OrderView) -> ResponseReturnValue:
    """An order as a sheet for the books; there is none before it is certain.

    :param page: the template
    """
    notes, issued = _invoiced(order)
    return render_page(page, order=order, notes=notes, papers=issued)


def send_invoice(order: OrderView) -> ResponseReturnValue:
    """The same as a file."""
    notes, issued = _invoiced(order)
    return pdf.send(f"invoice-{issued[orders.INVOICE].number}", pdf.invoice(order, notes, issued))


def _invoiced(order: OrderView) -> tuple[tuple[CreditNote, ...], dict[int, IssuedDocument]]:
    if order.confirmed_at is None:
        abort(404)
    notes = orders.credit_notes_of(order)
    return notes, orders.issue_documents(order, notes)


def show_credit_note(page: str, order: OrderView, position: int) -> ResponseReturnValue:
    """What was taken off the invoice by a refund, or by the cancellation, as a sheet for the books.

    :param page: the template
    :param position: from 1
    :raise orders.UnknownCreditNote: the order has not so many
    """
    note, issued = _credited(order, position)
    return render_page(page, order=order, note=note, papers=issued)


def send_credit_note(order: OrderView, position: int) -> ResponseReturnValue:
    """The same as a file.

    :raise orders.UnknownCreditNote: the order has not so many
    """
    note, issued = _credited(order, position)
    return pdf.send(f"credit-note-{issued[position].number}", pdf.credit_note(order, note, issued))


def _credited(order: OrderView, position: int) -> tuple[CreditNote, dict[int, IssuedDocument]]:
    notes = orders.credit_notes_of(order)
    note = orders.get_credit_note(order, position, notes)
    return note, orders.issue_documents(order, notes)
