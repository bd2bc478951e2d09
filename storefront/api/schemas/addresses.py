"""Postal addresses. Some members have two names, of the legacy services (`line1`) and client (`addressLine1`)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from storefront.api.schemas import BLANK_IS_NONE, AddressPhone, Flag, Incoming, required_text, text
from storefront.core import contact

HOME_COUNTRY = "India"  # default country; contract section 2.2.2
LINE, PLACE, CODE = contact.MAX_LINE_LENGTH, contact.MAX_PLACE_LENGTH, contact.MAX_CODE_LENGTH
COUNTRY, NAME = contact.MAX_COUNTRY_LENGTH, contact.MAX_NAME_LENGTH


class AddressInput(Incoming):
    """Of two names for one member, the first that is not blank is used. Ids are ignored."""

    full_name: Annotated[Annotated[str, text(NAME)] | None, BLANK_IS_NONE] = None
    phone: AddressPhone = None
    line1: Annotated[str, text(LINE)] = ""
    line2: Annotated[str | None, text(LINE)] = None
    address_line1: Annotated[str, text(LINE)] = ""
    address_line2: Annotated[str | None, text(LINE)] = None
    city: Annotated[str, required_text(PLACE)]
    state: Annotated[str, required_text(PLACE)]
    postal_code: Annotated[str, text(CODE)] = ""
    zip_code: Annotated[str, text(CODE)] = ""
    country: Annotated[Annotated[str, text(COUNTRY)] | None, BLANK_IS_NONE] = None
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
        """The address as keyword arguments of `PostalAddress`; blank members are empty strings."""
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
