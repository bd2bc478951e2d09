"""The orders of an account and of this browser, one order and its papers, and tracking by number and e-mail."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import NoReturn

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.core.urls import safe_next_path
from storefront.documents import invoice_pages
from storefront.orders import service
from storefront.pages.orders.forms import ReturnForm, SearchForm, TrackingForm
from storefront.web import session as web_session
from storefront.web.form_fields import quantities_from
from storefront.web.responses import redirect_or_hx, refuse, render_page
from storefront.web.route_options import no_store
from storefront.web.security_headers import limiter

bp = no_store(Blueprint("orders", __name__))


@bp.get("/orders")
def index() -> ResponseReturnValue:
    """The orders of the account that is signed in, and those placed or tracked in this browser."""
    person = web_session.current_account()
    remembered = service.summaries(web_session.order_ids())
    if person is None:
        return render_page("orders/index.html", orders=remembered)
    form = SearchForm(request.args)
    email = person.account.email if person.account.has_verified_email else None
    return render_page(
        "orders/history.html",
        found=service.orders_of(person.id, form.words, form.page_number),
        words=form.words,
        remembered=[order for order in remembered if order.customer_id != person.id],
        claimable=service.count_claimable(email) if email else 0,
    )


@bp.post("/orders/claims")
@limiter.limit("10/minute")
@web_session.sign_in_required
def claim() -> ResponseReturnValue:
    """Take over the orders that were placed as a guest with the account's own address."""
    person = web_session.current_account()
    if person is None or person.account.email is None or not person.account.has_verified_email:
        abort(403)
    count = service.claim(person.id, person.account.email)
    orders = "1 order is" if count == 1 else f"{count} orders are"
    flash(f"{orders} in your list now." if count else "There is no further order with your address.", "notice")
    return redirect(url_for(".index"), 303)


@bp.get("/orders/<order_id>")
def order(order_id: str) -> ResponseReturnValue:
    """One order; who has not proved here that it is theirs is asked to, whether there is such an order or not."""
    return _show_order(_own_order(order_id), is_new="new" in request.args)


def _show_order(
    found: service.OrderView, *, status: int = 200, is_new: bool = False, problem: str = ""
) -> ResponseReturnValue:
    refunds = service.refunds_of(found)
    return render_page(
        "orders/order.html",
        status=status,
        order=found,
        is_new=is_new,
        problem=problem,
        refunds=refunds,
        notes=service.credit_notes_of(found, refunds),
        returns=service.returns_of(found),
        offer=service.return_eligibility(found),
    )


def _own_order(order_id: str) -> service.OrderView:
    try:
        found = service.get_order(order_id)
    except service.UnknownOrder:
        _turn_away(order_id)
    if not web_session.can_view_order(order_id, found.customer_id):
        _turn_away(order_id)
    return found


def _turn_away(order_id: str) -> NoReturn:
    """Readers go to where an order is proved by its e-mail address, or to the desk; what is sent unproved is a 404."""
    if request.method not in {"GET", "HEAD"}:
        abort(404)
    if web_session.is_order_staff():
        abort(redirect(url_for("staff.order", order_id=order_id), 303))
    further = None if request.endpoint == "orders.order" else request.path
    abort(redirect(url_for(".track", number=order_id, next=further), 303))


@bp.get("/orders/<order_id>/invoice")
def invoice(order_id: str) -> ResponseReturnValue:
    """An order as a sheet for the books."""
    return invoice_pages.show_invoice("documents/invoice.html", _own_order(order_id))


@bp.get("/orders/<order_id>/invoice.pdf")
def invoice_pdf(order_id: str) -> ResponseReturnValue:
    """The same as a file."""
    return invoice_pages.send_invoice(_own_order(order_id))


@bp.get("/orders/<order_id>/credit-notes/<id:position>")
def credit_note(order_id: str, position: int) -> ResponseReturnValue:
    """What was taken off the invoice, as a sheet for the books."""
    return invoice_pages.show_credit_note("documents/credit_note.html", _own_order(order_id), position)


@bp.get("/orders/<order_id>/credit-notes/<id:position>.pdf")
def credit_note_pdf(order_id: str, position: int) -> ResponseReturnValue:
    """The same as a file."""
    return invoice_pages.send_credit_note(_own_order(order_id), position)


