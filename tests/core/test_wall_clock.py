"""D10: a time of day that a clock change skips or repeats is told from the others, in any time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from storefront.core import clock


@pytest.fixture(autouse=True)
def zone() -> Iterator[list[str]]:
    """The name of the shop's time zone, to be replaced."""
    before, names = clock._zone_name, ["Europe/Berlin"]
    clock.use_zone(lambda: names[0])
    yield names
    clock.use_zone(before)


@pytest.mark.parametrize(
    ("name", "typed", "later"),
    [
        ("Europe/Berlin", "2027-03-28T02:30", "03:00"),
        ("Europe/Berlin", "2027-03-28T02:00", "03:00"),
        ("America/New_York", "2027-03-14T02:59", "03:00"),
        ("Australia/Lord_Howe", "2027-10-03T02:15", "02:30"),  # half an hour
        ("Africa/Cairo", "2027-04-30T00:10", "01:00"),  # at midnight
        ("Pacific/Apia", "2011-12-30T12:00", "00:00"),  # a whole day
    ],
)
def test_a_time_that_does_not_exist_is_refused(zone: list[str], name: str, typed: str, later: str) -> None:
    zone[0] = name
    with pytest.raises(clock.NoSuchTime) as gap:
        clock.from_shop_time(datetime.fromisoformat(typed))
    assert f"{gap.value.later:%H:%M}" == later


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Europe/Berlin", "2027-10-31T02:30"),
        ("America/New_York", "2027-11-07T01:00"),
        ("Australia/Lord_Howe", "2027-04-04T01:45"),
    ],
)
def test_a_time_that_comes_twice_is_refused(zone: list[str], name: str, typed: str) -> None:
    zone[0] = name
    with pytest.raises(clock.TimeTwice):
        clock.from_shop_time(datetime.fromisoformat(typed))


@pytest.mark.parametrize(
    ("name", "typed", "moment"),
    [
        ("Europe/Berlin", "2027-03-28T01:59", datetime(2027, 3, 28, 0, 59, tzinfo=UTC)),
        ("Europe/Berlin", "2027-03-28T03:00", datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        ("Europe/Berlin", "2027-10-31T03:00", datetime(2027, 10, 31, 2, 0, tzinfo=UTC)),
        ("Asia/Kolkata", "2027-03-28T02:30", datetime(2027, 3, 27, 21, 0, tzinfo=UTC)),
    ],
)
def test_any_other_time_is_one_moment(zone: list[str], name: str, typed: str, moment: datetime) -> None:
    zone[0] = name
    assert clock.from_shop_time(datetime.fromisoformat(typed)) == moment
    assert clock.shop_timestamp(moment)[:16] == typed
