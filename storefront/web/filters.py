"""Template filters that format amounts, rates, dates and times for the shop's locale."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_percent
from flask import current_app

from storefront.core import clock
from storefront.core.money import Money

_NOT_IN_IDS = re.compile("[^A-Za-z0-9 ]")


@lru_cache(maxsize=8192)
def _format_money(minor: int, currency: str, locale: str) -> str:
    amount = Money(minor, currency).amount
    has_fraction = amount != amount.to_integral_value()
    # Indian digit grouping: 1,59,298.
    pattern = "¤#,##,##0" if locale == "en_IN" else "¤#,##0"
    return format_currency(
        amount, currency, pattern + (".00" if has_fraction else ""), locale=locale, currency_digits=False
    )


def money(value: Money) -> str:
    """Format an amount: ₹1,59,298.82; whole amounts without decimals."""
    return _format_money(value.minor, value.currency, current_app.config["SHOP_LOCALE"])


def percent(rate: Decimal) -> str:
    """Format a rate: Decimal("0.18") is "18%"."""
    return format_percent(rate, "#,##0.##%", locale=current_app.config["SHOP_LOCALE"])


def _local(value: date | datetime) -> date | datetime:
    return clock.in_shop_time(value) if isinstance(value, datetime) else value


def day(value: date | datetime) -> str:
    """Format a date: Tue 24 Nov; with the year if it is not the current one."""
    local = _local(value)
    pattern = "EEE d MMM" if local.year == clock.today().year else "EEE d MMM y"
    return format_date(local, pattern, locale=current_app.config["SHOP_LOCALE"])


def moment(value: datetime) -> str:
    """Format date and time in the shop's time zone: 24 Nov 2026, 16:05."""
    return format_datetime(_local(value), "d MMM y, HH:mm", locale=current_app.config["SHOP_LOCALE"])


def plural(count: int, noun: str) -> str:
    """Format a count with its noun: 1 product, 2 products."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def element_id(prefix: str, text: str) -> str:
    """The id of an element that stands for a text: texts that differ in any character have ids that differ.

    :param prefix: of ids of this kind, such as "facet-brand"
    """
    return f"{prefix}--{_NOT_IN_IDS.sub(lambda found: f'_{ord(found[0]):x}_', text).replace(' ', '-')}"
