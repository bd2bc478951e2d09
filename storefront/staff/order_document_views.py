"""Documents of orders as pages and as PDF: packing slips of several orders, invoice and credit notes of one."""

from __future__ import annotations

from flask import abort, request
from flask.typing import ResponseReturnValue

from storefront.documents import invoice_pages, pdf
from storefront.orders import service as orders
from storefront.orders.service import admin_list
from storefront.orders.values import OrderView
from storefront.staff import bp, order_staff
from storefront.staff.order_forms import selected_numbers
from storefront.web.responses import render_page


@bp.get("/orders/packing-slips")
@order_staff
def packing_slips() -> ResponseReturnValue:
    """Show the packing slips of the selected orders, one sheet each."""
    return render_page("staff/orders/packing_slips.html", orders=_selected_orders())


@bp.get("/orders/packing-slips.pdf")
@order_staff
def packing_slips_pdf() -> ResponseReturnValue:
    """Send the packing slips of the selected orders as one PDF."""
    return pdf.send("packing-slips", pdf.packing_slips(_selected_orders()))


def _selected_orders() -> list[OrderView]:
    numbers = selected_numbers(request.args)
    selected = orders.get_orders(numbers) if len(numbers) <= admin_list.MAX_AT_ONCE else []
    if not selected:
        abort(404)
    return selected


@bp.get("/orders/<order_id>/invoice")
@order_staff
def order_invoice(order_id: str) -> ResponseReturnValue:
    """Show the invoice, as the customer sees it."""
    return invoice_pages.show_invoice("staff/orders/invoice.html", orders.get_order(order_id))


@bp.get("/orders/<order_id>/invoice.pdf")
@order_staff
def order_invoice_pdf(order_id: str) -> ResponseReturnValue:
    """Send the invoice as a PDF."""
    return invoice_pages.send_invoice(orders.get_order(order_id))


@bp.get("/orders/<order_id>/credit-notes/<id:position>")
@order_staff
def order_credit_note(order_id: str, position: int) -> ResponseReturnValue:
    """Show a credit note of the invoice, as the customer sees it."""
    return invoice_pages.show_credit_note("staff/orders/credit_note.html", orders.get_order(order_id), position)


@bp.get("/orders/<order_id>/credit-notes/<id:position>.pdf")
@order_staff
def order_credit_note_pdf(order_id: str, position: int) -> ResponseReturnValue:
    """Send a credit note as a PDF."""
    return invoice_pages.send_credit_note(orders.get_order(order_id), position)
