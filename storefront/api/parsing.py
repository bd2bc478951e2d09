"""Parse a request's query string, body and headers into `schemas`. An error names every invalid field at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import UnsupportedMediaType

from storefront.api.errors import Detail, Malformed, Unacceptable, unacceptable
from storefront.api.schemas import FieldProblems

Model = TypeVar("Model", bound=BaseModel)

MAX_KEY_LENGTH = 255  # characters of an Idempotency-Key
MAX_PROBLEMS = 100  # that an error names

# Messages by pydantic's error types; types not listed here keep pydantic's message.
_MESSAGES: dict[str, str] = {
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


def query(model: type[Model]) -> Model:
    """Parse the query string. Blank values count as missing; of repeated ones the first is used.

    :raise Unacceptable: it does not match the schema; 400
    """
    values = {name: value for name, value in request.args.items() if value.strip()}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Unacceptable(details_of(error.errors())) from None


def body(schema: Any) -> Any:
    """Parse the JSON body.

    :param schema: pydantic type of the result
    :raise UnsupportedMediaType: the content type is not JSON; 415
    :raise Malformed: it is not valid JSON; 400
    :raise Unacceptable: it does not match the schema; 400
    """
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        return _adapter(schema).validate_json(request.get_data(), strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)[:MAX_PROBLEMS]
        if problems[0]["type"] == "json_invalid":
            raise Malformed from None
        raise Unacceptable(details_of(problems)) from None


def idempotency_key() -> str:
    """Return the Idempotency-Key header, empty if there is none.

    :raise Unacceptable: it has more than 255 characters; 400
    """
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY_LENGTH:
        raise unacceptable(f"Idempotency-Key may have at most {MAX_KEY_LENGTH} characters", "Idempotency-Key")
    return key


@lru_cache
def _adapter(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)


def details_of(problems: Iterable[ErrorDetails]) -> tuple[Detail, ...]:
    """Convert pydantic's errors to the API's details; a field with several problems reports the first."""
    details: dict[str | None, Detail] = {}
    for problem in problems:
        found = problem.get("ctx", {}).get("error")
        if isinstance(found, FieldProblems):
            several = {_field_path((*problem["loc"], name)): message for name, message in found.problems.items()}
        else:
            field = _field_path(problem["loc"])
            several = {field: _message(field, problem)}
        for field, message in several.items():
            details.setdefault(field, Detail(field, message))
    return tuple(details.values())


def _field_path(location: tuple[int | str, ...]) -> str | None:
    """Format a location as a path, such as `items[0].quantity`; None for the whole body."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path or None


def _message(field: str | None, problem: ErrorDetails) -> str:
    context: Mapping[str, Any] = problem.get("ctx", {})
    if problem["type"] in _MESSAGES:
        return _MESSAGES[problem["type"]].format(field=field or "The body", **context)
    return f"{field or 'The body'}: {problem['msg'].lower()}"
