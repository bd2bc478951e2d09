"""What the order desk prints: packing slips of many orders, the invoice and credit notes of one; as pages, as PDF."""

from __future__ import annotations

from flask import abort, request
from flask.typing import ResponseReturnValue

from storefront.documents import invoice_pages, pdf
from storefront.orders import service as orders
from storefront.orders.service import admin_list
from storefront.orders.values import OrderView
from storefront.staff import bp, order_staff
from storefront.staff.order_forms import chosen_orders
from storefront.web.responses import render_page


@bp.get("/orders/slips")
@order_staff
def packing_slips() -> ResponseReturnValue:
    """What is packed with each order that was chosen, a sheet each."""
    return render_page("staff/orders/packing_slips.html", orders=_chosen())


@bp.get("/orders/slips.pdf")
@order_staff
def packing_slips_pdf() -> ResponseReturnValue:
    """The same as a file."""
    return pdf.send("packing-slips", pdf.packing_slips(_chosen()))


def _chosen() -> list[OrderView]:
    numbers = chosen_orders(request.args)
    found = orders.get_orders(numbers) if len(numbers) <= admin_list.MAX_AT_ONCE else []
    if not found:
        abort(404)
    return found


@bp.get("/orders/<order_id>/invoice")
@order_staff
def order_invoice(order_id: str) -> ResponseReturnValue:
    """The invoice as its customer has it."""
    return invoice_pages.show_invoice("staff/orders/invoice.html", orders.get_order(order_id))


@bp.get("/orders/<order_id>/invoice.pdf")
@order_staff
def order_invoice_pdf(order_id: str) -> ResponseReturnValue:
    """The same as a file."""
    return invoice_pages.send_invoice(orders.get_order(order_id))


@bp.get("/orders/<order_id>/credit-notes/<id:position>")
@order_staff
def order_credit_note(order_id: str, position: int) -> ResponseReturnValue:
    """What was taken off the invoice, as its customer has it."""
    return invoice_pages.show_credit_note("staff/orders/credit_note.html", orders.get_order(order_id), position)


@bp.get("/orders/<order_id>/credit-notes/<id:position>.pdf")
@order_staff
def order_credit_note_pdf(order_id: str, position: int) -> ResponseReturnValue:
    """The same as a file."""
    return invoice_pages.send_credit_note(orders.get_order(order_id), position)
