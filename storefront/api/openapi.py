"""Build the OpenAPI 3.1 document from the declared operations and their schemas, so that it always matches the code."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

from flask import current_app
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from storefront.api import oauth
from storefront.api.guards import public
from storefront.api.operations import OPERATIONS, Operation
from storefront.api.schemas import MAX_ORDER_ID, Error
from storefront.web.api_callers import SCOPE_TEXTS

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
# Component name and description of each error response; the codes are those of contract section 2.1.
ERROR_RESPONSES = {
    400: ("BadRequest", "VALIDATION_ERROR, MALFORMED_JSON, OTP_INVALID, OTP_EXPIRED or UNKNOWN_PRODUCT"),
    401: ("Unauthorized", "UNAUTHENTICATED, INVALID_CREDENTIALS or SECOND_FACTOR_REQUIRED; never a redirect"),
    403: ("Forbidden", "FORBIDDEN, CSRF_REJECTED or PASSWORD_PROOF_REQUIRED"),
    404: ("NotFound", "NOT_FOUND, or a more specific code, such as PRODUCT_NOT_FOUND"),
    409: (
        "Conflict",
        "The reason of the conflict, such as INSUFFICIENT_STOCK or DUPLICATE_SKU; ORDER_IN_PROGRESS: send it again",
    ),
    413: ("TooLarge", "PAYLOAD_TOO_LARGE"),
    415: ("Unsupported", "UNSUPPORTED_MEDIA_TYPE"),
    422: ("Unprocessable", "VALIDATION_ERROR if the request contains a card number; or IDEMPOTENCY_KEY_REUSED"),
    429: ("TooManyRequests", "RATE_LIMITED"),
    503: ("Unavailable", "SERVICE_UNAVAILABLE"),
}
OF_PEOPLE = ("cookieAuth", "bearerAuth")  # security schemes
RETRYABLE = {429, 503}  # statuses that carry Retry-After

DESCRIPTION = (
    "Authenticate with the session cookie of the shop's pages, or with a token as `Authorization: Bearer`. If there is "
    "an Authorization header, the cookie is ignored; without one, any method but GET, HEAD and OPTIONS must come from "
    "a page of the shop: `Sec-Fetch-Site: same-origin`, or an `Origin` equal to the shop's own. Clients other than "
    "browsers may omit both headers if they send no cookie.\n\n"
    "Programs send an API key, which admins make at `/staff/api-keys`, as `Authorization: Bearer sk_shop_…`, or a "
    "token that `/oauth/token` issues for it. A key acts for no user, and reaches only the operations that name one of "
    "its scopes; all others answer 403.\n\n"
    "Requests are limited per minute by class of caller. `RateLimit-Policy` names the limit and `RateLimit` what is "
    "left of it, where an answer does not come from a cache; beyond it the answer is 429 with `Retry-After`.\n\n"
    "`{userId}` is the caller's own id; staff may use any. Money is a JSON number in INR with at most two decimals, "
    "timestamps are ISO 8601 in UTC. Every path works with and without a trailing slash."
)

HEALTH: Schema = {
    "tags": ["system"],
    "operationId": "health",
    "summary": "Check that the process is running.",
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


class _UntitledFields(GenerateJsonSchema):
    """JSON schemas without a title for every field: pydantic's titles only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document() -> Schema:
    """Return the OpenAPI document of this shop; built once for each origin, cookie name and shop name."""
    config = current_app.config
    return _document(config["PUBLIC_ORIGIN"], config["SESSION_COOKIE_NAME"], config["SHOP_NAME"])


@lru_cache
def _document(origin: str, cookie: str, shop: str) -> Schema:
    schemas, components = _schemas()
    paths: dict[str, Schema] = {}
    for declared in OPERATIONS:
        paths.setdefault(declared.path, {})[declared.method.lower()] = _operation(declared, schemas, components)
    for declared in OPERATIONS:
        if declared.query is not None:
            components.pop(declared.query.__name__, None)  # listed as parameters instead
    paths["/health"] = {"get": HEALTH}
    paths["/oauth/token"] = {"post": oauth.OPENAPI}
    used = {tag for path in paths.values() for described in path.values() for tag in described["tags"]}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"JSON API of {shop}", "version": "1.0.0", "description": DESCRIPTION},
        "servers": [{"url": origin}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items() if name in used],
        "security": [{name: []} for name in OF_PEOPLE],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "responses": {name: _error_response(status) for status, (name, _) in ERROR_RESPONSES.items()},
            "securitySchemes": _security_schemes(origin, cookie),
        },
    }


