"""What the order desk accepts: its query string, the orders chosen in it, the next step of one or of many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import url_for
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import SelectField, StringField
from wtforms.validators import AnyOf, Length

from storefront.orders import service as orders
from storefront.orders.service import MAX_TRACKING_NUMBER_LENGTH, admin_list
from storefront.orders.values import OrderStatus, is_order_id
from storefront.staff.stock_forms import MAX_CURSOR_LENGTH, day_from, text_from
from storefront.web.form_fields import squeeze

SLIPS = "slips"  # the button of a batch that only prints
OTHER = "other"


def criteria_from(args: MultiDict[str, str]) -> admin_list.OrderQuery:
    """What the address of the desk asks for. A value that is none of ours falls back: a kept link must not break."""
    words, show = text_from(args, "q"), args.get("show", "")
    return admin_list.OrderQuery(
        words=words,
        filter=admin_list.OrderFilter(show)
        if show in set(admin_list.OrderFilter)
        else usual_filter(words, board=is_board(args)),
        since=day_from(args, "since"),
        until=day_from(args, "until"),
        cursor=args.get("at", "")[:MAX_CURSOR_LENGTH],
    )


def usual_filter(words: str, *, board: bool) -> admin_list.OrderFilter:
    """What is shown unless something else is asked for: the work to be done; the board and a search have everything."""
    return admin_list.OrderFilter.ALL if board or words else admin_list.OrderFilter.TO_SEND


def is_board(args: MultiDict[str, str]) -> bool:
    return args.get("view") == "board"


def orders_url(
    criteria: admin_list.OrderQuery,
    *,
    board: bool = False,
    chosen: str = "",
    endpoint: str = "staff.orders",
    **changes: Any,
) -> str:
    """The address of the desk with something changed; any change but of the place starts at the first page.

    :param chosen: "all": with every row of the page marked
    """
    changed = replace(criteria, **({"cursor": "", **changes} if changes else {}))
    usual = usual_filter(changed.words, board=board)
    return url_for(
        endpoint,
        q=changed.words or None,
        show=None if changed.filter is usual else changed.filter.value,
        since=changed.since,
        until=changed.until,
        at=changed.cursor or None,
        view="board" if board else None,
        chosen=chosen or None,
    )


def chosen_orders(sent: MultiDict[str, str]) -> list[str]:
    """The numbers of the orders that were chosen, each once; what cannot be a number is left out."""
    numbers = dict.fromkeys(sent.getlist("order"))
    return [number for number in numbers if is_order_id(number)]


class CarrierForm(FlaskForm):
    """Who brings parcels: chosen from those the shop knows, or named."""

    carrier = SelectField(
        "Carrier",
        choices={"": "Choose a carrier", **{name: name for name in admin_list.CARRIERS}, OTHER: "Another"},
        default="",
    )
    carrier_name = StringField(
        "Its name, if another",
        [Length(max=admin_list.MAX_CARRIER_LENGTH, message=f"Use at most {admin_list.MAX_CARRIER_LENGTH} characters")],
        filters=[squeeze],
    )

    @property
    def named_carrier(self) -> str:
        """Who was chosen or named; empty when nobody was."""
        return (self.carrier_name.data or "") if self.carrier.data == OTHER else (self.carrier.data or "")

    def needs_carrier(self) -> bool:
        """Whether a parcel would leave with nobody; then it says so."""
        if self.named_carrier:
            return False
        field = self.carrier_name if self.carrier.data == OTHER else self.carrier
        words = "Name the carrier" if field is self.carrier_name else "Choose who brings the parcel"
        field.errors = [*field.errors, words]
        return True


class ParcelForm(CarrierForm):
    """A parcel that left, put right: another number, or another carrier than was said."""

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
    """The next step of one order."""

    step = StringField("Step", [AnyOf(orders.STAFF_STEPS)])
    tracking = StringField(
        "Tracking number",
        [Length(max=MAX_TRACKING_NUMBER_LENGTH, message=f"Use at most {MAX_TRACKING_NUMBER_LENGTH} characters")],
        filters=[squeeze],
    )

    @property
    def status(self) -> OrderStatus:
        """Where the order is to go, of a form that is valid."""
        return OrderStatus(self.step.data or "")

    def validate(self, extra_validators: Any = None) -> bool:
        is_valid = bool(super().validate(extra_validators))
        return is_valid and not (self.step.data == OrderStatus.SHIPPED and self.needs_carrier())


class BatchForm(CarrierForm):
    """One step of many orders; which, and their tracking numbers, stand beside their rows."""

    do = StringField("Do", [AnyOf([*orders.STAFF_STEPS, SLIPS])])

    @property
    def status(self) -> OrderStatus:
        """Where the orders are to go, of a form that is valid and does not print."""
        return OrderStatus(self.do.data or "")

    def validate(self, extra_validators: Any = None) -> bool:
        is_valid = bool(super().validate(extra_validators))
        return is_valid and not (self.do.data == OrderStatus.SHIPPED and self.needs_carrier())


def first_problem(form: FlaskForm) -> str:
    """What is wrong with a form that is not valid, in one sentence."""
    return next(str(problem) for field in form for problem in field.errors)


def tracking_of(sent: MultiDict[str, str], number: str) -> str:
    """The tracking number typed beside an order, cut to what is kept of one."""
    return text_from(sent, f"tracking-{number}", MAX_TRACKING_NUMBER_LENGTH)
