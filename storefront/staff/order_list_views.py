"""The order desk: every order as a list or a board, its steps for many at once, the same list as a file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.orders import service as orders
from storefront.orders.service import admin_list
from storefront.orders.values import OrderStatus, OrderView, StepNotAllowed, UnknownOrder
from storefront.payments import service as payments
from storefront.payments.values import PaymentRecord
from storefront.staff import bp, order_staff
from storefront.staff.order_forms import (
    SLIPS,
    BatchForm,
    chosen_orders,
    criteria_from,
    first_problem,
    is_board,
    orders_url,
    tracking_of,
    usual_filter,
)
from storefront.staff.order_messages import MARKED, refusal_words
from storefront.staff.order_views import BY
from storefront.staff.stock_views import send_csv
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.responses import redirect_or_hx, render_page, wants_fragment

bp.add_app_template_global(orders_url)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    :ivar done: numbers that took the step, also before
    :ivar refused: why, by number
    """

    status: OrderStatus
    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def notice(self) -> str:
        return f"{plural(len(self.done), 'order')} marked as {MARKED[self.status]}" if self.done else ""


@bp.get("/orders", endpoint="orders")
@order_staff
def show_orders() -> ResponseReturnValue:
    """The desk."""
    return _show_desk(form=BatchForm(formdata=None))


def _show_desk(*, form: BatchForm, status: int = 200, chosen: Collection[str] = (), **more: Any) -> ResponseReturnValue:
    """The list or the board, as the address asks.

    :param chosen: numbers whose rows are marked
    """
    criteria, board = criteria_from(request.args), None
    if is_board(request.args):
        board = admin_list.show_board(criteria)
        listed = [order for column in board.columns.values() for order in column]
        counts, page = board.counts, None
    else:
        page = admin_list.list_orders(criteria)
        listed, counts = list(page.orders), page.counts
    if request.args.get("chosen") == "all":
        chosen = {order.id for order in listed}
    context = {
        "criteria": criteria,
        "board": board,
        "page": page,
        "counts": counts,
        "filters": admin_list.OrderFilter,
        "is_usual": criteria.filter is usual_filter(criteria.words, board=board is not None),
        "payment_of": payments.records_of([order.checkout_id for order in listed]),
        "form": form,
        "chosen": chosen,
        "is_all_chosen": bool(listed) and len(chosen) == len(listed),
        "csv_url": orders_url(criteria, endpoint="staff.export_orders", cursor=""),
        **more,
    }
    fragment = "staff/orders/_after_batch.html" if request.method == "POST" else "staff/orders/_list.html"
    return render_page("staff/orders/list.html", fragment=fragment, status=status, **context)


@bp.post("/orders")
@order_staff
def change_orders() -> ResponseReturnValue:
    """Take the orders that were chosen to a step, each for itself; or print what is packed with them.

    Sent twice, the second time finds everything done.
    """
    form, chosen = BatchForm(), chosen_orders(request.form)
    is_valid = form.validate()
    if form.do.errors:
        abort(400)
    if not chosen or len(chosen) > admin_list.MAX_AT_ONCE:
        most = f"Choose at most {admin_list.MAX_AT_ONCE} orders at once. Nothing was changed."
        problem = most if chosen else "No order was chosen, so nothing was changed."
        return _show_desk(form=form, status=422, chosen=chosen[: admin_list.MAX_AT_ONCE], problem=problem)
    if form.do.data == SLIPS:
        return redirect_or_hx(url_for(".packing_slips", order=chosen))
    if not is_valid:
        problem = f"{first_problem(form)}. Nothing was changed."
        return _show_desk(form=form, status=422, chosen=chosen, problem=problem)
    outcome = _take_steps(chosen, form.status, form.named_carrier)
    if outcome.refused:
        return _show_desk(form=form, status=409, chosen=list(outcome.refused), outcome=outcome, notice=outcome.notice)
    if wants_fragment():
        return _show_desk(form=form, chosen=chosen, outcome=outcome, notice=outcome.notice)
    flash(outcome.notice, "notice")
    return redirect(_here(), 303)


def _here() -> str:
    return orders_url(criteria_from(request.args), board=is_board(request.args))


def _take_steps(numbers: Sequence[str], status: OrderStatus, carrier: str) -> Outcome:
    """Each order in a transaction of its own: one that cannot go does not stop the others."""
    outcome = Outcome(status)
    for number in numbers:
        parcel = {"carrier": carrier, "tracking": tracking_of(request.form, number)}
        told = parcel if status is OrderStatus.SHIPPED else {}
        try:
            orders.advance(number, status, by=BY, actor=web_session.current_actor(), **told)
        except UnknownOrder:
            outcome.refused[number] = f"No order has the number {number}."
        except StepNotAllowed as refusal:
            if refusal.current is status:
                outcome.done.append(number)
            else:
                outcome.refused[number] = refusal_words(number, refusal)
        else:
            outcome.done.append(number)
    return outcome


# ------------------------------------------------------------------------------------------------ the file

EXPORTED = (
    "number",
    "ordered",
    "state",
    "arrives_by",
    "name",
    "email",
    "phone",
    "address",
    "city",
    "region",
    "postal_code",
    "country",
    "units",
    "goods",
    "subtotal",
    "discount",
    "delivery",
    "tax",
    "total",
    "given_back",
    "currency",
    "paid_by",
    "payment",
    "carrier",
    "tracking_number",
    "invoice",
)


@bp.get("/orders.csv")
@order_staff
def export_orders() -> ResponseReturnValue:
    """The orders of the filter as a CSV file, without pages."""
    return send_csv("orders", EXPORTED, _exported_rows(criteria_from(request.args)))


def _exported_rows(criteria: admin_list.OrderQuery) -> Iterator[Sequence[object]]:
    for found in admin_list.export_orders(criteria):
        paid = payments.records_of([order.checkout_id for order in found])
        for order in found:
            yield _exported(order, paid.get(order.checkout_id))


def _exported(order: OrderView, payment: PaymentRecord | None) -> Sequence[object]:
    where = order.address
    lines = ", ".join(filter(None, (where.line1, where.line2)))
    goods = "; ".join(f"{item.quantity} x {item.sku}" for item in order.items)
    total = order.grand_total
    figures = (order.subtotal, order.discount, order.shipping, order.tax, total, total - order.final_total)
    return (
        order.id,
        order.placed_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        order.status.value,
        order.estimated_on.isoformat(),
        where.full_name,
        order.email,
        order.phone,
        lines,
        where.city,
        where.state,
        where.postal_code,
        where.country,
        order.unit_count,
        goods,
        *(figure.amount for figure in figures),
        total.currency,
        order.payment_kind,
        payment.status.value if payment else "",
        order.carrier,
        order.tracking_number,
        order.invoice_number,
    )
