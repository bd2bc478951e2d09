"""What the checkout's steps accept."""

from __future__ import annotations

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from flask_wtf import FlaskForm
from wtforms import (
    EmailField,
    Field,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TelField,
    ValidationError,
)
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from storefront.checkout.values import Contact
from storefront.orders.service import DeliveryAddress
from storefront.payments.service import LENDERS, is_upi_id

HOME_REGION = "IN"  # a number without country code is read as one of this country
LONGEST_PHONE = 32  # characters an order has room for, extension included


def _trimmed(text: str | None) -> str:
    return " ".join((text or "").replace("\0", "").split())


def _filled(message: str, longest: int) -> list[object]:
    return [DataRequired(message), Length(max=longest, message=f"Use at most {longest} characters")]


class ContactForm(FlaskForm):
    email = EmailField(
        "E-mail address",
        _filled("Enter your e-mail address: the order's news go there", 254),
        filters=[_trimmed],
    )
    phone = TelField("Phone number", _filled("Enter a phone number for the courier", LONGEST_PHONE), filters=[_trimmed])

    def validate_email(self, field: Field) -> None:
        try:
            # Few mail servers take letters to an address that is not ASCII before the @.
            address = validate_email(field.data, check_deliverability=False, allow_smtputf8=False)
        except EmailNotValidError as error:
            raise ValidationError("This does not look like an e-mail address, such as asha@example.com") from error
        field.data = address.normalized

    def validate_phone(self, field: Field) -> None:
        try:
            number = phonenumbers.parse(field.data, HOME_REGION)
        except phonenumbers.NumberParseException as error:
            raise ValidationError("Enter a phone number with digits, such as 98765 43210") from error
        text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        if not phonenumbers.is_possible_number(number) or len(text) > LONGEST_PHONE:
            raise ValidationError("This phone number is too short or too long")
        field.data = text

    def contact(self) -> Contact:
        return Contact(self.email.data or "", self.phone.data or "")


class DeliveryForm(FlaskForm):
    full_name = StringField("Full name", _filled("Enter the name of who receives it", 120), filters=[_trimmed])
    line1 = StringField("Address", _filled("Enter house and street", 160), filters=[_trimmed])
    line2 = StringField(
        "Flat, floor, landmark (optional)",
        [Optional(), Length(max=160, message="Use at most 160 characters")],
        filters=[_trimmed],
    )
    city = StringField("City", _filled("Enter the city", 80), filters=[_trimmed])
    state = StringField("State", _filled("Enter the state", 80), filters=[_trimmed])
    postal_code = StringField("PIN code", _filled("Enter the PIN code", 16), filters=[_trimmed])
    country = StringField("Country", _filled("Enter the country", 60), default="India", filters=[_trimmed])

    def validate_postal_code(self, field: Field) -> None:
        digits = (field.data or "").replace(" ", "")
        if (self.country.data or "").casefold() == "india" and not (len(digits) == 6 and digits.isdigit()):
            raise ValidationError("An Indian PIN code has six digits, such as 411001")

    def address(self, phone: str) -> DeliveryAddress:
        return DeliveryAddress(
            full_name=self.full_name.data or "",
            phone=phone,
            line1=self.line1.data or "",
            line2=self.line2.data or "",
            city=self.city.data or "",
            state=self.state.data or "",
            postal_code=self.postal_code.data or "",
            country=self.country.data or "",
        )


class PaymentForm(FlaskForm):
    """Its choices are the payment options on offer, set by the view. What stands beside one counts if it is chosen."""

    option = RadioField("How would you like to pay?", [InputRequired("Choose how you would like to pay")])
    upi_id = StringField("UPI id", filters=[_trimmed])
    lender = SelectField(
        "Pay-later provider",
        choices={"": "Choose a provider", **{name: name for name in LENDERS}},
        validate_choice=False,
    )

    def validate_upi_id(self, field: Field) -> None:
        if self.option.data == "upi" and not is_upi_id(field.data):
            raise ValidationError("Enter your UPI id, such as asha@okbank")

    def validate_lender(self, field: Field) -> None:
        if self.option.data == "bnpl" and field.data not in LENDERS:
            raise ValidationError("Choose who lends you the money")

    def entry(self) -> str:
        """What was entered beside the way to pay that was chosen."""
        beside = {"upi": self.upi_id.data, "bnpl": self.lender.data}
        return beside.get(self.option.data) or ""


class PlaceOrderForm(FlaskForm):
    """:ivar key: the checkout the shopper reviewed :ivar total: the fingerprint of the cart they agreed to"""

    key = HiddenField(validators=[InputRequired(), Length(max=64)])
    total = HiddenField(validators=[InputRequired(), Length(max=64)])
