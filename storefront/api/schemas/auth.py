"""Sign-up, sign-in, passwords, and the account as its owner sees it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from storefront.accounts.service import MAX_NAME_LENGTH
from storefront.api.schemas import BLANK_IS_NONE, Email, Id, Incoming, Outgoing, Phone, text
from storefront.api.schemas.users import Address, PaymentMethod
from storefront.core import contact

# Characters of a password that is compared at sign-in; a new password's limits are set by the accounts service.
MAX_PASSWORD_INPUT_LENGTH = 1000
MAX_CODE_LENGTH = 20


def _untrimmed(sent: Any) -> str:
    """Validate a password without stripping it: blanks around it are part of it."""
    if not isinstance(sent, str):
        raise PydanticCustomError("string_type", "must be text")
    if not sent:
        raise PydanticCustomError("string_too_short", "must not be empty")
    if len(sent) > MAX_PASSWORD_INPUT_LENGTH:
        raise PydanticCustomError("string_too_long", "too long", {"max_length": MAX_PASSWORD_INPUT_LENGTH})
    return sent


Password = Annotated[
    str,
    PlainValidator(_untrimmed),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_PASSWORD_INPUT_LENGTH}),
]
NewPassword = Annotated[
    str, PlainValidator(_untrimmed), WithJsonSchema({"type": "string", "minLength": 8, "maxLength": 128})
]
Text = Annotated[str, text(contact.MAX_EMAIL_LENGTH)]
Code = Annotated[str, text(MAX_CODE_LENGTH)]

# ------------------------------------------------------------------------------------------------ requests


class RegisterRequest(Incoming):
    """A new account with an e-mail address, a phone number, or both."""

    email: Email = None
    phone: Phone = None
    password: NewPassword
    name: Annotated[Annotated[str, text(MAX_NAME_LENGTH)] | None, BLANK_IS_NONE] = None


class StubRequest(Incoming):
    """The start of a sign-up. The code is sent to the e-mail address, or to the phone if there is none."""

    email: Email = None
    phone: Phone = None


class LoginRequest(Incoming):
    """Of emailOrPhone, identifier, email and phone, the first that is not blank is used."""

    email_or_phone: Text = ""
    identifier: Text = ""
    email: Text = ""
    phone: Text = ""
    password: Password
    otp_code: Annotated[Code, Field(description="The second factor, for accounts that need one")] = ""

    @property
    def identifier_given(self) -> str:
        """The e-mail address or phone number sent; empty if none was."""
        return self.email_or_phone or self.identifier or self.email or self.phone


class OtpSendRequest(Incoming):
    user_id: Id
    email: Email = None


class OtpVerifyRequest(Incoming):
    """One of userId, email and phone, and one of otpCode and otp."""

    user_id: Id | SkipJsonSchema[None] = None
    email: Email = None
    phone: Phone = None
    otp_code: Code = ""
    otp: Code = ""

    @property
    def digits(self) -> str:
        """The code without spaces; empty if none was sent."""
        return (self.otp_code or self.otp).replace(" ", "")


class SetPasswordRequest(Incoming):
    user_id: Id
    password: NewPassword


class PasswordResetRequest(Incoming):
    email: Email = None
    phone: Phone = None


# ------------------------------------------------------------------------------------------------ responses


class PendingUser(Outgoing):
    """A sign-up that is not completed."""

    id: Id
    email: str | None
    phone: str | None
    name: str | None
    mfa_enabled: bool
    status: Literal["pending_verification"]


class OtpSent(Outgoing):
    sent: Literal[True]
    expires_in_seconds: int


class OtpVerified(Outgoing):
    verified: Literal[True]
    user_id: Id
    signup_token: Annotated[str | None, Field(description="For API clients; null for browsers, which use the cookie")]


class PasswordSet(Outgoing):
    id: Id
    message: str


class Message(Outgoing):
    message: str


class Account(Outgoing):
    id: Id
    email: str | None
    phone: str | None
    name: str | None
    mfa_enabled: bool


class User(Outgoing):
    """An account with its addresses, payment methods and wishlist."""

    id: Id
    email: str | None
    phone: str | None
    name: str | None
    avatar: str | None
    mfa_enabled: bool
    role: Literal["customer", "staff", "admin"]
    addresses: list[Address]
    payment_methods: list[PaymentMethod]
    orders: Annotated[list[str], Field(max_length=0, description="Always empty: GET /api/orders/user/{userId}")]
    wishlist: Annotated[list[Id], Field(description="Ids of products")]


class UserWithToken(User):
    token: Annotated[str | None, Field(description="For API clients; null for browsers, which use the cookie")]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int | None, Field(description="Seconds")]
