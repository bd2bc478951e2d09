"""What the cart accepts from a page."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, InputRequired, Length

from storefront.cart.values import MAX_UNITS
from storefront.web.form_fields import QuantityField

SLOTS = frozenset({"grid", "loved", "newest", "seen", "related", "shared"})


def _known_slot(name: str | None) -> str:
    return name if name in SLOTS else "grid"


class AddLineForm(FlaskForm):
    """:ivar place: where the form stands: a `card` of a listing, the product's `page`, or the `cart` (undo)
    :ivar slot: which of a page's lists the card stands in, so that the answer's ids are the same
    """

    sku = StringField("Variant", [InputRequired("Choose one of the options"), Length(max=100)], default="")
    quantity = QuantityField("Quantity", MAX_UNITS, default=1)
    place = HiddenField(default="page", validators=[AnyOf(["card", "page", "cart"])])
    slot = HiddenField(default="grid", filters=[_known_slot])


class ChangeLineForm(FlaskForm):
    quantity = QuantityField("Quantity", MAX_UNITS)
