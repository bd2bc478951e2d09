"""The time of day. Nothing else in the application reads it."""

from datetime import UTC, date, datetime, timedelta

from flask import current_app


def _read() -> datetime:
    return datetime.now(UTC)


def utc_now() -> datetime:
    """The present moment, aware, in UTC, to the microsecond."""
    return _read()


def arrival_day() -> date:
    """The day on which something ordered now is promised to arrive."""
    return (utc_now() + timedelta(days=current_app.config["DELIVERY_DAYS"])).date()
