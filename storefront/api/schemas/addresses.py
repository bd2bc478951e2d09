"""Postal addresses. Some members have two names, of the legacy services (`line1`) and client (`addressLine1`)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator
from pydantic.alias_generators import to_camel

from storefront.api.schemas import BLANK_IS_NONE, AddressPhone, FieldProblems, Flag, Incoming, text
from storefront.core import contact
from storefront.core.addresses import AddressProblem, PostalAddress, UndeliverableAddress, checked_address
from storefront.core.countries import HOME_COUNTRY

LINE, PLACE, CODE = contact.MAX_LINE_LENGTH, contact.MAX_PLACE_LENGTH, contact.MAX_CODE_LENGTH
COUNTRY, NAME = contact.MAX_COUNTRY_LENGTH, contact.MAX_NAME_LENGTH


class AddressInput(Incoming):
    """Of two names for one member, the first that is not blank is used. Ids are ignored.

    City, state and postal code may be blank where the country has none. The country is one that exists, by its name in
    English, its code or a common other name; a blank one is India.
    """

    full_name: Annotated[Annotated[str, text(NAME)] | None, BLANK_IS_NONE] = None
    phone: AddressPhone = None
    line1: Annotated[str, text(LINE)] = ""
    line2: Annotated[str | None, text(LINE)] = None
    address_line1: Annotated[str, text(LINE)] = ""
    address_line2: Annotated[str | None, text(LINE)] = None
    city: Annotated[str, text(PLACE)]
    state: Annotated[str, text(PLACE)]
    postal_code: Annotated[str, text(CODE)] = ""
    zip_code: Annotated[str, text(CODE)] = ""
    country: Annotated[Annotated[str, text(COUNTRY)] | None, BLANK_IS_NONE] = None
    is_default: Flag = False

    @model_validator(mode="after")
    def _fits_its_country(self) -> Self:
        try:
            checked_address(self._as_sent)
        except UndeliverableAddress as refused:
            raise FieldProblems(address_problems(refused)) from None
        return self

    @property
    def address(self) -> PostalAddress:
        """The address, with country and postal code spelled as usual; blank members are empty strings."""
        return checked_address(self._as_sent)

    @property
    def _as_sent(self) -> PostalAddress:
        return PostalAddress(
            full_name=self.full_name or "",
            phone=self.phone or "",
            line1=self.line1 or self.address_line1,
            line2=self.line2 or self.address_line2 or "",
            city=self.city,
            state=self.state,
            postal_code=self.postal_code or self.zip_code,
            country=self.country or HOME_COUNTRY,
        )


def address_problems(refused: UndeliverableAddress) -> dict[str, str]:
    """Word the problems of an address, by the names of the members."""
    return {to_camel(name): _in_words(to_camel(name), problem, refused) for name, problem in refused.problems.items()}


def _in_words(member: str, problem: AddressProblem, refused: UndeliverableAddress) -> str:
    if problem is AddressProblem.MISSING:
        return f"{member} is required"
    if refused.country is None:
        return "country is unknown: send its English name or its code of two letters"
    example = f", such as {refused.country.code_examples[0]}" if refused.country.code_examples else ""
    return f"{member} is not in the format of {refused.country.name}{example}"
