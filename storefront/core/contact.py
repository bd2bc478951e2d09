"""E-mail addresses and phone numbers: how they are read, written and compared."""

from __future__ import annotations

import phonenumbers
from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from phonenumbers import PhoneNumber, PhoneNumberFormat

HOME_REGION = "IN"  # a number without country code is read as one of this country
MAX_EMAIL_LENGTH = 254  # characters; RFC 5321
MAX_PHONE_LENGTH = 32  # characters, as it is written
# Characters of a name and of the parts of a postal address; contract/openapi.yaml AddressInput
MAX_NAME_LENGTH, MAX_LINE_LENGTH, MAX_PLACE_LENGTH, MAX_CODE_LENGTH, MAX_COUNTRY_LENGTH = 255, 500, 100, 20, 100


class NotAnEmail(ValueError):
    """No mail server takes letters to it."""


class NotAPhoneNumber(ValueError):
    """:ivar has_digits: it is a number, but too short or too long for one of a phone"""

    def __init__(self, *, has_digits: bool) -> None:
        super().__init__("not a phone number")
        self.has_digits = has_digits


def parse_identifier(text: str) -> str:
    """What somebody typed to say who they are, as accounts are known by it: an e-mail address or a phone number.

    :raise NotAnEmail: it has an @, and is none
    :raise NotAPhoneNumber: it has none, and is no phone number
    """
    return normalize_email(text) if is_email(text) else normalize_phone(text)


def is_email(key: str) -> bool:
    """Whether a key is that of an e-mail address, and not of a phone."""
    return "@" in key


def _read_email(text: str) -> ValidatedEmail:
    try:
        # Few mail servers take letters to an address that is not ASCII before the @.
        return validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise NotAnEmail from error


def format_email(text: str) -> str:
    """An address as letters are sent to it.

    :raise NotAnEmail: it is none
    """
    return _read_email(text).normalized


def normalize_email(text: str) -> str:
    """An address as accounts are known by it: lower case, ASCII.

    Domains are in their ASCII form (`xn--…`), so that no database's collation takes one letter for a similar one.

    :raise NotAnEmail: it is none
    """
    read = _read_email(text)
    return (read.ascii_email or read.normalized).lower()


def _read_phone(text: str) -> PhoneNumber:
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException as error:
        raise NotAPhoneNumber(has_digits=False) from error
    if not phonenumbers.is_possible_number(number):
        raise NotAPhoneNumber(has_digits=True)
    return number


def format_phone(text: str) -> str:
    """A number as people read it: +91 98765 43210, extension included.

    :raise NotAPhoneNumber: it is none
    """
    return phonenumbers.format_number(_read_phone(text), PhoneNumberFormat.INTERNATIONAL)


def normalize_phone(text: str) -> str:
    """A number as accounts are known by it: E.164, +919876543210.

    :raise NotAPhoneNumber: it is none
    """
    return phonenumbers.format_number(_read_phone(text), PhoneNumberFormat.E164)
