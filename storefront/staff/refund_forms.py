"""What the order desk accepts about money and goods that go back, and what its pages are to know for that."""

from __future__ import annotations

import secrets
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, HiddenField, StringField, ValidationError
from wtforms.validators import AnyOf, DataRequired, Length, Regexp

from storefront.core.money import Money
from storefront.db.import_log import is_legacy_checkout
from storefront.orders import service as orders
from storefront.orders.refund_values import MAX_NOTE_LENGTH, MAX_REASON_LENGTH, RefundTerms
from storefront.orders.values import OrderStatus, OrderView
from storefront.web.form_fields import squeeze

PREVIEW, REFUND = "preview", "refund"
MAX_AMOUNT = Decimal(10) ** 10  # more than any column holds

_CANCELLABLE = frozenset({OrderStatus.CONFIRMED, OrderStatus.PROCESSING})
_MAX_ENTRY_LENGTH = 200  # of the timeline, where a shopper reads why


class AmountField(StringField):
    """An amount of money, in the largest unit; empty for none."""

    def of(self, currency: str) -> Money | None:
        """What was entered, of a form that is valid."""
        return Money.of(_decimal(self.data), currency) if self.data else None


def _decimal(typed: str | None) -> Decimal:
    return Decimal((typed or "").replace(",", "").lstrip("₹").strip())


class AmountForm(FlaskForm):
    """Forms with an amount derive from this."""

    amount = AmountField("Other amount", [Length(max=20)], filters=[squeeze])

    def validate_amount(self, field: Field) -> None:
        if not field.data:
            return
        try:
            amount = _decimal(field.data)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or not 0 <= amount < MAX_AMOUNT or amount != round(amount, 2):
            raise ValidationError("Enter an amount such as 499.50")


class RefundForm(AmountForm):
    """A refund; the units it is for are read by `units_from`."""

    key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}\Z")])
    do = StringField(validators=[AnyOf((PREVIEW, REFUND))])
    with_shipping = BooleanField("The delivery too")
    restock = BooleanField("Back on the shelf")
    reason = StringField("Reason, for us", [Length(max=MAX_REASON_LENGTH)], filters=[squeeze])


class CancelForm(FlaskForm):
    restock = BooleanField("Goods back on the shelf", default=True)
    reason = StringField("Reason, as the customer reads it", [Length(max=_MAX_ENTRY_LENGTH)], filters=[squeeze])


class ApprovalForm(AmountForm):
    with_shipping = BooleanField("The delivery too")
    restock = BooleanField("Back on the shelf")


class DeclineForm(FlaskForm):
    answer = StringField(
        "Why, as the customer reads it",
        [DataRequired("Say why"), Length(max=MAX_NOTE_LENGTH)],
        filters=[squeeze],
    )


def new_refund_form() -> RefundForm:
    """An empty form with a key of its own."""
    return RefundForm(formdata=None, key=secrets.token_hex(16))


def money_of(order: OrderView) -> dict[str, Any]:
    """What `staff/orders/_refunds.html` is to know of an order."""
    refunds = orders.refunds_of(order)
    return {
        "terms": RefundTerms.of(order),
        "refunds": refunds,
        "notes": orders.credit_notes_of(order, refunds),
        "came_over": is_legacy_checkout(order.checkout_id),
        "returns": orders.returns_of(order),
        "refund_form": new_refund_form(),
        "cancel_form": CancelForm(formdata=None) if order.status in _CANCELLABLE else None,
        "typed": {},
        "worth": None,
    }
