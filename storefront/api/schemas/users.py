"""An account's profile, addresses, saved payment methods and wishlist."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from storefront.accounts.service import MAX_NAME_LENGTH
from storefront.api.schemas import BLANK_IS_NONE, Id, Incoming, Instant, Outgoing, Phone, required_text, text

MAX_URL_LENGTH = 500
MAX_TOKEN_LENGTH = 255

Kind = Literal["card", "upi", "cod", "bnpl"]
Name = Annotated[Annotated[str, text(MAX_NAME_LENGTH)] | None, BLANK_IS_NONE]
Url = Annotated[Annotated[str, text(MAX_URL_LENGTH)] | None, BLANK_IS_NONE]

# ------------------------------------------------------------------------------------------------ requests


class ProfileInput(Incoming):
    """Changes of a profile. Missing members stay as they are, null or blank clears them. Either of two names works."""

    full_name: Name = None
    avatar_url: Url = None
    name: Name = None
    avatar: Url = None
    phone: Phone = None


class PaymentMethodInput(Incoming):
    """A payment provider's token, in any form that the legacy client sends; never a card number."""

    provider: Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_]{1,29}$")]
    token: Annotated[str, required_text(MAX_TOKEN_LENGTH)]
    is_default: Annotated[bool, BeforeValidator(lambda sent: sent or False), WithJsonSchema({"type": "boolean"})] = (
        False
    )


class WishInput(Incoming):
    product_id: Id


# ------------------------------------------------------------------------------------------------ responses


class Profile(Outgoing):
    id: int | None
    user_id: Id
    full_name: str | None
    avatar_url: str | None
    name: Annotated[str | None, Field(description="Equals fullName")]
    avatar: Annotated[str | None, Field(description="Equals avatarUrl")]
    email: str | None
    phone: str | None


class Address(Outgoing):
    id: Id
    user_id: Id
    full_name: str | None
    phone: str | None
    line1: str
    line2: str | None
    city: str
    state: str
    postal_code: str
    country: str
    is_default: bool
    address_line1: Annotated[str, Field(description="Equals line1")]
    address_line2: Annotated[str | None, Field(description="Equals line2")]
    zip_code: Annotated[str, Field(description="Equals postalCode")]
    created_at: Instant


class PaymentMethod(Outgoing):
    id: Id
    user_id: Id
    provider: str
    token: Annotated[str, Field(min_length=1, description="For a card it ends in the last four digits, if known")]
    is_default: bool
    created_at: Instant
    display_name: str
    payment_type: Kind
    type: Kind
    card_number: Annotated[str | None, Field(description="Masked")]
    card_holder: str | None
    expiry_month: int | None
    expiry_year: int | None
    upi_id: Annotated[str | None, Field(description="Masked")]
    bnpl_provider: str | None


class WishlistItem(Outgoing):
    id: Id
    user_id: Id
    product_id: Id
    created_at: Instant
