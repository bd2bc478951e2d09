"""Converts values of the old columns: text, datetimes without zone, bits, amounts of any precision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from storefront.core import contact
from storefront.core.card_numbers import contains_card_number, redact
from storefront.core.countries import country_name
from storefront.core.money import Money

DIGITS = 18  # of a number; one less than a BIGINT can have
MAX_AMOUNT = 99_999_999_999_99  # minor units; DECIMAL(13,2)


class UnusableValue(ValueError):
    """A row cannot be imported.

    :ivar reason: in words
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Notes(list[str]):
    """What was left out or changed of one row."""


def text(value: Any) -> str:
    """Convert to text on one line, without surrounding blanks; empty for NULL."""
    if isinstance(value, bytes | bytearray):
        value = bytes(value).decode(errors="replace")
    return " ".join(("" if value is None else str(value)).replace("\0", "").split())


def prose(value: Any, notes: Notes | None = None) -> str:
    """Convert to text, keeping lines and redacting card numbers."""
    lines = ("" if value is None else str(value)).replace("\0", "").replace("\r\n", "\n").strip()
    return safe(lines, notes)


def safe(words: str, notes: Notes | None = None) -> str:
    """Redact card numbers in a text."""
    if not contains_card_number(words):
        return words
    if notes is not None:
        notes.append("it contained a card number: redacted")
    return redact(words)


def line(value: Any, most: int, name: str, notes: Notes | None = None) -> str:
    """Convert to text on one line of limited length.

    :raise UnusableValue: it is longer
    """
    words = safe(text(value), notes)
    if len(words) > most:
        raise UnusableValue(f"its {name} has more than {most} characters")
    return words


def street(row: Mapping[str, Any], notes: Notes) -> dict[str, str]:
    """The fields of a postal address, except name and phone.

    :raise UnusableValue: a field is longer than its column
    """
    return {
        "line1": line(row.get("line1"), contact.MAX_LINE_LENGTH, "first line", notes),
        "line2": line(row.get("line2"), contact.MAX_LINE_LENGTH, "second line", notes),
        "city": line(row.get("city"), contact.MAX_PLACE_LENGTH, "city", notes),
        "state": line(row.get("state"), contact.MAX_PLACE_LENGTH, "state", notes),
        "postal_code": line(row.get("postal_code"), contact.MAX_CODE_LENGTH, "postal code", notes),
        "country": country_name(line(row.get("country"), contact.MAX_COUNTRY_LENGTH, "country", notes)),
    }


def flag(value: Any) -> bool:
    """Convert to bool; MySQL returns BIT(1) as a byte."""
    if isinstance(value, bytes | bytearray):
        return any(value) and value != b"0"
    if isinstance(value, str):
        return value.strip().lower() in {"1", "t", "true", "y", "yes"}
    return bool(value)


def whole(value: Any) -> int | None:
    """Convert to an integer of at most `DIGITS` digits; None if it is none."""
    try:
        number = Decimal(text(value))
        return int(number) if number == number.to_integral_value() and number.adjusted() < DIGITS else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


def amount(value: Any, name: str, currency: str, notes: Notes | None = None) -> Money:
    """Convert major units to money; more than two decimals are rounded half up, with a note.

    :raise UnusableValue: it is not an amount, negative or too large
    """
    try:
        rupees = Decimal(text(value))
        money = Money.of(rupees, currency)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise UnusableValue(f"its {name} is not an amount") from error
    if not 0 <= money.minor <= MAX_AMOUNT:
        raise UnusableValue(f"its {name} is negative or too large")
    if money.amount != rupees and notes is not None:
        notes.append(f"its {name} had more than two decimals: rounded half up")
    return money


def moment(value: Any, zone: tzinfo) -> datetime | None:
    """Convert to a UTC datetime; None if it cannot be converted.

    :param zone: time zone of values without one
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip()[:32])
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        return None
    try:
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:  # the minimum or maximum date, used for "unknown"
        return None
