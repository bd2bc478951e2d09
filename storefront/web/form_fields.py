"""Shared form fields, filters and validators: text, quantities, postal addresses, payment methods."""

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
from storefront.core.text import or_blank

_MAX_NUMBER_LENGTH = 9  # digits; longer input is refused before it is converted


POSTAL_FIELDS = ("full_name", "line1", "line2", "city", "state", "postal_code", "country")  # of `AddressFields`


def squeeze(text: str | None) -> str:
    """Normalize typed text: one line, no surrounding or repeated blanks; empty if nothing of it can be seen."""
    return or_blank(" ".join((text or "").replace("\0", "").split()))


class VisibleRequired(DataRequired):
    """Requires a text of which something can be seen."""

    def __call__(self, form: BaseForm, field: Field) -> None:
        if isinstance(field.data, str) and not or_blank(field.data):
            field.errors = []
            raise StopValidation(self.message or "")
        super().__call__(form, field)


def required(message: str, longest: int) -> list[Any]:
    """The validators of a required text field.

    :param message: shown when it is empty, or nothing of it can be seen
    :param longest: maximum characters
    """
    return [VisibleRequired(message), Length(max=longest, message=f"Use at most {longest} characters")]


class QuantityField(IntegerField):
    """A number of units from 1 to `most`; the error message names that range."""

    def __init__(self, label: str, most: int, **kwargs: Any) -> None:
        self._message = f"Enter a whole number from 1 to {most}"
        super().__init__(label, [InputRequired(self._message), NumberRange(1, most, self._message)], **kwargs)

    @property
    def units(self) -> int:
        """The number entered; for valid forms only."""
        return self.data or 0

    def process_formdata(self, valuelist: list[str]) -> None:
        texts = [text.strip() for text in valuelist]
        try:
            if any(len(text) > _MAX_NUMBER_LENGTH for text in texts):
                raise ValueError
            super().process_formdata(texts)
        except ValueError as error:
            raise ValueError(self._message) from error

    def pre_validate(self, form: BaseForm) -> None:
        if self.process_errors:
            raise StopValidation  # the error is reported already


class AddressFields(FlaskForm):
    """A form with the fields of a postal address; subclasses add more."""

    full_name = StringField(
        "Full name", required("Enter the recipient's full name", contact.MAX_NAME_LENGTH), filters=[squeeze]
    )
    line1 = StringField(
        "Address", required("Enter the house number and street", contact.MAX_LINE_LENGTH), filters=[squeeze]
    )
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
    """The extra fields of payment methods; each is validated only if its payment method is `chosen`."""

    upi_id = StringField("UPI ID", filters=[squeeze])
    lender = SelectField(
        "Pay-later provider",
        choices={"": "Choose a provider", **{name: name for name in BNPL_PROVIDERS}},
        validate_choice=False,
    )

    @property
    def chosen(self) -> str | None:
        """The code of the chosen payment method; `upi` and `bnpl` have an extra field."""
        raise NotImplementedError

    def validate_upi_id(self, field: Field) -> None:
        if self.chosen == "upi" and not is_upi_id(field.data):
            raise ValidationError("Enter your UPI ID, such as asha@okbank")

    def validate_lender(self, field: Field) -> None:
        if self.chosen == "bnpl" and field.data not in BNPL_PROVIDERS:
            raise ValidationError("Choose a pay-later provider")

    def entry(self) -> str:
        """The value of the chosen payment method's extra field; empty if it has none."""
        extra = {"upi": self.upi_id.data, "bnpl": self.lender.data}
        return extra.get(self.chosen or "") or ""


_UNITS = re.compile(r"units-([0-9]{1,9})")


def quantities_from(sent: MultiDict[str, str]) -> dict[int, int]:
    """Read units by line item from fields named `units-<id>`; empty fields and zeros are left out.

    :raise ValueError: a value is not a number
    """
    units = {}
    for name in sent:
        if (item := _UNITS.fullmatch(name)) and (typed := sent[name].strip()):
            if not re.fullmatch(r"[0-9]{1,6}", typed, re.ASCII):
                raise ValueError(typed)
            units[int(item[1])] = int(typed)
    return {item: count for item, count in units.items() if count}
