"""What the cart accepts from a page."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, StringField
from wtforms.form import BaseForm
from wtforms.validators import AnyOf, InputRequired, Length, NumberRange, StopValidation

from storefront.cart.values import MOST_UNITS

SLOTS = frozenset({"grid", "loved", "newest", "seen", "related"})
_WHOLE = f"Enter a whole number from 1 to {MOST_UNITS}"
_LONGEST = 9  # digits read; a number of a thousand is none that a cart could hold
_UNITS = [InputRequired(_WHOLE), NumberRange(1, MOST_UNITS, _WHOLE)]


class QuantityField(IntegerField):
    """Units of a line; says in plain words what it takes."""

    @property
    def units(self) -> int:
        """What was entered, of a form that is valid."""
        return self.data or 0

    def process_formdata(self, valuelist: list[str]) -> None:
        texts = [text.strip() for text in valuelist]
        try:
            if any(len(text) > _LONGEST for text in texts):
                raise ValueError
            super().process_formdata(texts)
        except ValueError as error:
            raise ValueError(_WHOLE) from error

    def pre_validate(self, form: BaseForm) -> None:
        if self.process_errors:
            raise StopValidation  # it was said already


def _known_slot(name: str | None) -> str:
    return name if name in SLOTS else "grid"


class AddLineForm(FlaskForm):
    """:ivar place: where the form stands: a `card` of a listing, the product's `page`, or the `cart` (undo)
    :ivar slot: which of a page's lists the card stands in, so that the answer's ids are the same
    """

    sku = StringField("Variant", [InputRequired("Choose one of the options"), Length(max=64)], default="")
    quantity = QuantityField("Quantity", _UNITS, default=1)
    place = HiddenField(default="page", validators=[AnyOf(["card", "page", "cart"])])
    slot = HiddenField(default="grid", filters=[_known_slot])


class ChangeLineForm(FlaskForm):
    quantity = QuantityField("Quantity", _UNITS)


class RemoveLineForm(FlaskForm):
    """Carries the form token only."""
