"""What the wishlist accepts from a page."""

from __future__ import annotations

import re

from flask_wtf import FlaskForm
from wtforms import EmailField, Field, HiddenField, IntegerField, StringField, ValidationError
from wtforms.validators import AnyOf, InputRequired, Length, NumberRange

from storefront.cart.service import MAX_UNITS
from storefront.core.contact import MAX_EMAIL_LENGTH, NotAnEmail, normalize_email
from storefront.db.session import MAX_INTEGER
from storefront.web.form_fields import QuantityField, required, squeeze


def _slot(name: str | None) -> str:
    return name if name and re.fullmatch("[a-z]{1,12}", name) else "grid"


class ToggleForm(FlaskForm):
    """:ivar place: where the form stands: a `heart`, or the `list` itself
    :ivar slot: which of a page's lists the heart stands in, so that the answer's ids are the same
    """

    place = HiddenField(default="heart", validators=[AnyOf(["heart", "list"])])
    slot = HiddenField(default="grid", filters=[_slot])


class WishlistForm(ToggleForm):
    """A product put on the list; undoing a removal, as it was there."""

    product_id = IntegerField("Product", [InputRequired(), NumberRange(1, MAX_INTEGER)])
    sku = StringField("Variant", [Length(max=64)], default="", filters=[squeeze])
    quantity = IntegerField("Quantity", [NumberRange(1, MAX_UNITS)], default=1)


class ItemForm(FlaskForm):
    """A product of the list as it is wanted.

    :ivar act: `keep` it so, or `move` it to the cart
    """

    sku = StringField("Variant", [Length(max=64)], default="", filters=[squeeze])
    quantity = QuantityField("Quantity", MAX_UNITS, default=1)
    act = HiddenField(default="keep", validators=[AnyOf(["keep", "move"])])


class AlertForm(FlaskForm):
    """:ivar place: where the form stands: the product's page, the list, or a page of its own"""

    sku = StringField("Variant", [InputRequired("Choose one of the options"), Length(max=64)], default="")
    email = EmailField("E-mail address", required("Enter your e-mail address", MAX_EMAIL_LENGTH), filters=[squeeze])
    place = HiddenField(default="own", validators=[AnyOf(["product", "list", "own"])])

    def validate_email(self, field: Field) -> None:
        try:
            normalize_email(field.data)
        except NotAnEmail as error:
            raise ValidationError("This does not look like an e-mail address, such as asha@example.com") from error
