"""Amounts of money in whole minor units. All rounding of the shop is done here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.numbers import get_currency_precision

precision_of = lru_cache(get_currency_precision)  # decimals of a currency, by its ISO 4217 code


class CurrencyMismatch(ArithmeticError):
    """Amounts of two currencies were added or compared."""


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
        """Convert major units, rounded half up to the currency's minor unit.

        >>> Money.of("599.005", "INR")
        Money(minor=59901, currency='INR')
        """
        scaled = Decimal(amount).scaleb(precision_of(currency))
        return cls(int(scaled.quantize(Decimal(1), ROUND_HALF_UP)), currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-precision_of(self.currency))

    def _minor_of(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} with {other.currency}")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._minor_of(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._minor_of(other), self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.minor * count, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._minor_of(other)

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._minor_of(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def times_rate(self, rate: Decimal) -> Money:
        """Multiply by a rate, rounding once, half up."""
        return Money(int((self.minor * rate).quantize(Decimal(1), ROUND_HALF_UP)), self.currency)
