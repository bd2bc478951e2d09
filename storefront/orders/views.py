"""The orders of this browser, one order, and tracking for whoever knows number and e-mail."""

from __future__ import annotations

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from storefront import visitor
from storefront.orders import service
from storefront.orders.forms import TrackingForm
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
    if order_id not in visitor.order_ids():
        abort(404)
    try:
        found = service.get_order(order_id)
    except service.UnknownOrder:
        abort(404)
    return render_page("orders/order.html", order=found, is_new="new" in request.args)


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
