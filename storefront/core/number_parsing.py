"""The one reader of amounts and quantities that somebody typed, in forms, files and query strings.

A figure is read exactly as it is meant, or refused: never rounded, never guessed. What separates groups and decimals
is the shop's locale's business; a comma or dot that fits neither is refused with both of its readings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.numbers import format_decimal, get_currency_symbol, get_decimal_symbol, get_group_symbol

from storefront.core.money import Money, precision_of

MAX_NUMBER_LENGTH = 40  # characters; a longer text is no figure that a shop knows

_SPACES = "\u0020\u00a0\u202f"  # blank, no-break space, narrow no-break space
_APOSTROPHES = "'\u2019"
# Digits with single separators between them. ASCII digits only: others are refused rather than converted.
_SKELETON = re.compile(rf"[0-9]+(?:[.,{_APOSTROPHES}{_SPACES}][0-9]+)*")
_GROUP_SIZE = 3


class NumberRefused(ValueError):
    """A typed figure was not taken; `str()` is the sentence for whoever typed it. The base of the errors below."""


class NotANumber(NumberRefused):
    """The text is empty or no plain number."""


class UnclearNumber(NumberRefused):
    """A separator is neither grouping nor decimal mark of the shop's locale.

    :ivar readings: the figure if every separator groups digits, and if the last one is the decimal mark
    """

    def __init__(self, message: str, readings: tuple[Decimal, Decimal]) -> None:
        super().__init__(message)
        self.readings = readings


class TooManyDecimals(NumberRefused):
    """The number has more decimals than it can have; a quantity has none."""


class OutOfRange(NumberRefused):
    """The number is below the minimum or above the maximum."""


@dataclass(frozen=True, slots=True)
class _Notation:
    """How a locale writes numbers.

    :ivar groups: the characters that may separate groups of digits; empty for none
    :ivar grouped: what a correctly grouped whole number looks like; None for nothing
    """

    decimal: str
    groups: str
    grouped: re.Pattern[str] | None


@lru_cache(maxsize=16)
def _notation(locale: str | None) -> _Notation:
    if locale is None:
        return _Notation(".", "", None)
    decimal, group = get_decimal_symbol(locale), get_group_symbol(locale)
    groups = next((alike for alike in (_SPACES, _APOSTROPHES) if group in alike), group)
    # The same separator throughout, no leading zero: "0,125" is no grouping.
    patterns = [rf"[1-9][0-9]{{0,2}}(?:([{re.escape(groups)}])[0-9]{{3}})(?:\1[0-9]{{3}})*"]
    if _is_indian(locale):
        patterns.append(rf"[1-9][0-9]?(?:([{re.escape(groups)}])[0-9]{{2}})(?:\2[0-9]{{2}})*\2[0-9]{{3}}")
    return _Notation(decimal, groups, re.compile("|".join(patterns)))


def parse_quantity(text: str, *, least: int = 0, most: int, locale: str | None) -> int:
    """Read a whole number of units without a sign.

    :param text: as typed; surrounding blanks are ignored. "5.0", as spreadsheets write it, is 5.
    :param locale: the shop's; None accepts no grouping at all, as in files of programs
    :raise NumberRefused: it is no whole number from `least` to `most`, or can be read in two ways
    """
    hint = f"Enter a whole number from {_shown(least, locale)} to {_shown(most, locale)}"
    figure = _parse(text, places=0, locale=locale, hint=hint)
    if not least <= figure <= most:
        raise OutOfRange(hint)
    return int(figure)


def parse_money(text: str, currency: str, *, least: Money | None = None, most: Money, locale: str | None) -> Money:
    """Read an amount in major units without a sign, such as "1,299.50" or "₹499".

    :param text: as typed; surrounding blanks and one symbol or code of the currency are ignored
    :param least: by default nothing, 0
    :param locale: the shop's; None accepts no grouping at all, as in files of programs
    :raise NumberRefused: it is no such amount, has fractions of the minor unit, or can be read in two ways
    """
    places = precision_of(currency)
    sample = _plain(Decimal("499.5") if places else Decimal(499), places, locale)
    amount = _parse(
        _without_currency(text, currency, locale),
        places=places,
        locale=locale,
        hint=f"Enter an amount such as {'499 or ' if places else ''}{sample}",
    )
    lowest = least or Money(0, currency)
    if not lowest.amount <= amount <= most.amount:
        low, high = (_shown(bound.amount, locale) for bound in (lowest, most))
        raise OutOfRange(f"Enter an amount from {low} to {high}")
    return Money.of(amount, currency)


def parse_decimal(text: str, *, places: int, locale: str | None, hint: str = "Enter a number") -> Decimal:
    """Read a number without a sign, such as a percentage.

    :param places: how many decimals it may have
    :param hint: what to enter, for the message
    :raise NumberRefused: it is no such number, or can be read in two ways
    """
    return _parse(text, places=places, locale=locale, hint=hint)


def plain_amount(amount: Money, locale: str | None) -> str:
    """Write an amount as `parse_money` reads it, for the value of a form field: 1299.50."""
    return str(amount.amount).replace(".", _notation(locale).decimal)


def _parse(text: str, *, places: int, locale: str | None, hint: str) -> Decimal:
    typed = text.strip()
    if len(typed) > MAX_NUMBER_LENGTH or not _SKELETON.fullmatch(typed):
        raise NotANumber(hint)
    notation = _notation(locale)
    whole, mark, fraction = typed.partition(notation.decimal)
    is_grouped = bool(notation.grouped and notation.grouped.fullmatch(whole))
    if not (whole.isdecimal() or is_grouped) or (mark and not fraction.isdecimal()):
        raise _unclear(typed, places, locale, hint)
    # "1.250" where a dot is the decimal mark may come from where a dot groups; "0.250" and "1,000.250" cannot.
    if len(fraction) == _GROUP_SIZE > places and whole.isdecimal() and re.fullmatch("[1-9][0-9]{0,2}", whole):
        raise _unclear(typed, places, locale, hint)
    fraction = fraction.rstrip("0")
    if len(fraction) > places:
        raise TooManyDecimals(f"{hint}, with at most {places} decimals" if places else hint)
    return Decimal(f"{re.sub('[^0-9]', '', whole)}.{fraction or '0'}")


def _unclear(typed: str, places: int, locale: str | None, hint: str) -> UnclearNumber:
    *heads, tail = re.split("[^0-9]", typed)
    head = "".join(heads)
    readings = Decimal(head + tail), Decimal(f"{head}.{tail}")
    shown = " or ".join(_shown(reading, locale, places) for reading in readings)
    enter = f"Enter {' or '.join(_plain(reading, places, locale) for reading in readings)}" if places else hint
    return UnclearNumber(f"\u201c{typed}\u201d can mean {shown}. {enter}", readings)


def _shown(figure: Decimal | int, locale: str | None, places: int = 0) -> str:
    """A figure with the grouping of the locale; a fraction has `places` decimals at least."""
    is_whole = figure == int(figure)
    grouping = "#,##,##0" if locale and _is_indian(locale) else "#,##0"
    decimals = "" if is_whole else "." + "0" * places + "#" * (6 - places)
    return format_decimal(figure, grouping + decimals, locale=locale or "en", decimal_quantization=False)


def _is_indian(locale: str) -> bool:
    """Whether digits are grouped as in 1,00,000; 100,000 is taken there, too."""
    return bool(Locale.parse(locale).decimal_formats[None].grouping == (_GROUP_SIZE, 2))


def _plain(figure: Decimal, places: int, locale: str | None) -> str:
    """A figure without grouping; a fraction has `places` decimals at least."""
    if figure == figure.to_integral_value():
        return f"{figure:.0f}"
    exact = f"{figure.normalize():f}"
    head, _, tail = exact.partition(".")
    return f"{head}{_notation(locale).decimal}{tail.ljust(places, '0')}"


def _without_currency(text: str, currency: str, locale: str | None) -> str:
    typed = text.strip()
    symbols = {currency, get_currency_symbol(currency, locale or "en"), get_currency_symbol(currency, "en")}
    for symbol in sorted(symbols, key=len, reverse=True):
        folded = typed.upper()
        if folded.startswith(symbol.upper()):
            return typed[len(symbol) :].lstrip(_SPACES)
        if folded.endswith(symbol.upper()):
            return typed[: -len(symbol)].rstrip(_SPACES)
    return typed
