"""The shapes of the API, one module a family, and here the words they are made of.

Names are snake case in Python and camel case on the wire. What comes in derives from `Incoming` (JSON, where true is
not 1 and "2" is not 2) or `Query` (text); members nobody asked for are ignored. What goes out derives from `Outgoing`.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from storefront.api.json_format import instant, number
from storefront.core import contact
from storefront.core.money import Money
from storefront.db.session import MAX_INTEGER

MAX_ORDER_ID = 50  # characters
MAX_ID = 2**53 - 1  # what a number of JavaScript holds exactly
MAX_PHONE_LENGTH = 32  # characters, as it is written
MAX_AMOUNT = Decimal("99999999999.99")  # DECIMAL(13,2)
NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"  # text may have tabs and line ends, and no other controls


class Incoming(BaseModel):
    """A JSON object that is sent to us."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True, allow_inf_nan=False, str_strip_whitespace=True)


class Query(BaseModel):
    """The values of a query string."""

    model_config = ConfigDict(alias_generator=to_camel, allow_inf_nan=False, str_strip_whitespace=True)


class Outgoing(BaseModel):
    """A JSON object that we send; every member is always there."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=False, serialize_by_alias=True
    )


def _whole(value: Any) -> Any:
    """A whole number as a query string writes it; nothing that `int` would also take."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    raise PydanticCustomError("int_parsing", "Input should be a whole number")


def _integral(value: Any) -> Any:
    """To JSON 2.0 is the whole number 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(value: Any) -> Any:
    """A JSON number as a decimal: neither text nor true."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number_type", "must be a number")
    return Decimal(str(value))


def _decimal(value: Any) -> Any:
    """A number as a query string writes it."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", value):
        return Decimal(value)
    raise PydanticCustomError("number_type", "must be a number")


def _or_false(value: Any) -> Any:
    return False if value is None else value


def _or_none(value: Any) -> Any:
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


def _nullable(kind: str, **rest: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": [kind, "null"], **rest})


INTEGRAL = BeforeValidator(_integral)  # of an int, after its bounds

# ------------------------------------------------------------------------------------------------ both ways

Id = Annotated[int, Field(ge=1, le=MAX_ID), INTEGRAL]

# ------------------------------------------------------------------------------------------------ in, as JSON

Flag = Annotated[bool, BeforeValidator(_or_false), _nullable("boolean")]  # null is false

Price = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(gt=0, le=MAX_AMOUNT, decimal_places=2),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": float(MAX_AMOUNT), "multipleOf": 0.01}),
]
Figure = Annotated[  # an amount that is compared, or not looked at
    Annotated[Decimal, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)] | None,
    BeforeValidator(lambda value: None if value is None else _number(value)),
    _nullable("number"),
]
Count = Annotated[int, Field(ge=0, le=MAX_INTEGER), INTEGRAL]


# For optional text: Annotated[Annotated[str, words(80)] | None, BLANK_IS_NONE]; missing, null and blank are alike.
BLANK_IS_NONE = BeforeValidator(_or_none)


# As accounts are known by them, whatever way they are written.
Email = Annotated[
    Annotated[str, Field(max_length=contact.MAX_EMAIL_LENGTH, pattern=NO_CONTROLS)] | None,
    BLANK_IS_NONE,
    AfterValidator(_email),
]
Phone = Annotated[
    Annotated[str, Field(max_length=MAX_PHONE_LENGTH, pattern=NO_CONTROLS)] | None,
    BLANK_IS_NONE,
    AfterValidator(_phone),
]


def line(most: int) -> Any:
    """Of text that must be there.

    :param most: characters
    """
    return Field(min_length=1, max_length=most, pattern=NO_CONTROLS)


def words(most: int) -> Any:
    """Of text that may be blank.

    :param most: characters
    """
    return Field(max_length=most, pattern=NO_CONTROLS)


# ------------------------------------------------------------------------------------------------ in, from the query

WHOLE = BeforeValidator(_whole)  # of an int, after its bounds: Annotated[int, Field(ge=1), WHOLE]
Units = Annotated[int, Field(ge=1, le=MAX_INTEGER), WHOLE]
Amount = Annotated[
    Decimal,
    Field(ge=0, le=MAX_AMOUNT),
    BeforeValidator(_decimal),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": float(MAX_AMOUNT)}),
]

# ------------------------------------------------------------------------------------------------ out

Cash = Annotated[
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
    """What every refusal looks like."""

    status: Literal["error"]
    error: ErrorCause
    message: str
    path: str
    timestamp: Instant


class Quantity(Query):
    """How many units."""

    quantity: Units
