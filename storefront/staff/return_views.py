"""Return requests: approved with a refund, or declined with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.core.money import Money
from storefront.orders import service as orders
from storefront.orders.refund_values import (
    AmountNotShown,
    RefundTerms,
    ReturnDecided,
    ReturnState,
    ReturnView,
    TooLittleBack,
    TooMuchBack,
)
from storefront.orders.values import OrderView
from storefront.staff import bp, order_staff
from storefront.staff.order_forms import first_problem
from storefront.staff.order_messages import too_little_text
from storefront.staff.order_views import BY
from storefront.staff.refund_forms import PREVIEW, ApprovalForm, DeclineForm
from storefront.staff.refund_views import not_shown_text
from storefront.web import session as web_session
from storefront.web.filters import money
from storefront.web.responses import render_page, wants_fragment


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """A return as the list shows it.

    :ivar worth: refund for its units, and for the shipping where that is due
    :ivar shipping: shipping that can still be refunded
    :ivar is_shipping_due: the law has it refunded, see `RefundTerms.is_shipping_due`
    """

    request: ReturnView
    order: OrderView
    worth: Money
    shipping: Money
    is_shipping_due: bool


@bp.get("/returns")
@order_staff
def returns() -> ResponseReturnValue:
    """List the open returns, oldest first, or those with another status."""
    return _show_returns(_state_from(request.args.get("show", "")))


def _state_from(show: str) -> ReturnState:
    return ReturnState(show) if show in set(ReturnState) else ReturnState.REQUESTED


def _show_returns(
    state: ReturnState = ReturnState.REQUESTED, *, status: int = 200, problem: str = "", notice: str = "", **sent: Any
) -> ResponseReturnValue:
    """Render the list.

    :param sent: `wrong` and `form`: id and form of the return whose decision was refused or previewed; `worth`: what
        its refund comes to
    """
    listed = orders.list_returns(state)
    order_of = {order.id: order for order in orders.get_orders({view.order_id for view in listed})}
    return render_page(
        "staff/returns/index.html",
        fragment="staff/returns/_after_decision.html" if request.method == "POST" else "staff/returns/_returns.html",
        status=status,
        state=state,
        states=tuple(ReturnState),
        rows=[_row(view, order_of[view.order_id]) for view in listed],
        open_count=orders.count_open_returns(),
        problem=problem,
        notice=notice or problem,
        **{"wrong": None, "form": None, "worth": None, **sent},
    )


def _row(view: ReturnView, order: OrderView) -> ReturnRow:
    terms = RefundTerms.of(order)
    worth = terms.worth_of_return(view) if view.is_open else Money(0, order.grand_total.currency)
    return ReturnRow(view, order, worth, terms.shipping_left, terms.is_shipping_due(view.units))


@bp.post("/returns/<id:return_id>/approval")
@order_staff
def approve_return(return_id: int) -> ResponseReturnValue:
    """Approve a return and refund it; a second click, or a second person, changes nothing."""
    form, requested = ApprovalForm(), orders.get_return(return_id)
    if not form.validate():
        problem = f"Return no. {return_id}: {first_problem(form)}"
        return _show_returns(status=422, problem=problem, wrong=return_id, form=form)
    order = orders.get_order(requested.order_id)
    shown = form.confirmed(order.grand_total.currency)
    restock, with_shipping = form.restock.data, form.with_shipping.data
    try:
        if shown is None and requested.is_open:
            return _preview(requested, order, form)
        number = orders.approve_return(
            return_id,
            restock=restock,
            with_shipping=with_shipping,
            amount=form.amount.data,
            shown=shown,
            actor=web_session.current_actor(),
            by=BY,
        )
    except ReturnDecided as refusal:
        return _already_decided(return_id, refusal.state, ReturnState.APPROVED)
    except (AmountNotShown, TooLittleBack, TooMuchBack) as refusal:
        return _refuse(return_id, form, refusal)
    refunded = orders.get_refund(number).amount
    return _done(f"Return no. {return_id} approved: {money(refunded)} refunded. The customer gets an e-mail.")


def _refuse(
    return_id: int, form: ApprovalForm, refusal: AmountNotShown | TooLittleBack | TooMuchBack
) -> ResponseReturnValue:
    """Show the list with the form as it was sent, and why nothing was refunded."""
    sent: dict[str, Any] = {"wrong": return_id, "form": form}
    if isinstance(refusal, AmountNotShown):
        return _show_returns(
            status=409,
            problem=f"Return no. {return_id}: {not_shown_text(refusal.amount)}",
            worth=refusal.amount,
            **sent,
        )
    if isinstance(refusal, TooLittleBack):
        return _show_returns(status=422, problem=f"Return no. {return_id}: {too_little_text(refusal)}", **sent)
    problem = f"Return no. {return_id}: at most {money(refusal.left)} can be refunded."
    return _show_returns(status=409, problem=problem, **sent)


def _preview(requested: ReturnView, order: OrderView, form: ApprovalForm) -> ResponseReturnValue:
    """Show what the refund comes to, with the custom amount and the shipping."""
    amount, with_shipping = form.amount.data, form.with_shipping.data
    worth = RefundTerms.of(order).worth_of_return(requested, with_shipping=with_shipping, amount=amount)
    sent: dict[str, Any] = {"wrong": requested.id, "form": form, "worth": worth}
    if form.do.data == PREVIEW:
        return _show_returns(notice=f"Return no. {requested.id}: refund amount {money(worth)}", **sent)
    return _show_returns(status=422, problem=f"Return no. {requested.id}: {not_shown_text(worth)}", **sent)


def _already_decided(return_id: int, state: ReturnState, wanted: ReturnState) -> ResponseReturnValue:
    if state is wanted:
        return _done(f"Return no. {return_id} was already {state}.")
    return _show_returns(status=409, problem=f"Nothing was changed: return no. {return_id} was {state} meanwhile.")


def _done(notice: str) -> ResponseReturnValue:
    if wants_fragment():
        return _show_returns(notice=notice)
    flash(notice, "notice")
    return redirect(url_for(".returns"), 303)


@bp.post("/returns/<id:return_id>/refusal")
@order_staff
def decline_return(return_id: int) -> ResponseReturnValue:
    """Decline a return, with a reason that the customer reads."""
    form, _ = DeclineForm(), orders.get_return(return_id)
    if not form.validate():
        problem = f"Return no. {return_id}: {first_problem(form)}"
        return _show_returns(status=422, problem=problem, wrong=return_id, form=form)
    try:
        orders.decline_return(return_id, form.answer.data or "", actor=web_session.current_actor(), by=BY)
    except ReturnDecided as refusal:
        return _already_decided(return_id, refusal.state, ReturnState.DECLINED)
    return _done(f"Return no. {return_id} declined. The customer gets an e-mail.")
