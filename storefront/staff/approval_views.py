"""Orders that wait for staff before they are confirmed: released or refused."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from storefront.catalog.values import OutOfStock
from storefront.checkout.service import approval
from storefront.checkout.values import NotHeld
from storefront.orders import service as orders
from storefront.staff import bp, order_staff
from storefront.staff.order_forms import first_problem
from storefront.staff.order_views import show_order
from storefront.web import session as web_session
from storefront.web.form_fields import PageForm, squeeze
from storefront.web.responses import wants_fragment

MAX_REASON_LENGTH = 200  # characters; the customer reads the reason in the timeline
DECIDED = "Nothing was changed: somebody else has decided about this order meanwhile."


class RefusalForm(PageForm):
    """The refusal of an order, with the reason."""

    reason = StringField(
        "Reason shown to the customer",
        [DataRequired("Enter a reason"), Length(max=MAX_REASON_LENGTH)],
        filters=[squeeze],
    )


@bp.post("/orders/<order_id>/release")
@order_staff
def release_order(order_id: str) -> ResponseReturnValue:
    """Release an order that waits for staff: its stock is taken and it is confirmed."""
    checkout = orders.get_order(order_id).checkout_id
    try:
        return _decide(
            order_id,
            lambda: approval.release(checkout, actor=web_session.current_actor()),
            "Order released. The customer gets a confirmation.",
        )
    except OutOfStock as short:
        problem = f"Nothing was changed: not enough units of {', '.join(short.names.values())}. Restock, or refuse it."
        return show_order(order_id, status=409, problem=problem)


@bp.post("/orders/<order_id>/refusal")
@order_staff
def refuse_order(order_id: str) -> ResponseReturnValue:
    """Refuse an order that waits for staff; its customer reads the reason."""
    checkout, form = orders.get_order(order_id).checkout_id, RefusalForm()
    if not form.validate():
        return show_order(order_id, status=422, problem=first_problem(form), refusal_form=form)
    reason = form.reason.data or ""
    return _decide(
        order_id,
        lambda: approval.refuse(checkout, reason, actor=web_session.current_actor()),
        "Order refused. The customer gets an e-mail.",
    )


def _decide(order_id: str, decide: Callable[[], None], notice: str) -> ResponseReturnValue:
    try:
        decide()
    except NotHeld:
        return show_order(order_id, status=409, problem=DECIDED)
    if wants_fragment():
        return show_order(order_id, notice=notice)
    flash(notice, "notice")
    return redirect(url_for(".order", order_id=order_id), 303)
