"""Forms of the checkout's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import (
    BooleanField,
    EmailField,
    Field,
    Form,
    HiddenField,
    RadioField,
    TelField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length, StopValidation

from storefront.checkout.saved_choices import NEW
from storefront.checkout.values import MAX_FINGERPRINT_LENGTH, Contact
from storefront.core.addresses import PostalAddress
from storefront.core.contact import NotAnEmail, NotAPhoneNumber, format_email, format_phone
from storefront.web.form_fields import POSTAL_FIELDS, AddressFields, PageForm, PaymentMethodFields, required, squeeze

MAX_PHONE_LENGTH = 32  # characters of `orders.shipping_phone`, extension included


class ContactForm(PageForm):
    """How to reach the customer."""

    email = EmailField(
        "E-mail address",
        required("Enter your e-mail address, for updates about the order", 254),
        filters=[squeeze],
    )
    phone = TelField(
        "Phone number", required("Enter a phone number for the courier", MAX_PHONE_LENGTH), filters=[squeeze]
    )

    def validate_email(self, field: Field) -> None:
        try:
            field.data = format_email(field.data)
        except NotAnEmail as error:
            raise ValidationError("This does not look like an e-mail address, such as asha@example.com") from error

    def validate_phone(self, field: Field) -> None:
        try:
            text = format_phone(field.data)
        except NotAPhoneNumber as error:
            if error.has_digits:
                raise ValidationError("This phone number is too short or too long") from error
            raise ValidationError("Enter a phone number with digits, such as 98765 43210") from error
        if len(text) > MAX_PHONE_LENGTH:
            raise ValidationError("This phone number is too short or too long")
        field.data = text

    def contact(self) -> Contact:
        """The values of the valid form."""
        return Contact(self.email.data or "", self.phone.data or "")


class DeliveryForm(AddressFields):
    """The shipping address of a guest."""

    def address(self, phone: str) -> PostalAddress:
        """The values of the valid form.

        :param phone: from the contact step
        """
        return self.postal_address(phone)


def _skip(form: Form, field: Field) -> None:
    raise StopValidation


class OwnDeliveryForm(DeliveryForm):
    """The shipping address of a customer with an account: a saved one, or `NEW` with the fields of an address.

    The view sets the choices. With a saved address chosen, the address fields are not validated.
    """

    saved = RadioField("Shipping address", [InputRequired("Choose an address")])
    keep = BooleanField("Save this address to my address book")

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        if self.saved.data != NEW:
            for name in POSTAL_FIELDS:
                self[name].validators = [_skip]
        return bool(super().validate(extra_validators))


class PaymentForm(PaymentMethodFields):
    """The payment method. The view sets the choices; a UPI id or lender is read only with the option that needs it."""

    option = RadioField("Payment method", [InputRequired("Choose a payment method")])

    @property
    def chosen(self) -> str | None:
        """The code of the option chosen, for `PaymentMethodFields`."""
        option: str | None = self.option.data
        return option


class PlaceOrderForm(PageForm):
    """The button that places the order.

    :ivar key: id of the checkout that the shopper reviewed
    :ivar agreed: the fingerprint of what they saw there, and agree to
    """

    key = HiddenField(validators=[InputRequired(), Length(max=64)])
    agreed = HiddenField(validators=[InputRequired(), Length(max=MAX_FINGERPRINT_LENGTH)])
