"""The JSON formats of money, timestamps and other values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from flask import Flask

from storefront.api.json_format import instant, number
from storefront.core.money import Money


@pytest.mark.parametrize("paise", [0, 1, 10, 29, 57, 1005, 10_070, 99_999_999_999_99, 81_920_000_000_07])
def test_money_is_an_exact_number_with_at_most_two_decimals(app: Flask, paise: int) -> None:
    written = app.json.dumps({"price": Money(paise, "INR")}).removeprefix('{"price": ').removesuffix("}")
    assert Decimal(written) == Decimal(paise) / 100
    assert len(written.partition(".")[2]) <= 2


def test_a_decimal_is_a_number() -> None:
    assert number(Decimal("4.50")) == 4.5


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2024, 1, 15, 10, 30, tzinfo=UTC), "2024-01-15T10:30:00.000Z"),
        (datetime(2024, 1, 15, 10, 30, 1, 999_999, tzinfo=UTC), "2024-01-15T10:30:01.999Z"),
        (datetime(2024, 1, 15, 4, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2024-01-14T22:30:00.000Z"),
    ],
)
def test_a_timestamp_is_in_utc_with_milliseconds(moment: datetime, written: str) -> None:
    assert instant(moment) == written


def test_other_values_follow_the_contract(app: Flask) -> None:
    value = {"b": datetime(2024, 1, 15, 10, 30, tzinfo=UTC), "a": date(2024, 1, 22), "c": "₹ ☎"}
    assert app.json.dumps(value) == '{"b": "2024-01-15T10:30:00.000Z", "a": "2024-01-22", "c": "₹ ☎"}'


def test_an_unsupported_value_is_an_error(app: Flask) -> None:
    with pytest.raises(TypeError):
        app.json.dumps(object())
