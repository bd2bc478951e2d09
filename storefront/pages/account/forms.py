"""What the pages of an account accept."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, Field, PasswordField, RadioField, StringField, TelField, ValidationError
from wtforms.validators import InputRequired, Length

from storefront.accounts.service import MAX_NAME_LENGTH, SavedAddress
from storefront.core.addresses import PostalAddress
from storefront.core.contact import NotAPhoneNumber, format_phone
from storefront.web.form_fields import AddressFields, PaymentMethodFields, required, squeeze

MAX_PHONE_LENGTH = 32  # characters an address has room for
KINDS = {"upi": "UPI", "bnpl": "Pay later", "cod": "Cash on delivery"}


class NameForm(FlaskForm):
    name = StringField("Name", required("Enter your name", MAX_NAME_LENGTH), filters=[squeeze])


class AvatarForm(FlaskForm):
    picture = FileField("Picture", [FileRequired("Choose a picture first")])


class AddressForm(AddressFields):
    """An address of the address book."""

    phone = TelField(
        "Phone number", required("Enter a phone number for the courier", MAX_PHONE_LENGTH), filters=[squeeze]
    )
    is_default = BooleanField("Use it as my default address")

    def validate_phone(self, field: Field) -> None:
        try:
            field.data = format_phone(field.data)
        except NotAPhoneNumber as error:
            raise ValidationError("Enter a phone number, such as 98765 43210") from error

    @classmethod
    def of(cls, address: SavedAddress) -> AddressForm:
        """The form filled in with an address, unless another was just sent."""
        return cls(obj=address.where, data={"is_default": address.is_default})

    def address(self) -> PostalAddress:
        return PostalAddress(
            full_name=self.full_name.data or "",
            phone=self.phone.data or "",
            line1=self.line1.data or "",
            line2=self.line2.data or "",
            city=self.city.data or "",
            state=self.state.data or "",
            postal_code=self.postal_code.data or "",
            country=self.country.data or "",
        )


class MethodForm(PaymentMethodFields):
    """A way to pay to be kept. What stands beside one counts if it is chosen; for cards there is no field."""

    kind = RadioField("What would you like to save?", [InputRequired("Choose one")], choices=KINDS)

    @property
    def chosen(self) -> str | None:
        kind: str | None = self.kind.data
        return kind

    def method(self) -> tuple[str, str]:
        """Provider and token, as `accounts.add_method` takes them."""
        return str(self.kind.data).upper(), self.entry()


class PasswordReauthenticationForm(FlaskForm):
    """Proves that it is the account's owner who asks."""

    password = PasswordField("Your password", [InputRequired("Enter your password"), Length(max=1024)])


class CodeReauthenticationForm(FlaskForm):
    """The same for an account without a password."""

    code = StringField("The code we sent you", [InputRequired("Enter the six digits"), Length(max=32)])
