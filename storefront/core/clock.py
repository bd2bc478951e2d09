"""The current time. Nothing else in the application reads the system clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_override: ContextVar[datetime | None] = ContextVar("time override", default=None)


def _read() -> datetime:
    return datetime.now(UTC)


def _zone_name() -> str:
    return "UTC"


def utc_now() -> datetime:
    """The current time, timezone-aware, in UTC, to the microsecond."""
    return _override.get() or _read()


@contextmanager
def at_time(moment: datetime) -> Iterator[None]:
    """Make `utc_now` return another moment within the block."""
    token = _override.set(moment)
    try:
        yield
    finally:
        _override.reset(token)


def use_zone(name: Callable[[], str]) -> None:
    """Set the function that returns the time zone of the shop; it is called each time the zone is needed.

    :param name: returns a name of the IANA database, such as "Asia/Kolkata"
    """
    global _zone_name  # noqa: PLW0603 - one source per process
    _zone_name = name


def shop_zone() -> ZoneInfo:
    """The time zone of the shop."""
    return ZoneInfo(_zone_name())


class NoSuchTime(ValueError):
    """A time of day that the clocks skip on that day, such as 02:30 when summer time begins.

    :ivar later: the first time of day after the gap, in the time zone of the shop
    """

    def __init__(self, later: datetime) -> None:
        super().__init__(later)
        self.later = later


class TimeTwice(ValueError):
    """A time of day that comes twice on that day, such as 02:30 when summer time ends."""


def from_shop_time(wall_clock: datetime) -> datetime:
    """Convert a date and time of day in the time zone of the shop, as somebody typed it, to a moment in UTC.

    :param wall_clock: without a time zone
    :raise NoSuchTime: the clocks skip it
    :raise TimeTwice: there are two such moments
    """
    first, second = (wall_clock.replace(tzinfo=shop_zone(), fold=fold) for fold in (0, 1))
    offsets = first.utcoffset(), second.utcoffset()
    if offsets[0] == offsets[1]:
        return first.astimezone(UTC)
    # Both readings are real where the clocks go back; where they go forward, none is.
    if in_shop_time(first.astimezone(UTC)).replace(tzinfo=None) == wall_clock:
        raise TimeTwice(wall_clock)
    raise NoSuchTime(in_shop_time(_first_after(second.astimezone(UTC), first.astimezone(UTC))))


def _first_after(before: datetime, after: datetime) -> datetime:
    """The second at which the offset of the shop's time zone changes, between two moments."""
    offset = in_shop_time(before).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if in_shop_time(middle).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def shop_timestamp(moment: datetime) -> str:
    """Write a moment for a file: ISO 8601, to the second, in the time zone of the shop with its offset."""
    return in_shop_time(moment).isoformat(timespec="seconds")


def in_shop_time(moment: datetime) -> datetime:
    """Convert a moment to the time zone of the shop."""
    return moment.astimezone(shop_zone())


def day_of(moment: datetime) -> date:
    """The day of a moment in the time zone of the shop. Nothing else in the application makes a day out of a moment."""
    return in_shop_time(moment).date()


def today() -> date:
    """The current date in the time zone of the shop."""
    return day_of(utc_now())


def today_in(zone: ZoneInfo) -> date:
    """The current date in a time zone, for code that runs before an application is asked for the shop's."""
    return utc_now().astimezone(zone).date()


def start_of_day(day: date) -> datetime:
    """The moment, in UTC, at which a day begins in the time zone of the shop."""
    return datetime.combine(day, time(), shop_zone()).astimezone(UTC)
