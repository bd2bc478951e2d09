"""The current time. Nothing else in the application reads the system clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
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


def in_shop_time(moment: datetime) -> datetime:
    """Convert a moment to the time zone of the shop."""
    return moment.astimezone(shop_zone())


def day_of(moment: datetime) -> date:
    """The day of a moment in the time zone of the shop. Nothing else in the application makes a day out of a moment."""
    return in_shop_time(moment).date()


def today() -> date:
    """The current date in the time zone of the shop."""
    return day_of(utc_now())


def start_of_day(day: date) -> datetime:
    """The moment, in UTC, at which a day begins in the time zone of the shop."""
    return datetime.combine(day, time(), shop_zone()).astimezone(UTC)
