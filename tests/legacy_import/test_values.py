"""Conversion of old column values, valid and invalid."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from storefront.legacy_import.values import moment, whole

KOLKATA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("value", "number"), [("12", 12), (b"7", 7), ("12.0", 12), ("-3", -3), (10**18 - 1, 10**18 - 1), ("2e3", 2000)]
)
def test_integers_are_converted(value: object, number: int) -> None:
    assert whole(value) == number


@pytest.mark.parametrize("value", [None, "", "many", "1.5", "NaN", "sNaN", "Infinity", "1E+999999999", 10**18])
def test_invalid_integers_are_none(value: object) -> None:
    assert whole(value) is None


def test_a_datetime_without_zone_is_in_that_of_the_old_servers() -> None:
    assert moment("2025-03-01 10:00:00", KOLKATA) == datetime(2025, 3, 1, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, 7, "", "0000-00-00 00:00:00", "0001-01-01T00:00:00"])
def test_invalid_datetimes_are_none(value: object) -> None:
    assert moment(value, KOLKATA) is None
