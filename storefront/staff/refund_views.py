"""Refunds and cancellations of orders."""

from __future__ import annotations

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.core.errors import DomainError
from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.refund_values import (
    AmountNotShown,
    IdempotencyConflict,
    NothingToRefund,
    NotRefundable,
    RefundRequest,
    RefundTerms,
    TooLittleBack,
    TooMuchBack,
)
from storefront.orders.values import CashNotExpected, OrderStatus, OrderView, StepNotAllowed
from storefront.staff import bp, order_staff
from storefront.staff.order_messages import CASH_NOTED, STATUS_TEXTS, no_cash_text, too_little_text
from storefront.staff.order_views import BY, show_order
from storefront.staff.refund_forms import PREVIEW, CancelForm, RefundForm, UndeliveredForm, new_refund_form
from storefront.web import session as web_session
from storefront.web.filters import money
from storefront.web.number_fields import NumberRefused, quantities_from
from storefront.web.responses import wants_fragment


@bp.post("/orders/<order_id>/refunds")
@order_staff
def refund_order(order_id: str) -> ResponseReturnValue:
    """Refund a part of an order, or preview the amount; a second click refunds nothing."""
    form, order = RefundForm(), orders.get_order(order_id)
    if not form.validate():
        if form.key.errors or form.do.errors:
            abort(400)
        return _show(order, form, status=422, problem=_first_problem(form))
    try:
        units = quantities_from(request.form)
    except NumberRefused as refusal:
        return _show(order, form, status=422, problem=f"Units to refund: {refusal}.")
    requested = RefundRequest(
        units=units,
        with_shipping=form.with_shipping.data,
        amount=form.amount.data,
        reason=form.reason.data or "",
        restock=form.restock.data,
        shown=form.confirmed(order.grand_total.currency),
    )
    try:
        if requested.shown is None:
            return _preview(order, form, requested)
        number = orders.refund(order.id, requested, key=form.key.data or "", actor=web_session.current_actor(), by=BY)
    except AmountNotShown as refusal:
        return _show(order, form, status=409, problem=not_shown_text(refusal.amount), worth=refusal.amount)
    except (NothingToRefund, TooLittleBack, TooMuchBack, NotRefundable, IdempotencyConflict) as refusal:
        return _refuse(order, form, refusal)
    return _done(order_id, f"{money(orders.get_refund(number).amount)} refunded. The customer gets an e-mail.")


def _refuse(order: OrderView, form: RefundForm, refusal: DomainError) -> ResponseReturnValue:
    """Show the order with the form as it was sent, and why nothing was refunded."""
    if isinstance(refusal, NothingToRefund):
        return _show(order, form, status=422, problem="Nothing was refunded: enter units or an amount.")
    if isinstance(refusal, TooLittleBack):
        return _show(order, form, status=422, problem=f"Nothing was refunded: {too_little_text(refusal)}")
    if isinstance(refusal, TooMuchBack):
        problem = f"Nothing was refunded: at most {money(refusal.left)} and the remaining units can be refunded."
    elif isinstance(refusal, NotRefundable):
        problem = f"Nothing was refunded: {order.id} is {STATUS_TEXTS[refusal.current]}."
    else:
        form.key.data = new_refund_form().key.data
        problem = (
            "Nothing was refunded: this form was already sent with other values. Check the refunds before you continue."
        )
    return _show(order, form, status=409, problem=problem)


def _preview(order: OrderView, form: RefundForm, requested: RefundRequest) -> ResponseReturnValue:
    """Show what the refund comes to. Nobody pays back an amount that they did not see."""
    worth = RefundTerms.of(order).amount_of(requested)
    if form.do.data == PREVIEW:
        return _show(order, form, worth=worth)
    return _show(order, form, status=422, problem=not_shown_text(worth), worth=worth)


def not_shown_text(amount: Money) -> str:
    return f"Nothing was refunded yet. {money(amount)} will be refunded: check the amount, then confirm."


def _show(
    order: OrderView, form: RefundForm, *, status: int = 200, problem: str = "", worth: Money | None = None
) -> ResponseReturnValue:
    """Show the order with the form as it was sent."""
    notice = problem or (f"Refund amount: {money(worth)}" if worth is not None else "")
    sent = {"refund_form": form, "typed": request.form, "worth": worth, "notice": notice}
    return show_order(order.id, status=status, problem=problem, **sent)


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
    """Cancel an order that was not shipped; a second click, or a second person, changes nothing."""
    form, order = CancelForm(), orders.get_order(order_id)
    if not form.validate():
        return show_order(order.id, status=422, problem=_first_problem(form), cancel_form=form)
    note, restock = form.reason.data or "", form.restock.data
    try:
        orders.cancel(
            order.id, by=BY, note=note, may_be_packed=True, restock=restock, actor=web_session.current_actor()
        )
    except StepNotAllowed as refusal:
        if refusal.current is not OrderStatus.CANCELLED:
            problem = f"{order_id} is {STATUS_TEXTS[refusal.current]} and cannot be cancelled."
            return show_order(order_id, status=409, problem=problem)
    return _done(order_id, "Order cancelled. The customer gets an e-mail.")


@bp.post("/orders/<order_id>/undelivered")
@order_staff
def mark_undelivered(order_id: str) -> ResponseReturnValue:
    """Close an order whose parcel came back; a second click, or a second person, changes nothing."""
    form, order = UndeliveredForm(), orders.get_order(order_id)
    if not form.validate():
        return show_order(order.id, status=422, problem=_first_problem(form), undelivered_form=form)
    note, restock = form.reason.data or "", form.restock.data
    try:
        orders.mark_undelivered(order.id, by=BY, note=note, restock=restock, actor=web_session.current_actor())
    except StepNotAllowed as refusal:
        if refusal.current is not OrderStatus.UNDELIVERED:
            problem = f"{order_id} is {STATUS_TEXTS[refusal.current]}: it cannot come back undelivered."
            return show_order(order_id, status=409, problem=problem)
    return _done(order_id, "Order closed: it came back undelivered. The customer gets an e-mail.")


@bp.post("/orders/<order_id>/cash")
@order_staff
def receive_cash(order_id: str) -> ResponseReturnValue:
    """Note that the cash collected for an order arrived; a second click, or a second person, changes nothing."""
    order = orders.get_order(order_id)
    try:
        orders.receive_cash(order.id, actor=web_session.current_actor())
    except CashNotExpected as refusal:
        return show_order(order_id, status=409, problem=no_cash_text(order_id, refusal.current))
    return _done(order_id, CASH_NOTED)
