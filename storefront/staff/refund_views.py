"""Money that goes back at the order desk: an order cancelled, or refunded in part."""

from __future__ import annotations

from collections.abc import Mapping

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.core.errors import DomainError
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.refund_values import (
    IdempotencyConflict,
    NothingToRefund,
    NotRefundable,
    RefundRequest,
    RefundTerms,
    TooMuchBack,
)
from storefront.orders.values import OrderStatus, OrderView, StepNotAllowed
from storefront.staff import bp, order_staff
from storefront.staff.order_messages import STATES
from storefront.staff.order_views import BY, show_order
from storefront.staff.refund_forms import PREVIEW, CancelForm, RefundForm, new_refund_form
from storefront.web import session as web_session
from storefront.web.filters import money
from storefront.web.form_fields import quantities_from
from storefront.web.responses import wants_fragment


@bp.post("/orders/<order_id>/refunds")
@order_staff
def refund_order(order_id: str) -> ResponseReturnValue:
    """Give a part of an order back, or work out what it is worth; pressed twice it goes back once."""
    form, found = RefundForm(), orders.get_order(order_id)
    if not form.validate():
        if form.key.errors or form.do.errors:
            abort(400)
        return _show(found, form, status=422, problem=_first_problem(form))
    try:
        units = quantities_from(request.form)
    except ValueError:
        return _show(found, form, status=422, problem="Units are whole numbers.")
    if form.do.data == PREVIEW:
        return _preview(found, form, units)
    wanted = RefundRequest(
        units=units,
        with_shipping=form.with_shipping.data,
        amount=form.amount.of(found.grand_total.currency),
        reason=form.reason.data or "",
        restock=form.restock.data,
    )
    try:
        number = orders.refund(found.id, wanted, key=form.key.data or "", actor=web_session.current_actor(), by=BY)
    except (NothingToRefund, TooMuchBack, NotRefundable, IdempotencyConflict) as refusal:
        return _refuse(found, form, refusal)
    return _done(order_id, f"{money(orders.get_refund(number).amount)} goes back. The customer is written to.")


def _refuse(found: OrderView, form: RefundForm, refusal: DomainError) -> ResponseReturnValue:
    """Say why nothing was refunded, with what was typed."""
    if isinstance(refusal, NothingToRefund):
        return _show(found, form, status=422, problem="Nothing was refunded: say how many of which, or an amount.")
    if isinstance(refusal, TooMuchBack):
        problem = f"Nothing was refunded: at most {money(refusal.left)}, and the units that are left, can go back."
    elif isinstance(refusal, NotRefundable):
        problem = f"Nothing was refunded: {found.id} is {STATES[refusal.current]}."
    else:
        form.key.data = new_refund_form().key.data
        problem = "This form was sent already, with other contents. Look at what was refunded before you go on."
    return _show(found, form, status=409, problem=problem)


def _preview(found: OrderView, form: RefundForm, units: Mapping[int, int]) -> ResponseReturnValue:
    try:
        worth = RefundTerms.of(found).worth_of(units, with_shipping=form.with_shipping.data)
    except TooMuchBack:
        return _show(found, form, status=422, problem="There are not so many units left to refund.")
    return _show(found, form, worth=worth)


def _show(
    found: OrderView, form: RefundForm, *, status: int = 200, problem: str = "", worth: Money | None = None
) -> ResponseReturnValue:
    """The order with the form as it was sent."""
    notice = f"That is worth {money(worth)}" if worth is not None else problem
    sent = {"refund_form": form, "typed": request.form, "worth": worth, "notice": notice}
    return show_order(found.id, status=status, problem=problem, **sent)


def _done(order_id: str, notice: str) -> ResponseReturnValue:
    if wants_fragment():
        return show_order(order_id, notice=notice)
    flash(notice, "notice")
    return redirect(url_for(".order", order_id=order_id), 303)


def _first_problem(form: RefundForm | CancelForm) -> str:
    return next(f"{field.label.text}: {problem}" for field in form for problem in field.errors)


@bp.post("/orders/<order_id>/cancellation")
@order_staff
def cancel_order(order_id: str) -> ResponseReturnValue:
    """Cancel an order that was not sent yet; pressed twice, or by two at once, it is cancelled once."""
    form, found = CancelForm(), orders.get_order(order_id)
    if not form.validate():
        return show_order(found.id, status=422, problem=_first_problem(form), cancel_form=form)
    note, restock = form.reason.data or "", form.restock.data
    try:
        orders.cancel(
            found.id, by=BY, note=note, may_be_packed=True, restock=restock, actor=web_session.current_actor()
        )
    except StepNotAllowed as refusal:
        if refusal.current is not OrderStatus.CANCELLED:
            problem = f"{order_id} is {STATES[refusal.current]} and cannot be cancelled."
            return show_order(order_id, status=409, problem=problem)
    return _done(order_id, "The order is cancelled. The customer is written to.")
