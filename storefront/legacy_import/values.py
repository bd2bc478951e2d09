"""Converts values of the old columns: text, datetimes without zone, bits, amounts of any precision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from storefront.core import contact
from storefront.core.card_numbers import contains_card_number, redact
from storefront.core.clock import shop_zone, utc_now
from storefront.core.countries import country_name
from storefront.core.money import Money
from storefront.legacy_import.plain_text import is_html, to_plain_text

DIGITS = 18  # of a number; one less than a BIGINT can have
MAX_AMOUNT = 99_999_999_999_99  # minor units; DECIMAL(13,2)
NOON = time(12)
# No shop sold on the web before it; 0001-01-01, 1900-01-01 and 1970-01-01 are ways to write "unknown".
FIRST_YEAR = 1990
MAX_AHEAD = timedelta(days=3660)  # of a date in the future; 9999-12-31 is another way to write "unknown"

_YES = frozenset({"1", "t", "true", "y", "yes", "on", "active", "enabled", "published", "visible", "live", "verified"})
_NO = frozenset(
    {
        "0",
        "f",
        "false",
        "n",
        "no",
        "off",
        "inactive",
        "disabled",
        "unpublished",
        "hidden",
        "draft",
        "archived",
        "deleted",
    }
    | {"unverified", "", "null", "none"}
)
_BOOLEAN = frozenset({"1", "t", "true", "y", "yes", "0", "f", "false", "n", "no", ""})


class UnusableValue(ValueError):
    """A row cannot be imported.

    :ivar reason: in words
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Notes(list[str]):
    """What was left out or changed of one row, each once."""

    def append(self, note: str) -> None:
        """Add a note."""
        if note not in self:
            super().append(note)


def text(value: Any) -> str:
    """Convert to text on one line, without surrounding blanks; empty for NULL."""
    if isinstance(value, bytes | bytearray):
        value = bytes(value).decode(errors="replace")
    return " ".join(("" if value is None else str(value)).replace("\0", "").split())


def words(value: Any, notes: Notes | None = None) -> str:
    """Convert what people wrote to plain text on one line; see `prose`."""
    return text(prose(value, notes))


def prose(value: Any, notes: Notes | None = None) -> str:
    """Convert what people wrote to plain text, keeping lines: HTML and its references go, card numbers are redacted."""
    if isinstance(value, bytes | bytearray):
        value = bytes(value).decode(errors="replace")
    written = ("" if value is None else str(value)).replace("\0", "").replace("\r\n", "\n").strip()
    plain = to_plain_text(written).strip()
    if notes is not None and is_html(written):
        notes.append("it contained HTML: converted to plain text")
    return safe(plain, notes)


def safe(words: str, notes: Notes | None = None) -> str:
    """Redact card numbers in a text."""
    if not contains_card_number(words):
        return words
    if notes is not None:
        notes.append("it contained a card number: redacted")
    return redact(words)


def line(value: Any, most: int, name: str, notes: Notes | None = None) -> str:
    """Convert what people wrote to plain text on one line of limited length.

    :raise UnusableValue: it is longer
    """
    plain = words(value, notes)
    if len(plain) > most:
        raise UnusableValue(f"its {name} has more than {most} characters")
    return plain


def shortened(value: Any, most: int, name: str, notes: Notes) -> str:
    """Convert as `line` does, but cut what is longer, with a note."""
    plain = words(value, notes)
    if len(plain) > most:
        notes.append(f"its {name} has more than {most} characters: cut")
    return plain[:most].rstrip()


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


def flag(value: Any, name: str, notes: Notes) -> bool:
    """Convert to bool; MySQL returns BIT(1) as a byte. Words of which it must be guessed what they mean are noted.

    :param name: what it says when it is true, for the note
    """
    if isinstance(value, bytes | bytearray) and any(byte < 32 for byte in value):
        return any(value)
    if not isinstance(value, str | bytes | bytearray):
        return bool(value)
    word = text(value).lower()
    if word not in _YES | _NO:
        notes.append(f"whether it is {name} is not known of {text(value)[:40]!r}: taken as no")
    elif word not in _BOOLEAN:
        notes.append(f"{text(value)[:40]!r} was taken as {'' if word in _YES else 'not '}{name}")
    return word in _YES


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
    """Convert to a UTC datetime; None if it is missing, "0000-00-00" or otherwise no real date.

    A day without a time becomes noon in the time zone of the shop, so that it is shown as this day.

    :param zone: time zone of values without one
    """
    found = _parsed(value)
    if found is None:
        return None
    if not isinstance(found, datetime):
        return datetime.combine(found, NOON, shop_zone()).astimezone(UTC)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def day(value: Any, zone: tzinfo) -> date | None:
    """Convert to a calendar day, the one that was written whatever the time zone; None as for `moment`.

    :param zone: in which a value with another offset is read
    """
    found = _parsed(value)
    if isinstance(found, datetime):
        return (found.astimezone(zone) if found.tzinfo else found).date()
    return found


def _parsed(value: Any) -> date | datetime | None:
    """Read a value of a date column; None if it is no real date.

    Drivers return as text what they cannot read, and SQLite stores dates as text.
    """
    found = value if isinstance(value, date) else None  # a datetime is one, too
    if isinstance(value, str | bytes | bytearray):
        for read in (datetime.fromisoformat, date.fromisoformat):
            try:
                found = read(text(value)[:32])
            except ValueError:
                continue
    if found is None or found.year < FIRST_YEAR:
        return None
    last = utc_now().date() + MAX_AHEAD
    return found if (found.date() if isinstance(found, datetime) else found) <= last else None
