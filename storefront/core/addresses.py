"""Postal addresses of address books and orders, and the rules of their countries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from storefront.core.countries import HOME_COUNTRY, Country, find_country
from storefront.core.errors import DomainError

_LINES_OF_UNKNOWN_COUNTRIES = ("%C, %S %Z",)
_LETTERS = {"C": "city", "S": "state", "Z": "postal_code"}  # in `Country.lines`


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """A postal address; in an address book name, phone and second line may be empty.

    City, state and postcode are empty in countries that have none. Addresses saved before countries were checked may
    have any text as their country.
    """

    full_name: str
    phone: str
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: str

    @property
    def lines(self) -> list[str]:
        """The address below the name, line by line in the order of its country, which comes last."""
        return [line for line in (self.line1, self.line2, *self._places(), self.country) if line]

    def _places(self) -> list[str]:
        country = find_country(self.country)
        form = country.lines if country else _LINES_OF_UNKNOWN_COUNTRIES
        shown = "".join(form)
        others = [getattr(self, name) for letter, name in _LETTERS.items() if f"%{letter}" not in shown]
        return [" ".join(filter(None, others)), *(self._fill(line) for line in form)]

    def _fill(self, line: str) -> str:
        """One line of a country's format; separators beside empty fields are left out."""
        parts = re.split("%([CSZ])", line)
        filled = ""
        for before, letter in zip(parts[::2], [*parts[1::2], ""], strict=True):
            text = getattr(self, _LETTERS[letter]) if letter else ""
            is_separator = not re.search(r"\w", before)
            filled += ("" if is_separator and not (filled and (text or not letter)) else before) + text
        return filled.strip()


class AddressProblem(StrEnum):
    """What is wrong with a field of an address."""

    MISSING = "missing"
    UNKNOWN_COUNTRY = "unknown country"
    WRONG_FORMAT = "wrong format"


class UndeliverableAddress(DomainError):
    """An address lacks what its country's addresses have, or its country does not exist.

    :ivar problems: by field of `PostalAddress`
    :ivar country: None for an unknown one
    """

    status = 422

    def __init__(self, problems: Mapping[str, AddressProblem], country: Country | None) -> None:
        super().__init__(", ".join(f"{field}: {problem}" for field, problem in problems.items()))
        self.problems = dict(problems)
        self.country = country


def checked_address(address: PostalAddress) -> PostalAddress:
    """Check an address by the rules of its country, and spell country and postcode as usual.

    Fields that the country's addresses do not have are kept as they are.

    :raise UndeliverableAddress: with every problem
    """
    country = find_country(address.country or HOME_COUNTRY)
    if country is None:
        raise UndeliverableAddress({"country": AddressProblem.UNKNOWN_COUNTRY}, None)
    postal_code = country.spell_postal_code(address.postal_code)
    problems = dict.fromkeys(_missing(address, country), AddressProblem.MISSING)
    if address.postal_code and postal_code is None:
        problems["postal_code"] = AddressProblem.WRONG_FORMAT
    if problems:
        raise UndeliverableAddress(problems, country)
    return replace(address, country=country.name, postal_code=postal_code or "")


def _missing(address: PostalAddress, country: Country) -> list[str]:
    """Required fields that are empty; where a country needs a state but no city, either will do."""
    has_place = bool(address.city or address.state)
    required = country.required - ({"state"} if has_place and "city" not in country.required else set())
    return [name for name in ("line1", *sorted(required)) if not getattr(address, name)]
