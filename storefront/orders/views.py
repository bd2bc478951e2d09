"""The orders of an account and of this browser, one order and its invoice, and tracking by number and e-mail."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront import visitor
from storefront.orders import service
from storefront.orders.forms import CancellationForm, ClaimForm, SearchForm, TrackingForm
from storefront.responses import go_to, refuse, render_page
from storefront.security import limiter

bp = Blueprint("orders", __name__)


@bp.get("/orders")
def index() -> ResponseReturnValue:
    """The orders of the account that is signed in, and those placed or tracked in this browser."""
    person = visitor.account()
    remembered = service.summaries(visitor.order_ids())
    if person is None:
        return render_page("orders/index.html", orders=remembered)
    form = SearchForm(request.args)
    email = person.account.email if person.account.has_verified_email else None
    return render_page(
        "orders/own.html",
        found=service.orders_of(person.id, form.words, form.page_number),
        words=form.words,
        remembered=[order for order in remembered if order.customer_id != person.id],
        claimable=service.count_claimable(email) if email else 0,
    )


@bp.post("/orders/claims")
@limiter.limit("10/minute")
@visitor.sign_in_required
def claim() -> ResponseReturnValue:
    """Take over the orders that were placed as a guest with the account's own address."""
    if not ClaimForm().validate():
        abort(400)
    person = visitor.account()
    if person is None or person.account.email is None or not person.account.has_verified_email:
        abort(403)
    count = service.claim(person.id, person.account.email)
    orders = "1 order is" if count == 1 else f"{count} orders are"
    flash(f"{orders} in your list now." if count else "There is no further order with your address.", "notice")
    return redirect(url_for(".index"), 303)


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


@bp.get("/orders/<order_id>/invoice")
def invoice(order_id: str) -> ResponseReturnValue:
    """An order as a sheet for the books; there is none before it is certain."""
    found = _own_order(order_id)
    if found.confirmed_at is None:
        abort(404)
    return render_page("orders/invoice.html", order=found)


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
