"""Shared form fields, filters and validators: text, postal addresses, payment methods."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, SelectField, StringField, ValidationError
from wtforms.validators import DataRequired, Length, Optional

from storefront.core import contact
from storefront.core.payment_instruments import BNPL_PROVIDERS, is_upi_id

POSTAL_FIELDS = ("full_name", "line1", "line2", "city", "state", "postal_code", "country")  # of `AddressFields`


def squeeze(text: str | None) -> str:
    """Normalize typed text: one line, no surrounding or repeated blanks."""
    return " ".join((text or "").replace("\0", "").split())


def required(message: str, longest: int) -> list[Any]:
    """The validators of a required text field.

    :param message: shown when it is empty
    :param longest: maximum characters
    """
    return [DataRequired(message), Length(max=longest, message=f"Use at most {longest} characters")]


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
