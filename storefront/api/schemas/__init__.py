"""The API's schemas, one module for each group of operations; here their base classes and common field types.

Names are snake case in Python and camel case in JSON. Request bodies derive from `Incoming` (strict JSON: true is not
1, "2" is not 2), query strings from `Query`, responses from `Outgoing`. Unknown members of a request are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from storefront.api.json_format import instant, number
from storefront.core import contact, number_parsing
from storefront.core.money import Money
from storefront.core.number_parsing import NotANumber, NumberRefused
from storefront.core.text import or_blank
from storefront.db.session import MAX_INTEGER

MAX_ORDER_ID = 50  # characters
MAX_ID = 2**53 - 1  # largest integer that a JavaScript number holds exactly
MAX_PHONE_LENGTH = 32  # characters as typed, before normalisation
MAX_QUERY_PLACES = 20  # decimals of an amount in a query string: a filter is compared, not stored
MAX_AMOUNT = Decimal("99999999999.99")  # DECIMAL(13,2)
NO_CONTROL_CHARACTERS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"  # except tabs and line breaks


class FieldProblems(ValueError):
    """Members of a body that do not fit each other.

    :ivar problems: the message about each, by its name
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


class Incoming(BaseModel):
    """Base of JSON objects in request bodies. A text of which nothing can be seen is a blank one."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True, allow_inf_nan=False, str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _invisible_as_blank(cls, value: Any) -> Any:
        return or_blank(value) if isinstance(value, str) else value


class Query(BaseModel):
    """Base of query strings."""

    model_config = ConfigDict(alias_generator=to_camel, allow_inf_nan=False, str_strip_whitespace=True)


class Outgoing(BaseModel):
    """Base of JSON objects in responses; every member is always present."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=False, serialize_by_alias=True
    )


def _parse_int(value: Any) -> Any:
    """Parse a whole number of a query string, by the reader of the forms: "1_000" and other scripts are refused."""
    digits = str(value).removeprefix("-")
    try:
        if not digits.isdecimal():  # neither blanks around it nor "1.0", which a file may have
            raise NotANumber(digits)
        units = number_parsing.parse_quantity(digits, most=MAX_ID, locale=None)
    except NumberRefused as refusal:
        raise PydanticCustomError("int_parsing", "Input should be a whole number") from refusal
    return units if digits == value else -units


def _integral_float_to_int(value: Any) -> Any:
    """Accept 2.0 for 2, which are the same number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _json_number(value: Any) -> Any:
    """Convert a JSON number to a decimal; refuses text and booleans."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number_type", "must be a number")
    return Decimal(str(value))


def _parse_amount(value: Any) -> Any:
    """Parse an amount of a query string, by the reader of the forms: whoever edits a URL types it by hand.

    It has no locale: a dot precedes the decimals, and nothing separates groups.
    """
    try:
        return number_parsing.parse_decimal(str(value), places=MAX_QUERY_PLACES, locale=None)
    except NumberRefused as refusal:
        raise PydanticCustomError("number_type", "must be a number") from refusal


def _null_to_false(value: Any) -> Any:
    return False if value is None else value


def _blank_to_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _email(value: str | None) -> str | None:
    try:
        return contact.normalize_email(value) if value is not None else None
    except contact.NotAnEmail:
        raise ValueError("This is no e-mail address") from None


def _phone(value: str | None) -> str | None:
    try:
        return contact.normalize_phone(value) if value is not None else None
    except contact.NotAPhoneNumber:
        raise ValueError("This is no phone number") from None


def _dialled(value: str | None) -> str | None:
    if value is not None and not contact.has_phone_characters(value):
        raise ValueError("This is no phone number")
    return value


def _nullable(kind: str, **rest: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": [kind, "null"], **rest})


ALLOW_INTEGRAL_FLOAT = BeforeValidator(_integral_float_to_int)  # for an int; write it after the bounds

# ------------------------------------------------------------------------------------------------ both

Id = Annotated[int, Field(ge=1, le=MAX_ID), ALLOW_INTEGRAL_FLOAT]

# ------------------------------------------------------------------------------------------------ request bodies

Flag = Annotated[bool, BeforeValidator(_null_to_false), _nullable("boolean")]  # null counts as false

Price = Annotated[
    Decimal,
    BeforeValidator(_json_number),
    Field(gt=0, le=MAX_AMOUNT, decimal_places=2),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": float(MAX_AMOUNT), "multipleOf": 0.01}),
]
ClientAmount = Annotated[  # an amount that the client sends for comparison only
    Annotated[Decimal, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)] | None,
    BeforeValidator(lambda value: None if value is None else _json_number(value)),
    _nullable("number"),
]
Count = Annotated[int, Field(ge=0, le=MAX_INTEGER), ALLOW_INTEGRAL_FLOAT]


# Optional text: Annotated[Annotated[str, text(80)] | None, BLANK_IS_NONE]; missing, null and blank all become None.
BLANK_IS_NONE = BeforeValidator(_blank_to_none)


# Normalised to the form in which accounts are looked up.
Email = Annotated[
    Annotated[str, Field(max_length=contact.MAX_EMAIL_LENGTH, pattern=NO_CONTROL_CHARACTERS)] | None,
    BLANK_IS_NONE,
    AfterValidator(_email),
]
Phone = Annotated[
    Annotated[str, Field(max_length=MAX_PHONE_LENGTH, pattern=NO_CONTROL_CHARACTERS)] | None,
    BLANK_IS_NONE,
    AfterValidator(_phone),
]

# As typed, for the courier; letters are refused.
AddressPhone = Annotated[
    Annotated[str, Field(max_length=MAX_PHONE_LENGTH, pattern=NO_CONTROL_CHARACTERS)] | None,
    BLANK_IS_NONE,
    AfterValidator(_dialled),
]


def required_text(max_length: int) -> Any:
    """Constrain a string that must not be blank.

    :param max_length: characters
    """
    return Field(min_length=1, max_length=max_length, pattern=NO_CONTROL_CHARACTERS)


def text(max_length: int) -> Any:
    """Constrain a string that may be blank.

    :param max_length: characters
    """
    return Field(max_length=max_length, pattern=NO_CONTROL_CHARACTERS)


# ------------------------------------------------------------------------------------------------ query strings

PARSE_INT = BeforeValidator(_parse_int)  # write it after the bounds: Annotated[int, Field(ge=1), PARSE_INT]
QuantityValue = Annotated[int, Field(ge=1, le=MAX_INTEGER), PARSE_INT]
Amount = Annotated[
    Decimal,
    Field(ge=0, le=MAX_AMOUNT),
    BeforeValidator(_parse_amount),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": float(MAX_AMOUNT)}),
]

# ------------------------------------------------------------------------------------------------ responses

MoneyAmount = Annotated[
    Money,
    PlainSerializer(lambda money: number(money.amount), return_type=float),
    WithJsonSchema({"type": "number", "minimum": 0, "description": "INR, at most two decimals"}),
]
Instant = Annotated[
    datetime,
    PlainSerializer(instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": "Z$"}),
]
Rating = Annotated[
    Decimal,
    PlainSerializer(number, return_type=float),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 5}),
]


class ErrorDetail(Outgoing):
    field: str | None
    message: str


class ErrorCause(Outgoing):
    code: Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]*$")]
    message: str
    details: list[ErrorDetail]


class Error(Outgoing):
    """The body of every error response."""

    status: Literal["error"]
    error: ErrorCause
    message: str
    path: str
    timestamp: Instant


class Quantity(Query):
    """A number of units."""

    quantity: QuantityValue
