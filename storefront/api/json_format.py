"""How values stand in JSON: money as numbers, moments in UTC with milliseconds and a Z, days as ISO 8601 has them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask.json.provider import DefaultJSONProvider

from storefront.core.money import Money


def number(amount: Decimal) -> float:
    """A decimal as a JSON number.

    Fifteen significant digits pass through a double unharmed and are written back by their shortest form: every amount
    that a column holds (13 digits) is written exactly.
    """
    return float(amount)


def instant(moment: datetime) -> str:
    """2024-01-15T10:30:00.000Z.

    :param moment: aware, of any zone
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
    """The JSON of every answer that is not an operation's own, such as errors."""

    default = staticmethod(_default)
    ensure_ascii = False
    sort_keys = False
