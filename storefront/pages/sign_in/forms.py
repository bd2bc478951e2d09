"""Forms of sign-in, registration, password reset and security settings."""

from __future__ import annotations

from wtforms import EmailField, Field, PasswordField, StringField, TelField, ValidationError
from wtforms.validators import InputRequired, Length

from storefront.core import contact
from storefront.messaging import sms
from storefront.web.form_fields import PageForm, required, squeeze

MAX_NAME_LENGTH = 120
MAX_TYPED_LENGTH = 200  # characters of a typed password; the rules for new passwords are in `accounts.passwords`

NO_EMAIL = "Enter an e-mail address in the correct format, such as asha@example.com"
NO_PHONE = "Enter a phone number in the correct format, such as 98765 43210"
NO_TEXTS = "We cannot send text messages. Use your e-mail address"


def _password(label: str, message: str) -> PasswordField:
    return PasswordField(label, [InputRequired(message), Length(max=MAX_TYPED_LENGTH, message="This is too long")])


def _read(field: Field) -> str:
    """Normalise the e-mail address or phone number in a field."""
    try:
        return contact.parse_identifier(field.data or "")
    except contact.NotAnEmail as error:
        raise ValidationError(NO_EMAIL) from error
    except contact.NotAPhoneNumber as error:
        raise ValidationError(NO_PHONE if sms.is_available() else NO_EMAIL) from error


class SignInForm(PageForm):
    """Sign-in by e-mail address or phone number and password."""

    identifier = StringField(
        "E-mail address or phone number", required("Enter your e-mail address or phone number", 254), filters=[squeeze]
    )
    password = _password("Password", "Enter your password")


class _IdentifierForm(PageForm):
    """Asks for an e-mail address or phone number that a code can be sent to.

    :ivar key: the normalised address, after successful validation
    """

    identifier = StringField(
        "E-mail address or phone number", required("Enter your e-mail address or phone number", 254), filters=[squeeze]
    )
    key = ""

    def validate_identifier(self, field: Field) -> None:
        self.key = _read(field)
        if not contact.is_email(self.key) and not sms.is_available():
            raise ValidationError(NO_TEXTS)


class RegistrationForm(_IdentifierForm):
    """Registration of an account."""

    name = StringField("Your name", required("Enter your name", MAX_NAME_LENGTH), filters=[squeeze])
    password = _password("Password", "Choose a password")


class ForgottenForm(_IdentifierForm):
    """Request of a password reset."""


class CodeForm(PageForm):
    """Entry of a one-time code."""

    code = StringField("Code", required("Enter the code from the message", 20), filters=[squeeze])

    @property
    def digits(self) -> str:
        """The typed code without blanks."""
        return (self.code.data or "").replace(" ", "")


class ResetForm(CodeForm):
    """Password reset by code."""

    password = _password("New password", "Choose a new password")


class PasswordForm(PageForm):
    """Change of the password."""

    old = _password("Current password", "Enter your current password")
    new = _password("New password", "Choose a new password")


class ConfirmationForm(PageForm):
    """Reauthentication by password or, for accounts without one, by code."""

    password = PasswordField("Your password", [Length(max=MAX_TYPED_LENGTH, message="This is too long")])
    code = StringField("Code", [Length(max=20, message="This is too long")], filters=[squeeze])

    @property
    def reauthentication(self) -> dict[str, str]:
        """Keyword arguments `password` and `code` of the accounts' commands that require reauthentication."""
        return {"password": self.password.data or "", "code": (self.code.data or "").replace(" ", "")}


class EmailForm(ConfirmationForm):
    """Change of the e-mail address.

    :ivar key: the normalised address, after successful validation
    """

    address = EmailField("New e-mail address", required("Enter your new e-mail address", 254), filters=[squeeze])
    key = ""

    def validate_address(self, field: Field) -> None:
        try:
            self.key = contact.normalize_email(field.data or "")
        except contact.NotAnEmail as error:
            raise ValidationError(NO_EMAIL) from error


class PhoneForm(ConfirmationForm):
    """Change of the phone number.

    :ivar key: the normalised number, after successful validation
    """

    address = TelField("Phone number", required("Enter your phone number", 32), filters=[squeeze])
    key = ""

    def validate_address(self, field: Field) -> None:
        try:
            self.key = contact.normalize_phone(field.data or "")
        except contact.NotAPhoneNumber as error:
            raise ValidationError(NO_PHONE) from error
        if not sms.is_available():
            raise ValidationError("We cannot send text messages, so we cannot confirm a phone number")
