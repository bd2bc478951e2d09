"""Forms of the order pages: the filter in the query string, selected orders, status changes of one or many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict
from wtforms import SelectField, StringField
from wtforms.validators import AnyOf, Length

from storefront.orders import service as orders
from storefront.orders.service import MAX_TRACKING_NUMBER_LENGTH, admin_list
from storefront.orders.values import OrderStatus, is_order_id
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH, day_from, text_from
from storefront.web.form_fields import PageForm, squeeze

SLIPS = "slips"  # value of the batch button that prints packing slips
CASH = "cash-received"  # value of the batch button that notes the cash of orders
OTHER = "other"  # value of the choice for a carrier that is not listed


def criteria_from(args: MultiDict[str, str]) -> admin_list.OrderQuery:
    """Read the filter from the query string. Unknown values fall back to the default, so that old links still work."""
    words, show = text_from(args, "q"), args.get("show", "")
    return admin_list.OrderQuery(
        words=words,
        filter=admin_list.OrderFilter(show)
        if show in set(admin_list.OrderFilter)
        else default_filter(words, board=is_board(args)),
        since=day_from(args, "since"),
        until=day_from(args, "until"),
        cursor=args.get("at", "")[:MAX_CURSOR_LENGTH],
    )


def default_filter(words: str, *, board: bool) -> admin_list.OrderFilter:
    """The filter of a plain URL: orders to ship in the list, all orders on the board and in a search."""
    return admin_list.OrderFilter.ALL if board or words else admin_list.OrderFilter.TO_SEND


def is_board(args: MultiDict[str, str]) -> bool:
    return args.get("view") == "board"


def orders_url(
    criteria: admin_list.OrderQuery,
    *,
    board: bool = False,
    selected: str = "",
    endpoint: str = "staff.orders",
    **changes: Any,
) -> str:
    """Build the URL of the order list with a part of the filter changed; any change restarts at the first page.

    :param selected: "all" to select every row of the page
    :param changes: fields of `OrderQuery`; with none of them the cursor stays
    """
    changed = replace(criteria, **({"cursor": "", **changes} if changes else {}))
    default = default_filter(changed.words, board=board)
    return url_for(
        endpoint,
        q=changed.words or None,
        show=None if changed.filter is default else changed.filter.value,
        since=changed.since,
        until=changed.until,
        at=changed.cursor or None,
        view="board" if board else None,
        chosen=selected or None,
    )


def selected_numbers(values: MultiDict[str, str]) -> list[str]:
    """Read the numbers of the selected orders, without duplicates and without what is no order number."""
    numbers = dict.fromkeys(values.getlist("order"))
    return [number for number in numbers if is_order_id(number)]


class CarrierForm(PageForm):
    """A carrier: one of the list, or another by name."""

    carrier = SelectField(
        "Carrier",
        choices={"": "Choose a carrier", **{name: name for name in admin_list.CARRIERS}, OTHER: "Other"},
        default="",
    )
    carrier_name = StringField(
        "Name of the other carrier",
        [Length(max=admin_list.MAX_CARRIER_LENGTH, message=f"Use at most {admin_list.MAX_CARRIER_LENGTH} characters")],
        filters=[squeeze],
    )

    @property
    def named_carrier(self) -> str:
        """Name of the carrier; empty when none was given."""
        return (self.carrier_name.data or "") if self.carrier.data == OTHER else (self.carrier.data or "")

    def needs_carrier(self) -> bool:
        """Check that a carrier is given; otherwise add an error to the field.

        :return: whether it is missing
        """
        if self.named_carrier:
            return False
        field = self.carrier_name if self.carrier.data == OTHER else self.carrier
        problem = "Enter the name of the carrier" if field is self.carrier_name else "Choose a carrier"
        field.errors = [*field.errors, problem]
        return True


class ParcelForm(CarrierForm):
    """A correction of the tracking number or the carrier of a shipment."""

    tracking = StringField(
        "Tracking number",
        [Length(max=MAX_TRACKING_NUMBER_LENGTH, message=f"Use at most {MAX_TRACKING_NUMBER_LENGTH} characters")],
        filters=[squeeze],
    )

    def validate(self, extra_validators: Any = None) -> bool:
        is_valid = bool(super().validate(extra_validators))
        if not self.tracking.data:
            self.tracking.errors = ["Enter the tracking number"]
        return is_valid and bool(self.tracking.data)


class StepForm(CarrierForm):
    """A status change of one order."""

    step = StringField("Step", [AnyOf(orders.STAFF_STEPS)])
    tracking = StringField(
        "Tracking number",
        [Length(max=MAX_TRACKING_NUMBER_LENGTH, message=f"Use at most {MAX_TRACKING_NUMBER_LENGTH} characters")],
        filters=[squeeze],
    )

    @property
    def status(self) -> OrderStatus:
        """The requested status; only of a valid form."""
        return OrderStatus(self.step.data or "")

    def validate(self, extra_validators: Any = None) -> bool:
        is_valid = bool(super().validate(extra_validators))
        return is_valid and not (self.step.data == OrderStatus.SHIPPED and self.needs_carrier())


class BatchForm(CarrierForm):
    """A status change of several orders; the orders and their tracking numbers are fields of the table rows."""

    do = StringField("Do", [AnyOf([*orders.STAFF_STEPS, SLIPS, CASH])])

    @property
    def status(self) -> OrderStatus:
        """The requested status; only of a valid form that changes one."""
        return OrderStatus(self.do.data or "")

    def validate(self, extra_validators: Any = None) -> bool:
        is_valid = bool(super().validate(extra_validators))
        return is_valid and not (self.do.data == OrderStatus.SHIPPED and self.needs_carrier())


def first_problem(form: PageForm) -> str:
    """The first error of an invalid form."""
    return next(str(problem) for field in form for problem in field.errors)


def tracking_of(values: MultiDict[str, str], number: str) -> str:
    """The tracking number entered in the row of an order.

    :raise ValueError: it is longer than `MAX_TRACKING_NUMBER_LENGTH`: cut, it would name another parcel
    """
    typed = text_from(values, f"tracking-{number}", MAX_TRACKING_NUMBER_LENGTH + 1)
    if len(typed) > MAX_TRACKING_NUMBER_LENGTH:
        raise ValueError(typed)
    return typed
