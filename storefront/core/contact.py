"""Parsing, formatting and normalization of e-mail addresses and phone numbers."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from phonenumbers import PhoneNumber, PhoneNumberFormat

from storefront.core.text import ascii_digits

HOME_REGION = "IN"  # country of a phone number without country code
MAX_EMAIL_LENGTH = 254  # characters; RFC 5321
MAX_PHONE_LENGTH = 32  # characters, as typed
GMAIL = frozenset({"gmail.com", "googlemail.com"})  # hosts that ignore dots before the @
# Characters; contract/openapi.yaml AddressInput
MAX_NAME_LENGTH, MAX_LINE_LENGTH, MAX_PLACE_LENGTH, MAX_CODE_LENGTH, MAX_COUNTRY_LENGTH = 255, 500, 100, 20, 100

# Digits of any script with the usual punctuation between them.
_PHONE = re.compile(r"(?:tel:)?\s*[+\uff0b]?[\d\s().\[\]/~\u00b7\u2010-\u2015\u2212-]+", re.IGNORECASE)
_EXTENSION = re.compile(r"[\s,;]*(?:extension|extn|ext|x|#)[\s.:=]*\d+#?$", re.IGNORECASE)
_LAST_DIGITS = 4  # of a number; its first ones may change when it is put into international form


class NotAnEmail(ValueError):
    """The text is not a valid e-mail address."""


class NotAPhoneNumber(ValueError):
    """The text is not a valid phone number.

    :ivar has_digits: it is a number, but too short or too long
    """

    def __init__(self, *, has_digits: bool) -> None:
        super().__init__("not a phone number")
        self.has_digits = has_digits


def parse_identifier(text: str) -> str:
    """Normalize what somebody typed to sign in, an e-mail address or a phone number, to the form stored in accounts.

    :raise NotAnEmail: it has an @, but is not a valid address
    :raise NotAPhoneNumber: it has no @ and is not a valid phone number
    """
    plain = to_plain(text)
    return normalize_email(plain) if is_email(plain) else normalize_phone(plain)


def to_plain(text: str) -> str:
    """One spelling of what looks alike: full-width letters become plain ones, invisible characters go.

    For identifiers only: names keep their joiners.
    """
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf").strip()


def mailbox_of(address: str) -> str:
    """The mailbox or phone that an address leads to, for counting what is sent there. Never for sending.

    `asha+1@example.com` is `asha@example.com`'s; Gmail ignores dots as well.
    """
    name, at, host = to_plain(address).lower().rpartition("@")
    if not at:
        return host
    name = name.partition("+")[0] or name
    return f"{name.replace('.', '') if host in GMAIL else name}@{host}"


def is_email(identifier: str) -> bool:
    """Whether an identifier is an e-mail address; otherwise it is a phone number."""
    return "@" in identifier


def _validate_email(text: str) -> ValidatedEmail:
    try:
        # Few mail servers accept an address that is not ASCII before the @ (SMTPUTF8).
        return validate_email(to_plain(text), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise NotAnEmail from error


def format_email(text: str) -> str:
    """Format an address for sending e-mails to it.

    :raise NotAnEmail: it is not a valid address
    """
    return _validate_email(text).normalized


def normalize_email(text: str) -> str:
    """Normalize an address for storing and comparing: lower case, ASCII.

    Domains are in their ASCII form (`xn--…`), so that no collation takes similar letters for equal.

    :raise NotAnEmail: it is not a valid address
    """
    validated = _validate_email(text)
    return (validated.ascii_email or validated.normalized).lower()


def has_phone_characters(text: str) -> bool:
    """Whether a text consists of digits with the usual signs, and perhaps an extension, so that it may be dialled."""
    typed = to_plain(text)
    return _PHONE.fullmatch(typed) is not None or _PHONE.fullmatch(_EXTENSION.sub("", typed)) is not None


def _parse_phone(text: str) -> PhoneNumber:
    """Parse a number of which every character counts.

    The library stops at what it cannot read, and takes letters for the digits on their keys: "98765 4321O" would lose
    its last digit.
    """
    text = to_plain(text)
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException as error:
        raise NotAPhoneNumber(has_digits=False) from error
    main = _EXTENSION.sub("", text) if number.extension else text
    digits = "".join(filter(str.isdecimal, ascii_digits(main)))
    if not _PHONE.fullmatch(main) or not digits.endswith(str(number.national_number)[-_LAST_DIGITS:]):
        raise NotAPhoneNumber(has_digits=False)
    if not phonenumbers.is_possible_number(number):
        raise NotAPhoneNumber(has_digits=True)
    return number


def format_phone(text: str) -> str:
    """Format a number for people: +91 98765 43210, extension included.

    :raise NotAPhoneNumber: it is not a valid number
    """
    return phonenumbers.format_number(_parse_phone(text), PhoneNumberFormat.INTERNATIONAL)


def normalize_phone(text: str) -> str:
    """Normalize a number for storing and comparing: E.164, +919876543210.

    :raise NotAPhoneNumber: it is not a valid number, or has an extension, which E.164 cannot hold
    """
    number = _parse_phone(text)
    if number.extension:
        raise NotAPhoneNumber(has_digits=False)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
