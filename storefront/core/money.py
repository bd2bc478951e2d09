"""Money: whole minor units and a currency. All rounding of the shop happens here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from babel.numbers import get_currency_precision
from sqlalchemy import BigInteger, Dialect, Numeric
from sqlalchemy.types import TypeDecorator, TypeEngine

_precision = lru_cache(get_currency_precision)


class CurrencyMismatch(ArithmeticError):
    """Two currencies met in one sum."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency.

    :param minor: whole minor units (paise, cents); may be negative
    :param currency: ISO 4217 code
    """

    minor: int
    currency: str

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str) -> Money:
        """Major units to money, rounded half up to the currency's minor unit.

        >>> Money.of("599.005", "INR")
        Money(minor=59901, currency='INR')
        """
        scaled = Decimal(amount).scaleb(_precision(currency))
        return cls(int(scaled.quantize(Decimal(1), ROUND_HALF_UP)), currency)

    @property
    def amount(self) -> Decimal:
        """Major units, exact."""
        return Decimal(self.minor).scaleb(-_precision(self.currency))

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} with {other.currency}")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.minor * count, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def times_rate(self, rate: Decimal) -> Money:
        """This amount times a rate, rounded once, half up."""
        return Money(int((self.minor * rate).quantize(Decimal(1), ROUND_HALF_UP)), self.currency)


class MinorUnits(TypeDecorator[int]):
    """A column of minor units: DECIMAL(13,2) on MySQL, as the old system's tables have it, an integer on SQLite.

    Python reads and writes whole minor units on both. A hundredth is the unit of the column whatever the currency.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(Numeric(13, 2))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | int | None:
        if value is None or dialect.name not in {"mysql", "mariadb"}:
            return value
        return Decimal(value).scaleb(-2)

    def process_result_value(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        if value is None or dialect.name not in {"mysql", "mariadb"}:
            return value if value is None else int(value)
        return int(Decimal(value).scaleb(2))