@bp.post("/orders/<order_id>/cancellation")
def cancel(order_id: str) -> ResponseReturnValue:
    """The customer changes their mind before the order is packed; asked twice it is cancelled once."""
    _own_order(order_id)
    try:
        service.cancel(order_id, by="you")
    except service.StepNotAllowed as refusal:
        if refusal.current is not service.OrderStatus.CANCELLED:
            return _too_late(order_id)
    flash("Your order is cancelled. What was paid goes back the way it came.", "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


def _too_late(order_id: str) -> ResponseReturnValue:
    problem = "This order is on its way already and can no longer be cancelled."
    return _show_order(_own_order(order_id), status=409, problem=problem)


@bp.get("/orders/<order_id>/return")
def show_return(order_id: str) -> ResponseReturnValue:
    """What of an order can be sent back; whoever knows the order may ask, with an account or without."""
    form = ReturnForm(formdata=None, key=secrets.token_hex(16))
    return _show_return(_own_order(order_id), form)


def _show_return(
    found: service.OrderView,
    form: ReturnForm,
    *,
    status: int = 200,
    problem: str = "",
    typed: Mapping[str, str] | None = None,
) -> ResponseReturnValue:
    return render_page(
        "orders/return.html",
        status=status,
        order=found,
        offer=service.return_eligibility(found),
        form=form,
        problem=problem,
        typed=typed or {},
    )


@bp.post("/orders/<order_id>/return")
@limiter.limit("20/minute")
def request_return(order_id: str) -> ResponseReturnValue:
    """Ask to send units back; the same form sent twice is one return."""
    found, form = _own_order(order_id), ReturnForm()
    if not form.validate():
        if form.key.errors:
            abort(400)
        return _show_return(found, form, status=422, typed=request.form)
    try:
        units = quantities_from(request.form)
    except ValueError:
        return _show_return(found, form, status=422, problem="Units are whole numbers.", typed=request.form)
    reason = service.ReturnReason(form.reason.data)
    try:
        number = service.request_return(
            found.id, units, reason=reason, note=form.note.data or "", key=form.key.data or ""
        )
    except service.NotReturnable:
        problem = _why_not(units, service.return_eligibility(found))
        return _show_return(found, form, status=422, problem=problem, typed=request.form)
    except service.IdempotencyConflict:
        form.key.data = secrets.token_hex(16)
        problem = "You have sent this form already. Look at the order before you ask for more."
        return _show_return(found, form, status=409, problem=problem, typed=request.form)
    flash(f"We have received your return no. {number}. A receipt is on its way to {found.email}.", "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


def _why_not(units: Mapping[int, int], offer: service.ReturnEligibility | None) -> str:
    if offer is None:
        return "Nothing of this order can be sent back any more."
    return "There are not so many left to send back." if units else "Say how many of which you send back."


@bp.post("/orders/<order_id>/return/<id:return_id>/withdrawal")
def withdraw_return(order_id: str, return_id: int) -> ResponseReturnValue:
    """The shopper keeps the goods after all; asked twice it is withdrawn once."""
    found = _own_order(order_id)
    try:
        service.withdraw_return(found.id, return_id)
    except service.ReturnDecided as refusal:
        if refusal.state is not service.ReturnState.WITHDRAWN:
            problem = f"Return no. {return_id} was {refusal.state} meanwhile and cannot be withdrawn any more."
            return _show_order(_own_order(order_id), status=409, problem=problem)
    flash(f"Return no. {return_id} is withdrawn. You keep the goods.", "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


@bp.route("/track", methods=["GET", "POST"])
@limiter.limit("20/minute", methods=["POST"])
def track() -> ResponseReturnValue:
    """Show an order to whoever knows its number and its e-mail address; the letters' links bring the number along."""
    number = request.args.get("number", "")[: service.MAX_ORDER_ID_LENGTH]
    form = TrackingForm(data={"order_id": number})
    if not form.validate_on_submit():
        if request.method == "POST":
            return _refuse(form, "")
        return render_page("orders/track.html", form=form, problem="", number=number, next=_next())
    try:
        found = service.track(form.order_id.data or "", form.email.data or "")
    except service.UnknownOrder:
        return _refuse(form, "No order has this number and this e-mail address. Check both and try again.")
    web_session.remember_order(found)
    page = url_for(".order", order_id=found)
    further = _next()
    return redirect_or_hx(further if further and further.startswith(f"{page}/") else page)


def _next() -> str | None:
    """The paper of an order that was asked for before."""
    return safe_next_path(request.args.get("next"))


def _refuse(form: TrackingForm, problem: str) -> ResponseReturnValue:
    page = "orders/track.html"
    return refuse(
        page, page=page, otherwise=url_for(".track"), problem=problem, context={"form": form, "next": _next()}
    )
