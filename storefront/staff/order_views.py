"""One order at the desk: what was bought and by whom, what happened to it and who did it, its next step."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, StepNotAllowed
from storefront.payments import service as payments
from storefront.staff import bp, order_staff
from storefront.staff.order_forms import ParcelForm, StepForm, first_problem
from storefront.staff.order_messages import done_words, refusal_words
from storefront.staff.refund_forms import money_of
from storefront.web import session as web_session
from storefront.web.responses import render_page, wants_fragment

BY = "the shop"  # who did it, as the shopper reads it; who of us is noted in the acts


@bp.get("/orders/<order_id>")
@order_staff
def order(order_id: str) -> ResponseReturnValue:
    """One order, whoever's it is."""
    return show_order(order_id)


def show_order(order_id: str, *, status: int = 200, problem: str = "", **more: Any) -> ResponseReturnValue:
    """The page of an order, or its moving part; whoever did something to it comes back here.

    :param problem: why nothing was done
    :param more: what else the templates are to know, such as `notice`
    """
    found = orders.get_order(order_id)
    context = {
        "order": found,
        "payment": payments.records_of([found.checkout_id]).get(found.checkout_id),
        "acts": orders.admin_list.acts_of(found.id),
        "step_form": StepForm(formdata=None),
        "parcel_form": ParcelForm(formdata=None, tracking=found.tracking_number),
        "problem": problem,
        **money_of(found),
        **more,
    }
    fragment = "staff/orders/_after_step.html" if request.method == "POST" else "staff/orders/_order.html"
    return render_page("staff/orders/order.html", fragment=fragment, status=status, **context)


@bp.post("/orders/<order_id>/steps")
@order_staff
def take_step(order_id: str) -> ResponseReturnValue:
    """Take an order to its next step; pressed twice, or by two at once, it is taken once."""
    form = StepForm()
    if not form.validate():
        if form.step.errors:
            abort(400)
        return show_order(order_id, status=422, problem=first_problem(form), step_form=form)
    wanted = form.status
    parcel = {"carrier": form.named_carrier, "tracking": form.tracking.data or ""}
    told = parcel if wanted is OrderStatus.SHIPPED else {}
    try:
        orders.advance(order_id, wanted, by=BY, actor=web_session.current_actor(), **told)
    except StepNotAllowed as refusal:
        if refusal.current is not wanted:
            return show_order(order_id, status=409, problem=refusal_words(order_id, refusal))
    notice = done_words(wanted)
    if wants_fragment():
        return show_order(order_id, notice=notice)
    flash(notice, "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


@bp.post("/orders/<order_id>/parcel")
@order_staff
def correct_parcel(order_id: str) -> ResponseReturnValue:
    """Put right what was said of the parcel; nobody is written to, the order's page shows it."""
    form = ParcelForm()
    if not form.validate():
        return show_order(order_id, status=422, problem=first_problem(form), parcel_form=form)
    orders.set_tracking(
        order_id, form.tracking.data or "", by=BY, carrier=form.named_carrier, actor=web_session.current_actor()
    )
    notice = "The tracking number is noted."
    if wants_fragment():
        return show_order(order_id, notice=notice)
    flash(notice, "notice")
    return redirect(url_for(".order", order_id=order_id), 303)
