"""One order: its items, customer and timeline, its next status change, and its tracking number."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, StepNotAllowed
from storefront.payments import service as payments
from storefront.staff import bp, order_staff
from storefront.staff.order_forms import ParcelForm, StepForm, first_problem
from storefront.staff.order_messages import done_text, refusal_text
from storefront.staff.refund_forms import refund_context
from storefront.web import session as web_session
from storefront.web.responses import render_page, wants_fragment

BY = "the shop"  # who made a change, as the customer reads it; the staff member is in the audit log


@bp.get("/orders/<order_id>")
@order_staff
def order(order_id: str) -> ResponseReturnValue:
    """Show an order of any customer."""
    return show_order(order_id)


def show_order(order_id: str, *, status: int = 200, problem: str = "", **more: Any) -> ResponseReturnValue:
    """Render the page of an order, or its fragment for htmx; every action on an order ends here.

    :param problem: why the action was refused
    :param more: further template variables, such as `notice`
    """
    viewed = orders.get_order(order_id)
    context = {
        "order": viewed,
        "payment": payments.records_of([viewed.checkout_id]).get(viewed.checkout_id),
        "audit_entries": orders.admin_list.acts_of(viewed.id),
        "step_form": StepForm(formdata=None),
        "parcel_form": ParcelForm(formdata=None, tracking=viewed.tracking_number),
        "problem": problem,
        **refund_context(viewed),
        **more,
    }
    fragment = "staff/orders/_after_step.html" if request.method == "POST" else "staff/orders/_order.html"
    return render_page("staff/orders/order.html", fragment=fragment, status=status, **context)


@bp.post("/orders/<order_id>/status")
@order_staff
def take_step(order_id: str) -> ResponseReturnValue:
    """Change the status of an order; a second click, or a second person, changes nothing."""
    form = StepForm()
    if not form.validate():
        if form.step.errors:
            abort(400)
        return show_order(order_id, status=422, problem=first_problem(form), step_form=form)
    status = form.status
    is_shipment = status is OrderStatus.SHIPPED
    carrier, tracking = (form.named_carrier, form.tracking.data or "") if is_shipment else ("", "")
    try:
        orders.advance(order_id, status, by=BY, actor=web_session.current_actor(), carrier=carrier, tracking=tracking)
    except StepNotAllowed as refusal:
        if refusal.current is not status:
            return show_order(order_id, status=409, problem=refusal_text(order_id, refusal))
    notice = done_text(status)
    if wants_fragment():
        return show_order(order_id, notice=notice)
    flash(notice, "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


@bp.post("/orders/<order_id>/tracking")
@order_staff
def correct_parcel(order_id: str) -> ResponseReturnValue:
    """Correct the carrier or tracking number; the customer sees it on the order page, and gets no e-mail."""
    form = ParcelForm()
    if not form.validate():
        return show_order(order_id, status=422, problem=first_problem(form), parcel_form=form)
    orders.set_tracking(
        order_id, form.tracking.data or "", by=BY, carrier=form.named_carrier, actor=web_session.current_actor()
    )
    notice = "Tracking number saved"
    if wants_fragment():
        return show_order(order_id, notice=notice)
    flash(notice, "notice")
    return redirect(url_for(".order", order_id=order_id), 303)
