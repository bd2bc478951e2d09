"""A5: a typed figure is read as it is meant or refused with both readings; it never becomes another figure."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from storefront.core.money import Money
from storefront.core.number_parsing import (
    NotANumber,
    NumberRefused,
    OutOfRange,
    TooManyDecimals,
    UnclearNumber,
    parse_money,
    parse_quantity,
    plain_amount,
)
from tests.spellings import SPELLINGS

MOST = Money.of("99999999999.99", "INR")
LOCALES = ["en_IN", "hi_IN", "en_US", "de", "fr", "de_CH", "es", "pt_BR", "sv"]


def amount(text: str, locale: str | None = "en_IN", currency: str = "INR") -> Decimal:
    return parse_money(text, currency, most=Money(MOST.minor, currency), locale=locale).amount


@pytest.mark.parametrize(
    ("locale", "typed", "meant"),
    [
        ("en_IN", "499", "499"),
        ("en_IN", " 499.5 ", "499.5"),
        ("en_IN", "₹ 1,299.50", "1299.5"),
        ("en_IN", "1,299.50 INR", "1299.5"),
        ("en_IN", "1,00,000", "100000"),
        ("en_IN", "100,000", "100000"),
        ("en_IN", "0499.5000", "499.5"),
        ("en_US", "1,299.50", "1299.5"),
        ("de", "12,50", "12.5"),
        ("de", "1.299,50 ₹", "1299.5"),
        ("de", "1.299", "1299"),
        ("fr", "1\u202f299,50", "1299.5"),
        ("fr", "1 299,50", "1299.5"),
        ("de_CH", "1'299.50", "1299.5"),
        (None, "1299.50", "1299.5"),
    ],
)
def test_an_amount_is_read_as_the_locale_writes_it(locale: str | None, typed: str, meant: str) -> None:
    assert amount(typed, locale) == Decimal(meant)


@pytest.mark.parametrize(
    ("locale", "typed", "readings"),
    [
        ("en_IN", "12,50", "1,250 or 12.50"),
        ("en_IN", "499,5", "4,995 or 499.50"),
        ("en_IN", "1.250", "1,250 or 1.25"),
        ("en_IN", "0,125", "125 or 0.125"),
        ("en_IN", "1.250,50", "1,25,050 or 1,250.50"),
        ("en_IN", "1 299", "1,299 or 1.299"),
        ("en_US", "1,00,000", "100,000 or 100"),
        ("de", "12.50", "1.250 or 12,50"),
        ("de", "1,250", "1.250 or 1,25"),
        (None, "1,250", "1,250 or 1.25"),
    ],
)
def test_a_separator_that_does_not_fit_is_refused_with_both_readings(
    locale: str | None, typed: str, readings: str
) -> None:
    with pytest.raises(UnclearNumber) as refusal:
        amount(typed, locale)
    assert f"“{typed}” can mean {readings}. Enter " in str(refusal.value)


@pytest.mark.parametrize("typed", SPELLINGS)
def test_whatever_is_typed_is_read_right_or_refused(typed: str) -> None:
    with suppress(NumberRefused):
        assert amount(typed) == SPELLINGS[typed]
    with suppress(NumberRefused):
        assert parse_quantity(typed, most=10**9, locale="en_IN") == SPELLINGS[typed]


@pytest.mark.parametrize(
    "typed", ["", " ", "1e3", "-5", "+5", "३", "1_0", "½", ".5", "5.", "1\x002", "₹₹5", "5%", "nan"]
)
def test_what_is_no_plain_number_is_refused(typed: str) -> None:
    with pytest.raises(NotANumber):
        amount(typed)
    with pytest.raises(NotANumber):
        parse_quantity(typed, most=99, locale="en_IN")


def test_a_fraction_of_the_minor_unit_is_refused() -> None:
    assert amount("499.50") == Decimal("499.50")
    assert amount("1.250", currency="KWD") == Decimal("1.25")
    for typed, currency in [
        ("499.5055", "INR"),
        ("0.125", "INR"),
        ("4999.501", "INR"),
        ("1,499.505", "INR"),
        ("5.5", "JPY"),
    ]:
        with pytest.raises(TooManyDecimals):
            amount(typed, currency=currency)


def test_an_amount_lies_within_its_bounds() -> None:
    least, most = Money.of("0.01", "INR"), Money.of(5000, "INR")
    assert parse_money("5,000", "INR", least=least, most=most, locale="en_IN") == most
    for typed in ("0", "0.00", "5000.01"):
        with pytest.raises(OutOfRange, match=r"from 0.01 to 5,000"):
            parse_money(typed, "INR", least=least, most=most, locale="en_IN")


def test_a_quantity_is_a_whole_number_within_its_bounds() -> None:
    assert [parse_quantity(typed, most=1000, locale="en_IN") for typed in ("7", " 007 ", "5.0", "1,000")] == [
        7,
        7,
        5,
        1000,
    ]
    with pytest.raises(TooManyDecimals, match="Enter a whole number from 1 to 99"):
        parse_quantity("5.5", least=1, most=99, locale="en_IN")
    with pytest.raises(UnclearNumber, match=r"can mean 1,000 or 1. Enter a whole number from 0 to 5,000"):
        parse_quantity("1.000", most=5000, locale="en_IN")
    with pytest.raises(UnclearNumber):
        parse_quantity("1,000", most=5000, locale=None)
    for typed in ("0", "100"):
        with pytest.raises(OutOfRange):
            parse_quantity(typed, least=1, most=99, locale="en_IN")


@given(st.integers(0, 10**12), st.sampled_from(LOCALES))
def test_what_a_locale_writes_is_read_back(minor: int, locale: str) -> None:
    meant = Money(minor, "INR")
    assert amount(format_decimal(meant.amount, "#,##0.00", locale=locale), locale) == meant.amount
    assert amount(format_decimal(meant.amount, locale=locale), locale) == meant.amount
    assert amount(plain_amount(meant, locale), locale) == meant.amount


@given(st.integers(0, 10**9), st.sampled_from(LOCALES), st.sampled_from(LOCALES))
def test_what_another_locale_writes_is_right_or_refused(minor: int, writer: str, reader: str) -> None:
    """With two decimals, as money is written; 1,250 alone is a whole number here and a fraction there."""
    meant = Money(minor, "INR").amount
    try:
        read = amount(format_decimal(meant, "#,##0.00", locale=writer), reader)
    except NumberRefused:
        return
    assert read == meant
