"""What the pages of sign-in and registration accept."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, Field, PasswordField, StringField, TelField, ValidationError
from wtforms.validators import InputRequired, Length

from storefront.core import contact
from storefront.messaging import sms
from storefront.web.form_fields import required, squeeze

MAX_NAME_LENGTH = 120
MAX_TYPED_LENGTH = 200  # characters of a password anybody could have meant; what is accepted is `passwords`' to say

NO_EMAIL = "This does not look like an e-mail address, such as asha@example.com"
NO_PHONE = "This does not look like a phone number, such as 98765 43210"
NO_TEXTS = "We cannot send text messages: use your e-mail address"


def _password(label: str, message: str) -> PasswordField:
    return PasswordField(label, [InputRequired(message), Length(max=MAX_TYPED_LENGTH, message="This is too long")])


def _read(field: Field) -> str:
    """The address typed into a field, as accounts are known by it."""
    try:
        return contact.parse_identifier(field.data or "")
    except contact.NotAnEmail as error:
        raise ValidationError(NO_EMAIL) from error
    except contact.NotAPhoneNumber as error:
        raise ValidationError(NO_PHONE if sms.is_available() else NO_EMAIL) from error


class SignInForm(FlaskForm):
    identifier = StringField(
        "E-mail address or phone number", required("Enter your e-mail address or phone number", 254), filters=[squeeze]
    )
    password = _password("Password", "Enter your password")


class _ReachableForm(FlaskForm):
    """:ivar key: the address typed, as accounts are known by it; after a successful validation"""

    identifier = StringField(
        "E-mail address or phone number", required("Enter your e-mail address or phone number", 254), filters=[squeeze]
    )
    key = ""

    def validate_identifier(self, field: Field) -> None:
        self.key = _read(field)
        if not contact.is_email(self.key) and not sms.is_available():
            raise ValidationError(NO_TEXTS)


class RegistrationForm(_ReachableForm):
    name = StringField("Your name", required("Enter your name", MAX_NAME_LENGTH), filters=[squeeze])
    password = _password("Password", "Choose a password")


class ForgottenForm(_ReachableForm):
    """Asks for nothing but the address."""


class CodeForm(FlaskForm):
    code = StringField("Code", required("Enter the code from the message", 20), filters=[squeeze])

    @property
    def digits(self) -> str:
        """What was typed, without the blanks that some put between."""
        return (self.code.data or "").replace(" ", "")


class ResetForm(CodeForm):
    password = _password("New password", "Choose a new password")


class PasswordForm(FlaskForm):
    old = _password("Present password", "Enter your present password")
    new = _password("New password", "Choose a new password")


class ConfirmationForm(FlaskForm):
    """Asks who is signed in for their password again, or for the code that stands for it where there is none."""

    password = PasswordField("Your password", [Length(max=MAX_TYPED_LENGTH, message="This is too long")])
    code = StringField("The code we sent you", [Length(max=20, message="This is too long")], filters=[squeeze])

    @property
    def proof(self) -> dict[str, str]:
        """What the accounts ask for before something that matters."""
        return {"password": self.password.data or "", "code": (self.code.data or "").replace(" ", "")}


class EmailForm(ConfirmationForm):
    address = EmailField("New e-mail address", required("Enter your new e-mail address", 254), filters=[squeeze])
    key = ""

    def validate_address(self, field: Field) -> None:
        try:
            self.key = contact.normalize_email(field.data or "")
        except contact.NotAnEmail as error:
            raise ValidationError(NO_EMAIL) from error


class PhoneForm(ConfirmationForm):
    address = TelField("Phone number", required("Enter your phone number", 32), filters=[squeeze])
    key = ""

    def validate_address(self, field: Field) -> None:
        try:
            self.key = contact.normalize_phone(field.data or "")
        except contact.NotAPhoneNumber as error:
            raise ValidationError(NO_PHONE) from error
        if not sms.is_available():
            raise ValidationError("This shop sends no text messages, so it cannot confirm a phone number")
