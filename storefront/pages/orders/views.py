"""Order history, one order with its documents, cancellation, returns, and tracking by number and e-mail address."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import NoReturn

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.accounts.values import Permission
from storefront.core.urls import safe_next_path
from storefront.documents import invoice_pages
from storefront.orders import service
from storefront.orders.refund_values import (
    IdempotencyConflict,
    NotReturnable,
    ReturnDecided,
    ReturnEligibility,
    ReturnReason,
    ReturnState,
)
from storefront.orders.values import OrderStatus, OrderView, StepNotAllowed, UnknownOrder
from storefront.pages.orders.forms import ReturnForm, SearchForm, TrackingForm
from storefront.web import session as web_session
from storefront.web.number_fields import NumberRefused, quantities_from
from storefront.web.responses import redirect_or_hx, refuse, render_page
from storefront.web.route_options import no_store
from storefront.web.security_headers import limit_requests

bp = no_store(Blueprint("orders", __name__))


@bp.get("/orders")
def index() -> ResponseReturnValue:
    """Show the orders of the signed-in account, and those placed or tracked in this browser."""
    person = web_session.current_account()
    summaries = service.summaries(web_session.order_ids())
    remembered = [order for order in summaries if order.customer_id is None]  # an account's are its alone
    if person is None:
        return render_page("orders/index.html", orders=remembered)
    form = SearchForm(request.args)
    email = person.account.email if person.account.has_verified_email else None
    return render_page(
        "orders/history.html",
        history=service.orders_of(person.id, form.words, form.page_number),
        words=form.words,
        remembered=remembered,
        claimable=service.count_claimable(email) if email else 0,
    )


@bp.post("/orders/claims")
@limit_requests("10/minute")
@web_session.sign_in_required
def claim() -> ResponseReturnValue:
    """Assign the orders placed as a guest with the account's verified e-mail address to the account."""
    person = web_session.current_account()
    if person is None or person.account.email is None or not person.account.has_verified_email:
        abort(403)
    count = service.claim(person.id, person.account.email)
    orders = "1 order was" if count == 1 else f"{count} orders were"
    flash(f"{orders} added to your account." if count else "There are no more orders with your e-mail.", "notice")
    return redirect(url_for(".index"), 303)


@bp.get("/orders/<order_id>")
def order(order_id: str) -> ResponseReturnValue:
    """Show one order; visitors without proven access are sent to the tracking page, whether the order exists or not."""
    return _show_order(_own_order(order_id), is_new="new" in request.args)


def _show_order(view: OrderView, *, status: int = 200, is_new: bool = False, problem: str = "") -> ResponseReturnValue:
    refunds = service.refunds_of(view)
    return render_page(
        "orders/order.html",
        status=status,
        order=view,
        is_new=is_new,
        problem=problem,
        refunds=refunds,
        notes=service.credit_notes_of(view, refunds),
        returns=service.returns_of(view),
        eligibility=service.return_eligibility(view),
    )


def _own_order(order_id: str) -> OrderView:
    """Read an order that this visitor may see; anybody else is refused the same way as for an unknown number."""
    try:
        view = service.get_order(order_id)
    except UnknownOrder:
        _refuse_access(order_id)
    if not web_session.can_view_order(order_id, view.customer_id):
        _refuse_access(order_id)
    return view


def _refuse_access(order_id: str) -> NoReturn:
    """Answer without access to an order: 404 to a POST; else redirect to tracking, or to the order's staff page."""
    if request.method not in {"GET", "HEAD"}:
        abort(404)
    if web_session.may(Permission.CUSTOMERS):
        abort(redirect(url_for("staff.order", order_id=order_id), 303))
    next_path = None if request.endpoint == "orders.order" else request.path
    abort(redirect(url_for(".track", number=order_id, next=next_path), 303))


@bp.get("/orders/<order_id>/invoice")
def invoice(order_id: str) -> ResponseReturnValue:
    """Show the invoice of an order."""
    return invoice_pages.show_invoice("documents/invoice.html", _own_order(order_id))


@bp.get("/orders/<order_id>/invoice.pdf")
def invoice_pdf(order_id: str) -> ResponseReturnValue:
    """Send the invoice of an order as a PDF file."""
    return invoice_pages.send_invoice(_own_order(order_id))


@bp.get("/orders/<order_id>/credit-notes/<id:position>")
def credit_note(order_id: str, position: int) -> ResponseReturnValue:
    """Show a credit note of an order."""
    return invoice_pages.show_credit_note("documents/credit_note.html", _own_order(order_id), position)


@bp.get("/orders/<order_id>/credit-notes/<id:position>.pdf")
def credit_note_pdf(order_id: str, position: int) -> ResponseReturnValue:
    """Send a credit note of an order as a PDF file."""
    return invoice_pages.send_credit_note(_own_order(order_id), position)


