"""Orders as a list or a board, status changes of several at once, and the CSV export."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.core.clock import shop_timestamp
from storefront.orders import service as orders
from storefront.orders.service import admin_list
from storefront.orders.values import (
    CashNotExpected,
    OrderStatus,
    OrderView,
    StepNotAllowed,
    UnknownOrder,
    WithdrawalOpen,
)
from storefront.payments import service as payments
from storefront.payments.values import PaymentRecord
from storefront.staff import bp, order_staff
from storefront.staff.order_forms import (
    CASH,
    SLIPS,
    BatchForm,
    criteria_from,
    default_filter,
    first_problem,
    is_board,
    orders_url,
    selected_numbers,
    tracking_of,
)
from storefront.staff.order_messages import MARKED_AS, WITHDRAWAL_OPEN, no_cash_text, refusal_text
from storefront.staff.order_views import BY
from storefront.staff.stock_views import send_csv
from storefront.web import session as web_session
from storefront.web.filters import plural
from storefront.web.responses import redirect_or_hx, render_page, wants_fragment

bp.add_app_template_global(orders_url)


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The outcome of a batch.

    :ivar did: what was done with them, such as "marked as shipped"
    :ivar done: numbers of the orders of which that is true now, or was already
    :ivar refused: reason by number of the order
    :ivar is_told: whether the customers get an e-mail
    """

    did: str
    is_told: bool = True
    done: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def notice(self) -> str:
        return f"{plural(len(self.done), 'order')} {self.did}" if self.done else ""


@bp.get("/orders", endpoint="orders")
@order_staff
def show_orders() -> ResponseReturnValue:
    """Show the orders as a list or a board."""
    return _show_list(form=BatchForm(formdata=None))


def _show_list(
    *, form: BatchForm, status: int = 200, selected: Collection[str] = (), **more: Any
) -> ResponseReturnValue:
    """Render the list or the board, as the query string says.

    :param selected: numbers of the orders whose checkboxes are ticked
    """
    criteria, board = criteria_from(request.args), None
    if is_board(request.args):
        board = admin_list.show_board(criteria)
        shown = [order for column in board.columns.values() for order in column]
        counts, page = board.counts, None
    else:
        page = admin_list.list_orders(criteria)
        shown, counts = list(page.orders), page.counts
    if request.args.get("chosen") == "all":
        selected = {order.id for order in shown}
    context = {
        "criteria": criteria,
        "board": board,
        "page": page,
        "counts": counts,
        "filters": admin_list.OrderFilter,
        "is_default_filter": criteria.filter is default_filter(criteria.words, board=board is not None),
        "payment_of": payments.records_of([order.checkout_id for order in shown]),
        "form": form,
        "selected": selected,
        "is_all_selected": bool(shown) and len(selected) == len(shown),
        "csv_url": orders_url(criteria, endpoint="staff.export_orders", cursor=""),
        **more,
    }
    fragment = "staff/orders/_after_batch.html" if request.method == "POST" else "staff/orders/_list.html"
    return render_page("staff/orders/list.html", fragment=fragment, status=status, **context)


@bp.post("/orders")
@order_staff
def change_orders() -> ResponseReturnValue:
    """Change the status of the selected orders, each in its own transaction, or print their packing slips.

    Submitted twice, the second submit changes nothing.
    """
    form, selected = BatchForm(), selected_numbers(request.form)
    is_valid = form.validate()
    if form.do.errors:
        abort(400)
    if not selected or len(selected) > admin_list.MAX_AT_ONCE:
        too_many = f"Select at most {admin_list.MAX_AT_ONCE} orders. Nothing was changed."
        problem = too_many if selected else "Select at least one order. Nothing was changed."
        return _show_list(form=form, status=422, selected=selected[: admin_list.MAX_AT_ONCE], problem=problem)
    if form.do.data == SLIPS:
        return redirect_or_hx(url_for(".packing_slips", order=selected))
    if not is_valid:
        problem = f"{first_problem(form)}. Nothing was changed."
        return _show_list(form=form, status=422, selected=selected, problem=problem)
    is_cash = form.do.data == CASH
    outcome = _receive_cash(selected) if is_cash else _change_status(selected, form.status, form.named_carrier)
    if outcome.refused:
        return _show_list(form=form, status=409, selected=list(outcome.refused), outcome=outcome, notice=outcome.notice)
    if wants_fragment():
        return _show_list(form=form, selected=selected, outcome=outcome, notice=outcome.notice)
    flash(outcome.notice, "notice")
    return redirect(_current_url(), 303)


