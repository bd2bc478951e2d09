"""JSON formats of values: money as numbers, timestamps in UTC with milliseconds and a Z, dates in ISO 8601."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask.json.provider import DefaultJSONProvider

from storefront.core.money import Money


def number(amount: Decimal) -> float:
    """Convert a decimal to a JSON number.

    A double keeps 15 significant digits and is written in its shortest form, so every amount that a column can hold
    (13 digits) is exact.
    """
    return float(amount)


def instant(moment: datetime) -> str:
    """Format a timestamp in UTC, such as 2024-01-15T10:30:00.000Z.

    :param moment: aware, in any time zone
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _default(value: Any) -> Any:
    if isinstance(value, Money):
        return number(value.amount)
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    return DefaultJSONProvider.default(value)


class ShopJSON(DefaultJSONProvider):
    """Flask's JSON provider for responses that pydantic does not serialize, such as errors."""

    default = staticmethod(_default)
    ensure_ascii = False
    sort_keys = False
