"""Postal addresses, whose parts have two names each: the old services' and the old client's."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from storefront.api.schemas import BLANK_IS_NONE, Flag, Incoming, line, words
from storefront.core import contact

HOME_COUNTRY = "India"  # of an address that names none; contract section 2.2.2
LINE, PLACE, CODE = contact.MAX_LINE_LENGTH, contact.MAX_PLACE_LENGTH, contact.MAX_CODE_LENGTH
COUNTRY, NAME, PHONE = contact.MAX_COUNTRY_LENGTH, contact.MAX_NAME_LENGTH, contact.MAX_PHONE_LENGTH


class AddressInput(Incoming):
    """Of each pair of names the first that is not blank counts; ids are not looked at."""

    full_name: Annotated[Annotated[str, words(NAME)] | None, BLANK_IS_NONE] = None
    phone: Annotated[Annotated[str, words(PHONE)] | None, BLANK_IS_NONE] = None
    line1: Annotated[str, words(LINE)] = ""
    line2: Annotated[str | None, words(LINE)] = None
    address_line1: Annotated[str, words(LINE)] = ""
    address_line2: Annotated[str | None, words(LINE)] = None
    city: Annotated[str, line(PLACE)]
    state: Annotated[str, line(PLACE)]
    postal_code: Annotated[str, words(CODE)] = ""
    zip_code: Annotated[str, words(CODE)] = ""
    country: Annotated[Annotated[str, words(COUNTRY)] | None, BLANK_IS_NONE] = None
    is_default: Flag = False

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not (self.line1 or self.address_line1):
            raise ValueError("line1 is required")
        if not (self.postal_code or self.zip_code):
            raise ValueError("postalCode is required")
        return self

    @property
    def parts(self) -> dict[str, str]:
        """The address by the names that the services give its parts; what was left blank is empty."""
        return {
            "full_name": self.full_name or "",
            "phone": self.phone or "",
            "line1": self.line1 or self.address_line1,
            "line2": self.line2 or self.address_line2 or "",
            "city": self.city,
            "state": self.state,
            "postal_code": self.postal_code or self.zip_code,
            "country": self.country or HOME_COUNTRY,
        }
