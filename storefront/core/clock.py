"""The time of day. Nothing else in the application reads it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

_as_of: ContextVar[datetime | None] = ContextVar("the moment that is looked at", default=None)


def _read() -> datetime:
    return datetime.now(UTC)


def _zone_name() -> str:
    return "UTC"


def utc_now() -> datetime:
    """The present moment, aware, in UTC, to the microsecond."""
    return _as_of.get() or _read()


@contextmanager
def at_time(moment: datetime) -> Iterator[None]:
    """Look at the shop as if it were another moment."""
    token = _as_of.set(moment)
    try:
        yield
    finally:
        _as_of.reset(token)


def use_zone(name: Callable[[], str]) -> None:
    """Say where the time zone of the shop is to be looked up, each time that it is needed.

    :param name: returns a name of the IANA database, such as "Asia/Kolkata"
    """
    global _zone_name  # noqa: PLW0603 - one process, one source
    _zone_name = name


def shop_zone() -> ZoneInfo:
    """The time zone of the shop."""
    return ZoneInfo(_zone_name())


def in_shop_time(moment: datetime) -> datetime:
    """A moment as the clocks of the shop show it."""
    return moment.astimezone(shop_zone())


def today() -> date:
    """The day it is where the shop is."""
    return in_shop_time(utc_now()).date()


def start_of_day(day: date) -> datetime:
    """The moment at which a day of the shop's time zone begins."""
    return datetime.combine(day, time(), shop_zone()).astimezone(UTC)
