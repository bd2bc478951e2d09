"""Form fields of amounts and quantities. Whatever figure somebody types into a page is read here.

The readers of `storefront/core/number_parsing.py` are given the shop's locale and currency here.
"""

from __future__ import annotations

import re
from typing import Any

from flask import current_app
from werkzeug.datastructures import MultiDict
from wtforms import Field
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, StopValidation
from wtforms.widgets import TextInput

from storefront.core import number_parsing
from storefront.core.money import Money
from storefront.core.number_parsing import NumberRefused

MAX_ITEM_UNITS = 999_999  # units of one line item that a form may name

_UNITS = re.compile(r"units-([0-9]{1,9})")


def shop_locale() -> str:
    """The locale in which the shop writes and reads numbers."""
    return str(current_app.config["SHOP_LOCALE"])


def read_quantity(typed: str, *, least: int = 0, most: int) -> int:
    """Read a whole number as the shop's locale writes it.

    :raise NumberRefused: it is no whole number from `least` to `most`, or can be read in two ways
    """
    return number_parsing.parse_quantity(typed, least=least, most=most, locale=shop_locale())


def read_money(typed: str, currency: str, *, least: Money | None = None, most: Money) -> Money:
    """Read an amount as the shop's locale writes it.

    :raise NumberRefused: it is no amount from `least` to `most`, or can be read in two ways
    """
    return number_parsing.parse_money(typed, currency, least=least, most=most, locale=shop_locale())


def written_amount(amount: Money | None) -> str:
    """Write an amount for the value of a field, so that `read_money` reads it back."""
    return number_parsing.plain_amount(amount, shop_locale()) if amount is not None else ""


class _NumberField(Field):
    """A text field of a figure; what was typed is shown again as it was typed.

    Not `type="number"`: a browser sends such a field empty when it does not understand what was typed.
    """

    widget = TextInput()

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else self._written()

    def _written(self) -> str:
        return "" if self.data is None else str(self.data)

    def _read(self, typed: str) -> Any:
        raise NotImplementedError

    def process_formdata(self, valuelist: list[str]) -> None:
        if not valuelist:
            return
        self.data = None
        if valuelist[0].strip():
            self.data = self._read(valuelist[0])

    def pre_validate(self, form: BaseForm) -> None:
        if self.process_errors:
            raise StopValidation  # the error is reported already


class QuantityField(_NumberField):
    """A number of units, up to `most`; the error message names the range.

    :param is_optional: a form without this field takes its default; an empty field is refused all the same
    """

    def __init__(self, label: str, most: int, *, least: int = 1, is_optional: bool = False, **kwargs: Any) -> None:
        self._least, self._most, self._is_optional = least, most, is_optional
        super().__init__(label, **kwargs)

    @property
    def units(self) -> int:
        """The number entered; for valid forms only."""
        return self.data or 0

    def _read(self, typed: str) -> int:
        return read_quantity(typed, least=self._least, most=self._most)

    def pre_validate(self, form: BaseForm) -> None:
        super().pre_validate(form)
        is_missing = not self.raw_data and not self._is_optional
        if is_missing or self.data is None:
            raise StopValidation(f"Enter a whole number from {self._least} to {self._most}")


class MoneyField(_NumberField):
    """An amount in major units of the shop's currency; its data is `Money`, or None when it is empty.

    :param most: largest amount in minor units
    :param least: smallest amount in minor units
    :param required: the message for an empty field; None: it may be empty
    """

    def __init__(self, label: str, *, most: int, least: int = 0, required: str | None = None, **kwargs: Any) -> None:
        self._least, self._most = least, most
        super().__init__(label, [InputRequired(required)] if required else [], **kwargs)

    def _written(self) -> str:
        return written_amount(self.data)

    def _read(self, typed: str) -> Money:
        currency = current_app.config["CURRENCY"]
        least, most = Money(self._least, currency), Money(self._most, currency)
        return read_money(typed, currency, least=least, most=most)


def quantities_from(sent: MultiDict[str, str]) -> dict[int, int]:
    """Read units by line item from fields named `units-<id>`; empty fields and zeros are left out.

    :raise NumberRefused: a value is no whole number
    """
    units = {}
    for name in sent:
        if (item := _UNITS.fullmatch(name)) and sent[name].strip():
            units[int(item[1])] = read_quantity(sent[name], most=MAX_ITEM_UNITS)
    return {item: count for item, count in units.items() if count}


__all__ = [
    "MAX_ITEM_UNITS",
    "MoneyField",
    "NumberRefused",
    "QuantityField",
    "quantities_from",
    "read_money",
    "read_quantity",
    "shop_locale",
    "written_amount",
]
