"""Invoices and credit notes as pages and PDF files, for customers and staff alike.

Opening a document issues it if it is not issued yet; see `orders.issue_documents`.
"""

from __future__ import annotations

from flask import abort
from flask.typing import ResponseReturnValue

from storefront.documents import pdf
from storefront.orders import service as orders
from storefront.orders.service import CreditNote, IssuedDocument
from storefront.orders.values import OrderView
from storefront.web.responses import render_page


def show_invoice(page: str, order: OrderView) -> ResponseReturnValue:
    """Show the invoice of an order; 404 before the order is confirmed.

    :param page: path of the template
    """
    notes, issued = _issue_invoice(order)
    return render_page(page, order=order, notes=notes, papers=issued)


def send_invoice(order: OrderView) -> ResponseReturnValue:
    """Send the invoice of an order as PDF; 404 before the order is confirmed."""
    notes, issued = _issue_invoice(order)
    return pdf.send(f"invoice-{issued[orders.INVOICE].number}", pdf.invoice(order, notes, issued))


def _issue_invoice(order: OrderView) -> tuple[tuple[CreditNote, ...], dict[int, IssuedDocument]]:
    if order.confirmed_at is None:
        abort(404)
    notes = orders.credit_notes_of(order)
    return notes, orders.issue_documents(order, notes)


def show_credit_note(page: str, order: OrderView, position: int) -> ResponseReturnValue:
    """Show a credit note, issued for a refund or a cancellation.

    :param page: path of the template
    :param position: among the credit notes of the order, from 1
    :raise orders.UnknownCreditNote: the order has no credit note at this position
    """
    note, issued = _issue_credit_note(order, position)
    return render_page(page, order=order, note=note, papers=issued)


def send_credit_note(order: OrderView, position: int) -> ResponseReturnValue:
    """Send a credit note as PDF.

    :param position: among the credit notes of the order, from 1
    :raise orders.UnknownCreditNote: the order has no credit note at this position
    """
    note, issued = _issue_credit_note(order, position)
    return pdf.send(f"credit-note-{issued[position].number}", pdf.credit_note(order, note, issued))


def _issue_credit_note(order: OrderView, position: int) -> tuple[CreditNote, dict[int, IssuedDocument]]:
    notes = orders.credit_notes_of(order)
    note = orders.get_credit_note(order, position, notes)
    return note, orders.issue_documents(order, notes)