def _current_url() -> str:
    return orders_url(criteria_from(request.args), board=is_board(request.args))


def _change_status(numbers: Sequence[str], status: OrderStatus, carrier: str) -> BatchOutcome:
    """Change each order in its own transaction, so that a refused one does not stop the others."""
    outcome, actor = BatchOutcome(f"marked as {MARKED_AS[status]}"), web_session.current_actor()
    for number in numbers:
        try:
            parcel = {"carrier": carrier, "tracking": tracking_of(request.form, number)}
            shipment = parcel if status is OrderStatus.SHIPPED else {}
            orders.advance(number, status, by=BY, actor=actor, despite_withdrawal=False, **shipment)
        except ValueError:
            outcome.refused[number] = f"{number}: {TRACKING_TOO_LONG}."
        except UnknownOrder:
            outcome.refused[number] = f"There is no order {number}."
        except WithdrawalOpen:
            outcome.refused[number] = WITHDRAWAL_OPEN.format(number)
        except StepNotAllowed as refusal:
            if refusal.current is status:
                outcome.done.append(number)
            else:
                outcome.refused[number] = refusal_text(number, refusal)
        else:
            outcome.done.append(number)
    return outcome


def _receive_cash(numbers: Sequence[str]) -> BatchOutcome:
    """Note the cash of each order in its own transaction, as the courier's list of payments has them."""
    outcome = BatchOutcome("noted as paid in cash", is_told=False)
    for number in numbers:
        try:
            orders.receive_cash(number, actor=web_session.current_actor())
        except UnknownOrder:
            outcome.refused[number] = f"There is no order {number}."
        except CashNotExpected as refusal:
            outcome.refused[number] = no_cash_text(number, refusal.current)
        else:
            outcome.done.append(number)
    return outcome


# ------------------------------------------------------------------------------------------------ CSV export

TRACKING_TOO_LONG = f"a tracking number has at most {orders.MAX_TRACKING_NUMBER_LENGTH} characters"

CSV_COLUMNS = (
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
    """Send the filtered orders as a CSV file, without pagination."""
    return send_csv("orders", CSV_COLUMNS, _csv_rows(criteria_from(request.args)))


def _csv_rows(criteria: admin_list.OrderQuery) -> Iterator[Sequence[object]]:
    for batch in admin_list.export_orders(criteria):
        payment_of = payments.records_of([order.checkout_id for order in batch])
        for order in batch:
            yield _csv_row(order, payment_of.get(order.checkout_id))


def _csv_row(order: OrderView, payment: PaymentRecord | None) -> Sequence[object]:
    address = order.address
    lines = ", ".join(filter(None, (address.line1, address.line2)))
    items = "; ".join(f"{item.quantity} x {item.sku}" for item in order.items)
    total = order.grand_total
    figures = (order.subtotal, order.discount, order.shipping, order.tax, total, total - order.final_total)
    return (
        order.id,
        shop_timestamp(order.placed_at),
        order.status.value,
        order.estimated_on.isoformat(),
        address.full_name,
        order.email,
        order.phone,
        lines,
        address.city,
        address.state,
        address.postal_code,
        address.country,
        order.unit_count,
        items,
        *(figure.amount for figure in figures),
        total.currency,
        order.payment_kind,
        payment.status.value if payment else "",
        order.carrier,
        order.tracking_number,
        order.invoice_number,
    )
