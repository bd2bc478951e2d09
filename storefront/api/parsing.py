"""What a request brings, read into the shapes of `schemas`. Every problem is collected before anything is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import UnsupportedMediaType

from storefront.api.errors import Detail, Malformed, Unacceptable, unacceptable

Shape = TypeVar("Shape", bound=BaseModel)

MAX_KEY_LENGTH = 255  # characters of an Idempotency-Key

# What pydantic finds, in the shop's words; what is not here keeps pydantic's.
_WORDS: dict[str, str] = {
    "missing": "{field} is required",
    "int_type": "{field} must be a whole number",
    "int_parsing": "{field} must be a whole number",
    "int_from_float": "{field} must be a whole number",
    "string_type": "{field} must be text",
    "string_too_short": "{field} must not be empty",
    "string_too_long": "{field} may have at most {max_length} characters",
    "string_pattern_mismatch": "{field} holds characters that are not allowed",
    "number_type": "{field} must be a number",
    "bool_type": "{field} must be true or false",
    "list_type": "{field} must be a list",
    "dict_type": "{field} must be an object",
    "model_type": "{field} must be an object",
    "too_long": "{field} may have at most {max_length} entries",
    "too_short": "{field} must have at least {min_length} entries",
    "greater_than": "{field} must be more than {gt}",
    "greater_than_equal": "{field} must be {ge} or more",
    "less_than": "{field} must be less than {lt}",
    "less_than_equal": "{field} must be {le} or less",
    "literal_error": "{field} must be {expected}",
    "enum": "{field} must be {expected}",
    "value_error": "{error}",
}


def query(shape: type[Shape]) -> Shape:
    """The query string. A value left blank counts as not given; one given twice counts once.

    :raise Unacceptable: it does not fit; 400
    """
    given = {name: value for name, value in request.args.items() if value.strip()}
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        raise Unacceptable(details_of(error.errors())) from None


def body(shape: Any) -> Any:
    """The JSON that was sent.

    :raise UnsupportedMediaType: it is not called JSON; 415
    :raise Malformed: it is none; 400
    :raise Unacceptable: it does not fit; 400
    """
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        return _adapter(shape).validate_json(request.get_data(), strict=True)
    except ValidationError as error:
        found = error.errors()
        if found[0]["type"] == "json_invalid":
            raise Malformed from None
        raise Unacceptable(details_of(found)) from None


def idempotency_key() -> str:
    """The caller's own name for this request; empty when it has none.

    :raise Unacceptable: it is too long; 400
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY_LENGTH:
        raise unacceptable(f"Idempotency-Key may have at most {MAX_KEY_LENGTH} characters", "Idempotency-Key")
    return key


@lru_cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def details_of(found: Iterable[ErrorDetails]) -> tuple[Detail, ...]:
    """What is wrong with each field, in words; a field with several faults is named once."""
    details: dict[str | None, Detail] = {}
    for fault in found:
        field = _field(fault["loc"])
        details.setdefault(field, Detail(field, _words(field, fault)))
    return tuple(details.values())


def _field(place: tuple[int | str, ...]) -> str | None:
    """items[0].quantity"""
    path = ""
    for step in place:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path or None


def _words(field: str | None, fault: ErrorDetails) -> str:
    facts: Mapping[str, Any] = fault.get("ctx", {})
    if fault["type"] in _WORDS:
        return _WORDS[fault["type"]].format(field=field or "The body", **facts)
    return f"{field or 'The body'}: {fault['msg'].lower()}"
