"""What the order desk prints: packing slips of many orders, the invoice and credit notes of one; as pages, as PDF."""

from __future__ import annotations

from flask import abort, request
from flask.typing import ResponseReturnValue

from storefront import papers
from storefront.orders import service as orders
from storefront.orders.service import OrderView, desk
from storefront.responses import render_page
from storefront.staff import bp, order_staff
from storefront.staff.order_forms import chosen_orders
from storefront.staff.order_views import get_order


@bp.get("/orders/slips")
@order_staff
def packing_slips() -> ResponseReturnValue:
    """What is packed with each order that was chosen, a sheet each."""
    return render_page("staff/orders/slips.html", orders=_chosen())


@bp.get("/orders/slips.pdf")
@order_staff
def packing_slips_pdf() -> ResponseReturnValue:
    """The same as a file."""
    return papers.send("packing-slips", papers.packing_slips(_chosen()))


def _chosen() -> list[OrderView]:
    numbers = chosen_orders(request.args)
    found = orders.get_orders(numbers) if len(numbers) <= desk.MOST_AT_ONCE else []
    if not found:
        abort(404)
    return found


@bp.get("/orders/<order_id>/invoice")
@order_staff
def order_invoice(order_id: str) -> ResponseReturnValue:
    """The invoice as its customer has it; there is none before the order is certain. Opened first, it is issued."""
    found = _invoiced(order_id)
    notes = orders.credit_notes_of(found)
    issued = orders.issue_papers(found, notes)
    return render_page("staff/orders/invoice.html", order=found, notes=notes, papers=issued)


@bp.get("/orders/<order_id>/invoice.pdf")
@order_staff
def order_invoice_pdf(order_id: str) -> ResponseReturnValue:
    """The same as a file."""
    found = _invoiced(order_id)
    notes = orders.credit_notes_of(found)
    issued = orders.issue_papers(found, notes)
    return papers.send(f"invoice-{issued[orders.INVOICE].number}", papers.invoice(found, notes, issued))


def _invoiced(order_id: str) -> OrderView:
    found = get_order(order_id)
    if found.confirmed_at is None:
        abort(404)
    return found


@bp.get("/orders/<order_id>/credit-notes/<int(max=2147483647):position>")
@order_staff
def order_credit_note(order_id: str, position: int) -> ResponseReturnValue:
    """What was taken off the invoice, as its customer has it."""
    found = get_order(order_id)
    notes = orders.credit_notes_of(found)
    note = orders.get_credit_note(found, position, notes)
    issued = orders.issue_papers(found, notes)
    return render_page("staff/orders/credit_note.html", order=found, note=note, papers=issued)


@bp.get("/orders/<order_id>/credit-notes/<int(max=2147483647):position>.pdf")
@order_staff
def order_credit_note_pdf(order_id: str, position: int) -> ResponseReturnValue:
    """The same as a file."""
    found = get_order(order_id)
    notes = orders.credit_notes_of(found)
    note = orders.get_credit_note(found, position, notes)
    issued = orders.issue_papers(found, notes)
    return papers.send(f"credit-note-{issued[position].number}", papers.credit_note(found, note, issued))