@bp.post("/orders/<order_id>/cancellation")
def cancel(order_id: str) -> ResponseReturnValue:
    """Cancel an order that is not being packed yet. A repeat answers as the first request did."""
    _own_order(order_id)
    try:
        service.cancel(order_id, by="you")
    except StepNotAllowed as refusal:
        if refusal.current is not OrderStatus.CANCELLED:
            return _too_late(order_id)
    flash("Your order is cancelled. We refund what you paid to your payment method.", "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


def _too_late(order_id: str) -> ResponseReturnValue:
    problem = "This order is already being processed and can no longer be cancelled. You can withdraw from it instead."
    return _show_order(_own_order(order_id), status=409, problem=problem)


@bp.get("/orders/<order_id>/return")
def show_return(order_id: str) -> ResponseReturnValue:
    """Show the return form of an order; guests with access to the order may use it too."""
    form = ReturnForm(formdata=None, key=secrets.token_hex(16))
    return _show_return(_own_order(order_id), form)


def _show_return(
    view: OrderView,
    form: ReturnForm,
    *,
    status: int = 200,
    problem: str = "",
    typed: Mapping[str, str] | None = None,
) -> ResponseReturnValue:
    return render_page(
        "orders/return.html",
        status=status,
        order=view,
        eligibility=service.return_eligibility(view),
        form=form,
        problem=problem,
        typed=typed or {},
    )


@bp.post("/orders/<order_id>/return")
@limit_requests("20/minute")
def request_return(order_id: str) -> ResponseReturnValue:
    """Request a return. The same form sent twice is one return."""
    found, form = _own_order(order_id), ReturnForm()
    if not form.validate():
        if form.key.errors:
            abort(400)
        return _show_return(found, form, status=422, typed=request.form)
    try:
        units = quantities_from(request.form)
    except NumberRefused as refusal:
        problem = f"Quantity to return: {refusal}."
        return _show_return(found, form, status=422, problem=problem, typed=request.form)
    reason = ReturnReason(form.reason.data)
    try:
        number = service.request_return(
            found.id, units, reason=reason, note=form.note.data or "", key=form.key.data or ""
        )
    except NotReturnable:
        problem = _return_problem(units, service.return_eligibility(found))
        return _show_return(found, form, status=422, problem=problem, typed=request.form)
    except IdempotencyConflict:
        form.key.data = secrets.token_hex(16)
        problem = "You have already sent this form. Check your order before you request another return."
        return _show_return(found, form, status=409, problem=problem, typed=request.form)
    flash(f"We have received your return no. {number}. We are sending a confirmation to {found.email}.", "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


def _return_problem(units: Mapping[int, int], eligibility: ReturnEligibility | None) -> str:
    if eligibility is None:
        return "This order can no longer be returned."
    return "You cannot return that many units." if units else "Enter how many units you want to return."


@bp.post("/orders/<order_id>/return/<id:return_id>/withdrawal")
def withdraw_return(order_id: str, return_id: int) -> ResponseReturnValue:
    """Withdraw a return. A repeat answers as the first request did."""
    found = _own_order(order_id)
    try:
        service.withdraw_return(found.id, return_id)
    except ReturnDecided as refusal:
        if refusal.state is not ReturnState.WITHDRAWN:
            problem = f"Return no. {return_id} has been {refusal.state} and can no longer be withdrawn."
            return _show_order(_own_order(order_id), status=409, problem=problem)
    flash(f"Return no. {return_id} is withdrawn. You keep the products.", "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


@bp.route("/track", methods=["GET", "POST"])
@limit_requests("20/minute", methods=["POST"])
def track() -> ResponseReturnValue:
    """Give access to an order by its number and e-mail address; links in e-mails fill in the number."""
    number = request.args.get("number", "")[: service.MAX_TYPED_LENGTH]
    form = TrackingForm(data={"order_id": number})
    if not form.validate_on_submit():
        if request.method == "POST":
            return _refuse(form, "")
        return render_page("orders/track.html", form=form, problem="", number=number, next=_next())
    try:
        tracked = service.get_order(service.track(form.order_id.data or "", form.email.data or ""))
        person_id = web_session.current_user_id()
        if tracked.customer_id is not None and person_id not in {None, tracked.customer_id}:
            raise UnknownOrder(tracked.id)
    except UnknownOrder:
        return _refuse(form, "No order matches this number and e-mail address. Check both and try again.")
    page, next_path = url_for(".order", order_id=tracked.id), _next()
    target = next_path if next_path and next_path.startswith(f"{page}/") else page
    if tracked.customer_id is None:
        web_session.remember_order(tracked.id)
    elif person_id is None:
        flash("This order was placed with an account. Sign in to see it.", "notice")
        target = url_for("sign_in.sign_in", next=target)
    return redirect_or_hx(target)


def _next() -> str | None:
    """The page of the order, such as its invoice, from which the visitor was redirected here."""
    return safe_next_path(request.args.get("next"))


def _refuse(form: TrackingForm, problem: str) -> ResponseReturnValue:
    page = "orders/track.html"
    return refuse(
        page, page=page, otherwise=url_for(".track"), problem=problem, context={"form": form, "next": _next()}
    )