def _security_schemes(origin: str, cookie: str) -> Schema:
    flow = {"tokenUrl": f"{origin}/oauth/token", "scopes": {str(scope): text for scope, text in SCOPE_TEXTS.items()}}
    return {
        "cookieAuth": {"type": "apiKey", "in": "cookie", "name": cookie},
        "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "signupToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "Issued by /auth/mfa/verify; valid for ten minutes and only for /auth/set-password",
        },
        "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key of a program, sk_shop_…"},
        "clientCredentials": {"type": "oauth2", "flows": {"clientCredentials": flow}},
    }


def _schemas() -> tuple[dict[tuple[str, str], Schema], dict[str, Schema]]:
    """Generate all schemas in one call, so that shared ones get one component each.

    :return: schemas by operation id and place ("query", "body", "response"), and the named components
    """
    inputs: list[Any] = [(("", "error"), "serialization", TypeAdapter(Error))]
    for declared in OPERATIONS:
        inputs += [
            ((declared.id, place), mode, TypeAdapter(schema))
            for place, mode, schema in (
                ("query", "validation", declared.query),
                ("body", "validation", declared.body),
                ("response", "serialization", declared.response),
            )
            if schema is not None
        ]
    generated, rest = TypeAdapter.json_schemas(
        inputs, ref_template="#/components/schemas/{model}", schema_generator=_UntitledFields
    )
    return {place: schema for (place, _), schema in generated.items()}, rest.get("$defs", {})


def _operation(declared: Operation, schemas: dict[tuple[str, str], Schema], components: dict[str, Schema]) -> Schema:
    summary, _, more = inspect.getdoc(declared.view).partition("\n\n")  # type: ignore[union-attr]
    described: Schema = {
        "tags": [declared.tag],
        "operationId": declared.id,
        "summary": " ".join(summary.split()),
        "responses": _responses(declared, schemas),
    }
    if more:
        described["description"] = " ".join(more.split())
    if (security := _security(declared)) is not None:
        described["security"] = security
    parameters = [_path_parameter(name) for name in declared.parameters]
    if declared.query is not None:
        parameters += _query_parameters(components[declared.query.__name__])
    if parameters:
        described["parameters"] = parameters
    if declared.body is not None:
        content = {"application/json": {"schema": schemas[declared.id, "body"]}}
        described["requestBody"] = {"required": True, "content": content}
    if declared.form is not None:
        described["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": declared.form}}}
    return described


def _security(declared: Operation) -> list[Schema] | None:
    """How a caller authenticates; None: as anywhere. An empty requirement stands for no authentication at all."""
    if declared.access is public:
        of_people: list[Schema] = [{}] if declared.scope else []
    else:
        of_people = [{name: []} for name in declared.security or OF_PEOPLE]
    if declared.scope is None:
        return of_people if declared.access is public or declared.security else None
    return [*of_people, *({name: [str(declared.scope)]} for name in ("apiKey", "clientCredentials"))]


def _path_parameter(name: str) -> Schema:
    schema = (
        {"type": "string", "minLength": 1, "maxLength": MAX_ORDER_ID}
        if name == "orderId"
        else {"type": "integer", "minimum": 1}
    )
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(query: Schema) -> list[Schema]:
    parameters = []
    for name, schema in query["properties"].items():
        parameter = {"name": name, "in": "query", "required": name in query.get("required", []), "schema": schema}
        if "description" in schema:
            parameter["description"] = schema["description"]
        parameters.append(parameter)
    return parameters


def _responses(declared: Operation, schemas: dict[tuple[str, str], Schema]) -> Schema:
    success: Schema = {"description": "Success"}
    if declared.headers:
        success["headers"] = {
            name: {"description": description, "schema": {"type": "string"}}
            for name, description in declared.headers.items()
        }
    if declared.response is not None:
        success["content"] = {"application/json": {"schema": schemas[declared.id, "response"]}}
    elif declared.media:
        success["content"] = {content_type: {} for content_type in declared.media}
    else:
        success["description"] = "Success; empty body"
    responses = {"200": success}
    if declared.is_cacheable:
        responses["304"] = {"description": "Not modified"}
    for status in declared.statuses:
        responses[str(status)] = {"$ref": f"#/components/responses/{ERROR_RESPONSES[status][0]}"}
    return responses


def _error_response(status: int) -> Schema:
    schema = {"$ref": "#/components/schemas/Error"}
    described: Schema = {"description": ERROR_RESPONSES[status][1], "content": {"application/json": {"schema": schema}}}
    if status in RETRYABLE:
        described["headers"] = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
    return described
