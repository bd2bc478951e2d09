"""Parts of more than one form: how text is tidied, what must be filled in, the fields of a postal address."""

from __future__ import annotations

import re
from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, IntegerField, SelectField, StringField, ValidationError
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, StopValidation

from storefront.core import contact
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_upi_id

_MAX_NUMBER_LENGTH = 9  # digits read; a number of a thousand is none that a cart could hold


POSTAL_FIELDS = ("full_name", "line1", "line2", "city", "state", "postal_code", "country")  # of `PostalForm`


def squeeze(text: str | None) -> str:
    """Typed text on one line, without blanks around it or in a row."""
    return " ".join((text or "").replace("\0", "").split())


def required(message: str, longest: int) -> list[Any]:
    """Validators of a field that must be filled in.

    :param longest: characters it may have
    """
    return [DataRequired(message), Length(max=longest, message=f"Use at most {longest} characters")]


class QuantityField(IntegerField):
    """Units of something, from 1 to `most`; says in plain words what it takes."""

    def __init__(self, label: str, most: int, **kwargs: Any) -> None:
        self._words = f"Enter a whole number from 1 to {most}"
        super().__init__(label, [InputRequired(self._words), NumberRange(1, most, self._words)], **kwargs)

    @property
    def units(self) -> int:
        """What was entered, of a form that is valid."""
        return self.data or 0

    def process_formdata(self, valuelist: list[str]) -> None:
        texts = [text.strip() for text in valuelist]
        try:
            if any(len(text) > _MAX_NUMBER_LENGTH for text in texts):
                raise ValueError
            super().process_formdata(texts)
        except ValueError as error:
            raise ValueError(self._words) from error

    def pre_validate(self, form: BaseForm) -> None:
        if self.process_errors:
            raise StopValidation  # it was said already


class AddressFields(FlaskForm):
    """The fields of a postal address; who needs more of it derives from this."""

    full_name = StringField(
        "Full name", required("Enter the name of who receives it", contact.MAX_NAME_LENGTH), filters=[squeeze]
    )
    line1 = StringField("Address", required("Enter house and street", contact.MAX_LINE_LENGTH), filters=[squeeze])
    line2 = StringField(
        "Flat, floor, landmark (optional)",
        [Optional(), Length(max=contact.MAX_LINE_LENGTH, message=f"Use at most {contact.MAX_LINE_LENGTH} characters")],
        filters=[squeeze],
    )
    city = StringField("City", required("Enter the city", contact.MAX_PLACE_LENGTH), filters=[squeeze])
    state = StringField("State", required("Enter the state", contact.MAX_PLACE_LENGTH), filters=[squeeze])
    postal_code = StringField("PIN code", required("Enter the PIN code", contact.MAX_CODE_LENGTH), filters=[squeeze])
    country = StringField(
        "Country", required("Enter the country", contact.MAX_COUNTRY_LENGTH), default="India", filters=[squeeze]
    )

    def validate_postal_code(self, field: Field) -> None:
        digits = (field.data or "").replace(" ", "")
        if (self.country.data or "").casefold() == "india" and not (len(digits) == 6 and digits.isdigit()):
            raise ValidationError("An Indian PIN code has six digits, such as 411001")


class PaymentMethodFields(FlaskForm):
    """What stands beside the ways to pay of a form that derives from this; each counts if its way is `chosen`."""

    upi_id = StringField("UPI id", filters=[squeeze])
    lender = SelectField(
        "Pay-later provider",
        choices={"": "Choose a provider", **{name: name for name in BNPL_PROVIDERS}},
        validate_choice=False,
    )

    @property
    def chosen(self) -> str | None:
        """The way to pay that was chosen: `upi` and `bnpl` have something beside them."""
        raise NotImplementedError

    def validate_upi_id(self, field: Field) -> None:
        if self.chosen == "upi" and not is_upi_id(field.data):
            raise ValidationError("Enter your UPI id, such as asha@okbank")

    def validate_lender(self, field: Field) -> None:
        if self.chosen == "bnpl" and field.data not in BNPL_PROVIDERS:
            raise ValidationError("Choose who lends you the money")

    def entry(self) -> str:
        """What was entered beside the way that was chosen."""
        beside = {"upi": self.upi_id.data, "bnpl": self.lender.data}
        return beside.get(self.chosen or "") or ""


_UNITS = re.compile(r"units-([0-9]{1,9})")


def quantities_from(sent: MultiDict[str, str]) -> dict[int, int]:
    """Units by line item, from fields called `units-<id>`; an empty one is none.

    :raise ValueError: what was entered is no number
    """
    units = {}
    for name in sent:
        if (item := _UNITS.fullmatch(name)) and (typed := sent[name].strip()):
            if not re.fullmatch(r"[0-9]{1,6}", typed, re.ASCII):
                raise ValueError(typed)
            units[int(item[1])] = int(typed)
    return {item: count for item, count in units.items() if count}
