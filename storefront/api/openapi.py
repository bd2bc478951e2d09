"""The OpenAPI 3.1 document, made from the operations and their shapes: it cannot say what the code does not do."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

from flask import current_app
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from storefront.api.guards import public
from storefront.api.operations import OPERATIONS, Operation
from storefront.api.schemas import MAX_ORDER_ID, Error

Schema = dict[str, Any]

TAGS = {
    "auth": "Sign-up, log-in, passwords",
    "users": "Profile, addresses, saved payment methods, wishlist",
    "catalog": "Products, stock, images",
    "reviews": "Product reviews",
    "cart": "Cart and legacy checkout",
    "orders": "Orders",
    "payments": "Payments",
    "system": "Health",
}
# Name and meaning of the refusals; contract section 2.1 has the codes.
REFUSALS = {
    400: ("BadRequest", "VALIDATION_ERROR, MALFORMED_JSON, OTP_INVALID, OTP_EXPIRED or UNKNOWN_PRODUCT"),
    401: ("Unauthorized", "UNAUTHENTICATED, INVALID_CREDENTIALS or SECOND_FACTOR_REQUIRED; never a redirect"),
    403: ("Forbidden", "FORBIDDEN, CSRF_REJECTED or PASSWORD_PROOF_REQUIRED"),
    404: ("NotFound", "NOT_FOUND, or the name of what was not found, such as PRODUCT_NOT_FOUND"),
    409: ("Conflict", "What stands against it, such as INSUFFICIENT_STOCK or DUPLICATE_SKU"),
    413: ("TooLarge", "PAYLOAD_TOO_LARGE"),
    415: ("Unsupported", "UNSUPPORTED_MEDIA_TYPE"),
    422: ("Unprocessable", "VALIDATION_ERROR, for a card number stands in the request; or IDEMPOTENCY_KEY_REUSED"),
    429: ("TooManyRequests", "RATE_LIMITED"),
    503: ("Unavailable", "SERVICE_UNAVAILABLE; or ORDER_IN_PROGRESS, and the same request again tells what came of it"),
}
WAITING = {429, 503}  # which say when to come again

DESCRIPTION = (
    "Signed in is who sends the session cookie of the shop's pages, or a token as `Authorization: Bearer`. A request "
    "with an Authorization header is judged by that alone. Anything but GET, HEAD and OPTIONS must otherwise come from "
    "a page of the shop: `Sec-Fetch-Site: same-origin`, or an `Origin` equal to the shop's own; what comes from no "
    "browser may have neither, if it brings no cookie.\n\n"
    "`{userId}` is the caller's own id; staff may name any. Money is a JSON number in INR with at most two decimals, "
    "moments are ISO 8601 in UTC. Every path answers with and without a slash at its end."
)

HEALTH: Schema = {
    "tags": ["system"],
    "operationId": "health",
    "summary": "The process answers.",
    "security": [],
    "responses": {
        str(status): {
            "description": description,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["status"],
                        "properties": {"status": {"type": "string", "enum": ["UP", "DOWN"]}},
                    }
                }
            },
        }
        for status, description in ((200, "Up"), (503, "Down"))
    },
}


class _Plain(GenerateJsonSchema):
    """Without a title for every field, which only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document() -> Schema:
    """The document of this shop."""
    config = current_app.config
    return _document(config["PUBLIC_ORIGIN"], config["SESSION_COOKIE_NAME"], config["SHOP_NAME"])


