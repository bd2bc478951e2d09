"""The orders of this browser, one order, and tracking for whoever knows number and e-mail."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront import visitor
from storefront.orders import service
from storefront.orders.forms import CancellationForm, TrackingForm
from storefront.responses import go_to, refuse, render_page
from storefront.security import limiter

bp = Blueprint("orders", __name__)


@bp.get("/orders")
def index() -> ResponseReturnValue:
    """Orders placed or tracked in this browser."""
    return render_page("orders/index.html", orders=service.summaries(visitor.order_ids()))


@bp.get("/orders/<order_id>")
def order(order_id: str) -> ResponseReturnValue:
    """One order; a number this browser has not earned is as unknown as one that never was."""
    return render_page("orders/order.html", order=_own_order(order_id), is_new="new" in request.args)


def _own_order(order_id: str) -> service.OrderView:
    try:
        found = service.get_order(order_id)
    except service.UnknownOrder:
        abort(404)
    if not visitor.may_see(order_id, found.customer_id):
        abort(404)
    return found


@bp.post("/orders/<order_id>/cancellation")
def cancel(order_id: str) -> ResponseReturnValue:
    """The customer changes their mind before the order is packed; asked twice it is cancelled once."""
    _own_order(order_id)
    if not CancellationForm().validate():
        abort(400)
    try:
        service.cancel(order_id, by="you")
    except service.StepNotAllowed as refusal:
        if refusal.current is not service.OrderStatus.CANCELLED:
            return _too_late(order_id)
    flash("Your order is cancelled. What was paid goes back the way it came.", "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


def _too_late(order_id: str) -> ResponseReturnValue:
    problem = "This order is on its way already and can no longer be cancelled."
    return render_page("orders/order.html", status=409, order=_own_order(order_id), is_new=False, problem=problem)


@bp.route("/track", methods=["GET", "POST"])
@limiter.limit("20/minute", methods=["POST"])
def track() -> ResponseReturnValue:
    """Show an order to whoever knows its number and its e-mail address."""
    form = TrackingForm()
    if not form.validate_on_submit():
        if request.method == "POST":
            return _refuse(form, "")
        return render_page("orders/track.html", form=form, problem="")
    try:
        found = service.track(form.order_id.data or "", form.email.data or "")
    except service.UnknownOrder:
        return _refuse(form, "No order has this number and this e-mail address. Check both and try again.")
    visitor.remember_order(found)
    return go_to(url_for(".order", order_id=found))


def _refuse(form: TrackingForm, problem: str) -> ResponseReturnValue:
    page = "orders/track.html"
    return refuse(page, page=page, otherwise=url_for(".track"), problem=problem, context={"form": form})
