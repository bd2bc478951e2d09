"""Forms of the wishlist and of back-in-stock alerts."""

from __future__ import annotations

import re

from wtforms import EmailField, Field, HiddenField, IntegerField, StringField, ValidationError
from wtforms.validators import AnyOf, InputRequired, Length, NumberRange

from storefront.cart.values import MAX_UNITS
from storefront.catalog.values import MAX_SKU_LENGTH
from storefront.core.contact import MAX_EMAIL_LENGTH, NotAnEmail, normalize_email
from storefront.db.session import MAX_INTEGER
from storefront.web.form_fields import PageForm, required, squeeze
from storefront.web.number_fields import QuantityField


def _slot(name: str | None) -> str:
    return name if name and re.fullmatch("[a-z]{1,12}", name) else "grid"


class ToggleForm(PageForm):
    """The toggle that adds a product to the wishlist or removes it.

    :ivar place: where the form is: a `heart` on a product, or the `list` itself
    :ivar slot: the product list of the page that the toggle is in; part of its element id, which the response repeats
    """

    place = HiddenField(default="heart", validators=[AnyOf(["heart", "list"])])
    slot = HiddenField(default="grid", filters=[_slot])


class WishlistForm(ToggleForm):
    """Adds a product to the list, or restores a removed one with its variant and quantity."""

    product_id = IntegerField("Product", [InputRequired(), NumberRange(1, MAX_INTEGER)])
    sku = StringField("Variant", [Length(max=MAX_SKU_LENGTH)], default="", filters=[squeeze])
    quantity = QuantityField("Quantity", MAX_UNITS, is_optional=True, default=1)


class ItemForm(PageForm):
    """Variant and quantity of an item of the list.

    :ivar act: `keep` to save them, `move` to move the item to the cart
    """

    sku = StringField("Variant", [Length(max=MAX_SKU_LENGTH)], default="", filters=[squeeze])
    quantity = QuantityField("Quantity", MAX_UNITS, default=1)
    act = HiddenField(default="keep", validators=[AnyOf(["keep", "move"])])


class AlertForm(PageForm):
    """Request of a back-in-stock alert.

    :ivar place: where the form is: the `product` page, the `list`, or a page of its `own`
    """

    sku = StringField("Variant", [InputRequired("Choose one of the options"), Length(max=MAX_SKU_LENGTH)], default="")
    email = EmailField("E-mail address", required("Enter your e-mail address", MAX_EMAIL_LENGTH), filters=[squeeze])
    place = HiddenField(default="own", validators=[AnyOf(["product", "list", "own"])])

    def validate_email(self, field: Field) -> None:
        try:
            normalize_email(field.data)
        except NotAnEmail as error:
            raise ValidationError("Enter an e-mail address in the correct format, such as asha@example.com") from error
