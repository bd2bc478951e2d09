"""The API's documentation: the OpenAPI document as JSON, and the page /api/docs rendered from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from storefront.api.openapi import Schema, document
from storefront.api.operations import bp
from storefront.api.schemas import MAX_ID
from storefront.web.responses import render_page


@dataclass(frozen=True, slots=True)
class TypeLabel:
    """The type of a value as the page shows it.

    :ivar text: such as "list of Product"
    :ivar schema: name of the schema to link to, empty if there is none
    """

    text: str
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of an operation, or a member of a schema.

    :ivar location: "path" or "query" for a parameter, empty for a member
    """

    name: str
    type: TypeLabel
    is_required: bool
    description: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation as the page shows it.

    :ivar scope: with which programs may call it, empty: they may not
    :ivar body: type of the request body, None without one
    :ivar response: type of the success response's body, None if it is empty
    :ivar responses: status and description of every response
    """

    id: str
    method: str
    path: str
    summary: str
    description: str
    is_public: bool
    scope: str
    parameters: list[Field]
    body: TypeLabel | None
    body_fields: list[Field]
    response: TypeLabel | None
    responses: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TagSection:
    """The operations of one tag."""

    name: str
    description: str
    endpoints: list[Endpoint] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NamedSchema:
    """A component schema as the page shows it."""

    name: str
    description: str
    fields: list[Field]
    type: TypeLabel


@bp.get("/api/openapi.json", strict_slashes=False)
def openapi() -> Response:
    """Get the OpenAPI document as JSON."""
    response = Response(current_app.json.dumps(document()), mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@bp.get("/api/docs", strict_slashes=False)
def docs() -> ResponseReturnValue:
    """Show the documentation page."""
    openapi_document = document()
    schemas = openapi_document["components"]["schemas"]
    return render_page(
        "api/docs.html",
        introduction=openapi_document["info"]["description"].split("\n\n"),
        sections=sections_of(openapi_document),
        schemas=[named_schema(name, schema) for name, schema in schemas.items()],
    )


def sections_of(openapi_document: Schema) -> list[TagSection]:
    """Group the document's operations by tag, in the order of the tags."""
    sections = {tag["name"]: TagSection(tag["name"], tag["description"]) for tag in openapi_document["tags"]}
    for path, methods in openapi_document["paths"].items():
        for method, operation in methods.items():
            sections[operation["tags"][0]].endpoints.append(_endpoint(openapi_document, method, path, operation))
    return list(sections.values())


def _endpoint(openapi_document: Schema, method: str, path: str, operation: Schema) -> Endpoint:
    bodies = operation.get("requestBody", {}).get("content", {})
    body = next((content["schema"] for content in bodies.values()), None)
    success = operation["responses"]["200"].get("content", {})
    return Endpoint(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        is_public=operation.get("security") == [] or {} in operation.get("security", ()),
        scope=next((each["apiKey"][0] for each in operation.get("security", ()) if "apiKey" in each), ""),
        parameters=[
            Field(
                parameter["name"],
                type_label(parameter["schema"]),
                parameter["required"],
                parameter.get("description", ""),
                parameter["in"],
            )
            for parameter in operation.get("parameters", ())
        ],
        body=type_label(body) if body else None,
        body_fields=_fields(body) if body else [],
        response=_response_type(success),
        responses=[
            (status, _response_description(openapi_document, response))
            for status, response in operation["responses"].items()
        ],
    )


def _response_type(content: Schema) -> TypeLabel | None:
    if "application/json" in content:
        return type_label(content["application/json"]["schema"])
    return TypeLabel(", ".join(content)) if content else None


def _response_description(openapi_document: Schema, response: Schema) -> str:
    if "$ref" in response:
        response = openapi_document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    return str(response["description"])


def named_schema(name: str, schema: Schema) -> NamedSchema:
    """Describe a component schema with its members."""
    return NamedSchema(name, schema.get("description", ""), _fields(schema), type_label(schema))


def _fields(schema: Schema) -> list[Field]:
    required = schema.get("required", ())
    return [
        Field(name, type_label(member), name in required, member.get("description", ""))
        for name, member in schema.get("properties", {}).items()
    ]


def type_label(schema: Schema) -> TypeLabel:
    """Describe a JSON schema's type in words, such as "list of Product" or "string, at most 50"."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return TypeLabel(name, name)
    if "anyOf" in schema:
        return _composite("{}", schema["anyOf"])
    if schema.get("type") == "array":
        return _composite("list of {}", [schema["items"]])
    if isinstance(schema.get("additionalProperties"), dict):
        return _composite("object of {}", [schema["additionalProperties"]])
    return TypeLabel(_simple_type(schema))


def _composite(template: str, parts: list[Schema]) -> TypeLabel:
    labels = [type_label(part) for part in parts]
    schema = next((label.schema for label in labels if label.schema), "")
    return TypeLabel(template.format(" or ".join(label.text for label in labels)), schema)


def _simple_type(schema: Schema) -> str:
    if "const" in schema:
        return f"“{schema['const']}”"
    if schema.get("maximum") == MAX_ID:
        return "id"
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    names: Any = schema.get("type", "anything")
    type_name = " or ".join(names) if isinstance(names, list) else str(names)
    bounds = [
        f"{label} {schema[key]}"
        for key, label in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("maxLength", "at most"),
        )
        if key in schema
    ]
    date_type = {"date-time": "timestamp", "date": "date"}.get(schema.get("format", ""))
    return ", ".join([date_type or type_name, *bounds])
