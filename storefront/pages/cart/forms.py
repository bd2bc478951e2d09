"""Forms of the cart."""

from __future__ import annotations

from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, InputRequired, Length

from storefront.cart.values import MAX_UNITS
from storefront.catalog.values import MAX_SKU_LENGTH
from storefront.web.form_fields import PageForm
from storefront.web.number_fields import QuantityField

SLOTS = frozenset({"grid", "loved", "newest", "seen", "related", "shared"})


def _known_slot(name: str | None) -> str:
    return name if name in SLOTS else "grid"


class AddLineForm(PageForm):
    """Adding a SKU to the cart.

    :ivar place: where the form is: on a `card` of a listing, on the product's `page`, or in the `cart` (undo)
    :ivar slot: the list of the page that has the card, so that the response uses the same element ids
    """

    sku = StringField("Variant", [InputRequired("Choose one of the options"), Length(max=MAX_SKU_LENGTH)], default="")
    quantity = QuantityField("Quantity", MAX_UNITS, default=1)
    place = HiddenField(default="page", validators=[AnyOf(["card", "page", "cart"])])
    slot = HiddenField(default="grid", filters=[_known_slot])


class ChangeLineForm(PageForm):
    """Changing the quantity of a line."""

    quantity = QuantityField("Quantity", MAX_UNITS)
