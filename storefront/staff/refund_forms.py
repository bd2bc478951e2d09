"""Forms of refunds, cancellations and decisions on returns, and the template variables of the refund panel."""

from __future__ import annotations

import secrets
from typing import Any

from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import AnyOf, DataRequired, Length, Regexp

from storefront.core.money import Money
from storefront.db.import_log import is_legacy_checkout
from storefront.orders import service as orders
from storefront.orders.refund_values import MAX_NOTE_LENGTH, MAX_REASON_LENGTH, RefundTerms
from storefront.orders.values import OrderStatus, OrderView
from storefront.web.form_fields import PageForm, squeeze
from storefront.web.number_fields import MoneyField

PREVIEW, REFUND = "preview", "refund"
MAX_AMOUNT = 10**12  # minor units; what an order has left is the limit

_CANCELLABLE = frozenset({OrderStatus.CONFIRMED, OrderStatus.PROCESSING})
_MAX_TIMELINE_NOTE_LENGTH = 200  # characters; the customer reads the reason in the timeline


class AmountForm(PageForm):
    """Base of the forms that pay money back.

    :cvar amount: what to pay back instead of what the units are worth
    :cvar shown: the amount that the page showed, in minor units; money leaves for no other one
    """

    amount = MoneyField("Custom amount", most=MAX_AMOUNT)
    shown = HiddenField(validators=[Regexp(r"[0-9]{0,14}\Z")])
    do = StringField(validators=[AnyOf((PREVIEW, REFUND))], default=REFUND)

    def confirmed(self, currency: str) -> Money | None:
        """The amount that was shown and confirmed; None if it is asked for, or none was shown."""
        is_confirmed = self.shown.data and self.do.data == REFUND
        return Money(int(self.shown.data or 0), currency) if is_confirmed else None


class RefundForm(AmountForm):
    """A refund; its units are read by `quantities_from`.

    :cvar key: idempotency key: a second submit refunds nothing
    """

    key = HiddenField(validators=[Regexp(r"[0-9a-f]{32}\Z")])
    with_shipping = BooleanField("Refund shipping")
    restock = BooleanField("Restock items")
    reason = StringField("Internal reason", [Length(max=MAX_REASON_LENGTH)], filters=[squeeze])


class CancelForm(PageForm):
    """The cancellation of an order that was not shipped."""

    restock = BooleanField("Restock items", default=True)
    reason = StringField("Reason shown to the customer", [Length(max=_MAX_TIMELINE_NOTE_LENGTH)], filters=[squeeze])


class UndeliveredForm(CancelForm):
    """The end of an order whose parcel came back. Whether the goods can be sold again is seen when it is opened."""

    restock = BooleanField("Restock items")


class ApprovalForm(AmountForm):
    """The approval of a return, with what is refunded besides its units."""

    with_shipping = BooleanField("Refund shipping")
    restock = BooleanField("Restock items")


class DeclineForm(PageForm):
    """The refusal of a return, with the reason."""

    answer = StringField(
        "Reason shown to the customer",
        [DataRequired("Enter a reason"), Length(max=MAX_NOTE_LENGTH)],
        filters=[squeeze],
    )


def new_refund_form() -> RefundForm:
    """Make an empty refund form with a fresh idempotency key."""
    return RefundForm(formdata=None, key=secrets.token_hex(16))


def refund_context(order: OrderView) -> dict[str, Any]:
    """The template variables of `staff/orders/_refunds.html`."""
    refunds = orders.refunds_of(order)
    return {
        "terms": RefundTerms.of(order),
        "refunds": refunds,
        "notes": orders.credit_notes_of(order, refunds),
        "is_legacy": is_legacy_checkout(order.checkout_id),
        "returns": orders.returns_of(order),
        "refund_form": new_refund_form(),
        "cancel_form": CancelForm(formdata=None) if order.status in _CANCELLABLE else None,
        "undelivered_form": UndeliveredForm(formdata=None) if order.status is OrderStatus.SHIPPED else None,
        "typed": {},
        "worth": None,
    }
