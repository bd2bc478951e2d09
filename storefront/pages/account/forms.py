"""Forms of the account pages."""

from __future__ import annotations

from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, Field, PasswordField, RadioField, StringField, TelField, ValidationError
from wtforms.validators import InputRequired, Length

from storefront.accounts.service import MAX_NAME_LENGTH
from storefront.accounts.values import SavedAddress
from storefront.core.addresses import PostalAddress
from storefront.core.contact import NotAPhoneNumber, format_phone
from storefront.web.form_fields import AddressFields, PageForm, PaymentMethodFields, required, squeeze

MAX_PHONE_LENGTH = 32  # characters, as in the addresses table
KINDS = {"upi": "UPI", "bnpl": "Pay later", "cod": "Cash on delivery"}


class NameForm(PageForm):
    """The name of an account."""

    name = StringField("Name", required("Enter your name", MAX_NAME_LENGTH), filters=[squeeze])


class AvatarForm(PageForm):
    """Upload of a profile picture."""

    picture = FileField("Picture", [FileRequired("Choose a picture")])


class AddressForm(AddressFields):
    """An address of the address book, with a phone number for the carrier."""

    phone = TelField(
        "Phone number", required("Enter a phone number for the carrier", MAX_PHONE_LENGTH), filters=[squeeze]
    )
    is_default = BooleanField("Use as my default address")

    def validate_phone(self, field: Field) -> None:
        try:
            field.data = format_phone(field.data)
        except NotAPhoneNumber as error:
            raise ValidationError("Enter a phone number, such as 98765 43210") from error

    @classmethod
    def of(cls, address: SavedAddress) -> AddressForm:
        """Return the form with submitted values or, without any, those of a saved address."""
        return cls(obj=address.where, data={"is_default": address.is_default})

    def address(self) -> PostalAddress:
        return self.postal_address(self.phone.data or "")


class MethodForm(PaymentMethodFields):
    """A payment method to save. Cards are not among the choices, so no card number is ever entered here."""

    kind = RadioField("Payment method", [InputRequired("Choose a payment method")], choices=KINDS)

    @property
    def chosen(self) -> str | None:
        kind: str | None = self.kind.data
        return kind

    def method(self) -> tuple[str, str]:
        """Provider and token for `accounts.add_method`."""
        return str(self.kind.data).upper(), self.entry()


class PasswordReauthenticationForm(PageForm):
    """Reauthentication by password."""

    password = PasswordField("Your password", [InputRequired("Enter your password"), Length(max=1024)])


class CodeReauthenticationForm(PageForm):
    """Reauthentication by code, for accounts without a password."""

    code = StringField("Code", [InputRequired("Enter the six-digit code"), Length(max=32)])