@lru_cache
def _document(origin: str, cookie: str, shop: str) -> Schema:
    shapes, components = _shapes()
    paths: dict[str, Schema] = {}
    for declared in OPERATIONS:
        paths.setdefault(declared.path, {})[declared.method.lower()] = _operation(declared, shapes, components)
    for declared in OPERATIONS:
        if declared.query is not None:
            components.pop(declared.query.__name__, None)  # spelled out as parameters
    paths["/health"] = {"get": HEALTH}
    used = {tag for path in paths.values() for described in path.values() for tag in described["tags"]}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"JSON API of {shop}", "version": "1.0.0", "description": DESCRIPTION},
        "servers": [{"url": origin}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items() if name in used],
        "security": [{"cookieAuth": []}, {"bearerAuth": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {name: _refusal(status) for status, (name, _) in REFUSALS.items()},
            "securitySchemes": {
                "cookieAuth": {"type": "apiKey", "in": "cookie", "name": cookie},
                "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "signupToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "What /auth/mfa/verify gives; good for ten minutes and for /auth/set-password only",
                },
            },
        },
    }


def _shapes() -> tuple[dict[tuple[str, str], Schema], dict[str, Schema]]:
    """The schema of everything that goes in and out, by operation and place; and those that have a name."""
    asked: list[Any] = [(("", "error"), "serialization", TypeAdapter(Error))]
    for declared in OPERATIONS:
        asked += [
            ((declared.id, place), mode, TypeAdapter(shape))
            for place, mode, shape in (
                ("query", "validation", declared.query),
                ("body", "validation", declared.body),
                ("answer", "serialization", declared.answer),
            )
            if shape is not None
        ]
    found, rest = TypeAdapter.json_schemas(asked, ref_template="#/components/schemas/{model}", schema_generator=_Plain)
    return {place: schema for (place, _), schema in found.items()}, rest.get("$defs", {})


def _operation(declared: Operation, shapes: dict[tuple[str, str], Schema], components: dict[str, Schema]) -> Schema:
    summary, _, more = inspect.getdoc(declared.view).partition("\n\n")  # type: ignore[union-attr]
    described: Schema = {
        "tags": [declared.tag],
        "operationId": declared.id,
        "summary": " ".join(summary.split()),
        "responses": _responses(declared, shapes),
    }
    if more:
        described["description"] = " ".join(more.split())
    if declared.access is public:
        described["security"] = []
    elif declared.security:
        described["security"] = [{name: []} for name in declared.security]
    parameters = [_path_parameter(name) for name in declared.parameters]
    if declared.query is not None:
        parameters += _query_parameters(components[declared.query.__name__])
    if parameters:
        described["parameters"] = parameters
    if declared.body is not None:
        content = {"application/json": {"schema": shapes[declared.id, "body"]}}
        described["requestBody"] = {"required": True, "content": content}
    if declared.form is not None:
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": declared.form}}}
    return described


def _path_parameter(name: str) -> Schema:
    schema = (
        {"type": "string", "minLength": 1, "maxLength": MAX_ORDER_ID}
        if name == "orderId"
        else {"type": "integer", "minimum": 1}
    )
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(shape: Schema) -> list[Schema]:
    parameters = []
    for name, schema in shape["properties"].items():
        parameter = {"name": name, "in": "query", "required": name in shape.get("required", []), "schema": schema}
        if "description" in schema:
            parameter["description"] = schema["description"]
        parameters.append(parameter)
    return parameters


def _responses(declared: Operation, shapes: dict[tuple[str, str], Schema]) -> Schema:
    done: Schema = {"description": "Done"}
    if declared.headers:
        done["headers"] = {
            name: {"description": words, "schema": {"type": "string"}} for name, words in declared.headers.items()
        }
    if declared.answer is not None:
        done["content"] = {"application/json": {"schema": shapes[declared.id, "answer"]}}
    elif declared.media:
        done["content"] = {kind: {} for kind in declared.media}
    else:
        done["description"] = "Done; empty"
    responses = {"200": done}
    if declared.is_cacheable:
        responses["304"] = {"description": "Not modified"}
    for status in declared.statuses:
        responses[str(status)] = {"$ref": f"#/components/responses/{REFUSALS[status][0]}"}
    return responses


def _refusal(status: int) -> Schema:
    schema = {"$ref": "#/components/schemas/Error"}
    described: Schema = {"description": REFUSALS[status][1], "content": {"application/json": {"schema": schema}}}
    if status in WAITING:
        described["headers"] = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
    return described
