"""The API described: the document for programs, and from it a page for people."""

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
class Kind:
    """What a value is, in words.

    :ivar shape: the name of the shape it is or is made of, to link to
    """

    words: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A parameter, or a member of a shape."""

    name: str
    kind: Kind
    is_required: bool
    note: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation as the page shows it.

    :ivar answers: status and meaning of each
    """

    id: str
    method: str
    path: str
    summary: str
    description: str
    is_public: bool
    parameters: list[Part]
    body: Kind | None
    body_parts: list[Part]
    answer: Kind | None
    answers: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Family:
    """The operations of one tag."""

    name: str
    description: str
    endpoints: list[Endpoint] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shape:
    """A named schema."""

    name: str
    description: str
    parts: list[Part]
    kind: Kind


@bp.get("/api/openapi.json", strict_slashes=False)
def openapi() -> Response:
    """The OpenAPI document."""
    response = Response(current_app.json.dumps(document()), mimetype="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@bp.get("/api/docs", strict_slashes=False)
def docs() -> ResponseReturnValue:
    """The same, to read."""
    described = document()
    schemas = described["components"]["schemas"]
    return render_page(
        "api/docs.html",
        introduction=described["info"]["description"].split("\n\n"),
        families=families(described),
        shapes=[shape_of(name, schema) for name, schema in schemas.items()],
    )


def families(described: Schema) -> list[Family]:
    """The operations of the document by tag, in the order of the tags."""
    found = {tag["name"]: Family(tag["name"], tag["description"]) for tag in described["tags"]}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].endpoints.append(_endpoint(described, method, path, operation))
    return list(found.values())


def _endpoint(described: Schema, method: str, path: str, operation: Schema) -> Endpoint:
    bodies = operation.get("requestBody", {}).get("content", {})
    body = next((content["schema"] for content in bodies.values()), None)
    answers = operation["responses"]["200"].get("content", {})
    return Endpoint(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        is_public=operation.get("security") == [],
        parameters=[
            Part(
                parameter["name"],
                kind_of(parameter["schema"]),
                parameter["required"],
                parameter.get("description", ""),
                parameter["in"],
            )
            for parameter in operation.get("parameters", ())
        ],
        body=kind_of(body) if body else None,
        body_parts=_parts(body) if body else [],
        answer=_answer(answers),
        answers=[(status, _meaning(described, answer)) for status, answer in operation["responses"].items()],
    )


def _answer(content: Schema) -> Kind | None:
    if "application/json" in content:
        return kind_of(content["application/json"]["schema"])
    return Kind(", ".join(content)) if content else None


def _meaning(described: Schema, answer: Schema) -> str:
    if "$ref" in answer:
        answer = described["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    return str(answer["description"])


def shape_of(name: str, schema: Schema) -> Shape:
    """A named schema with its members."""
    return Shape(name, schema.get("description", ""), _parts(schema), kind_of(schema))


def _parts(schema: Schema) -> list[Part]:
    required = schema.get("required", ())
    return [
        Part(name, kind_of(member), name in required, member.get("description", ""))
        for name, member in schema.get("properties", {}).items()
    ]


def kind_of(schema: Schema) -> Kind:
    """What a schema asks for, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return Kind(name, name)
    if "anyOf" in schema:
        return _made_of("{}", schema["anyOf"])
    if schema.get("type") == "array":
        return _made_of("list of {}", [schema["items"]])
    if isinstance(schema.get("additionalProperties"), dict):
        return _made_of("object of {}", [schema["additionalProperties"]])
    return Kind(_plain(schema))


def _made_of(words: str, parts: list[Schema]) -> Kind:
    kinds = [kind_of(part) for part in parts]
    shape = next((kind.shape for kind in kinds if kind.shape), "")
    return Kind(words.format(" or ".join(kind.words for kind in kinds)), shape)


def _plain(schema: Schema) -> str:
    if "const" in schema:
        return f"“{schema['const']}”"
    if schema.get("maximum") == MAX_ID:
        return "id"
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    named: Any = schema.get("type", "anything")
    words = " or ".join(named) if isinstance(named, list) else str(named)
    bounds = [
        f"{words_for} {schema[key]}"
        for key, words_for in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("maxLength", "at most"),
        )
        if key in schema
    ]
    form = {"date-time": "moment", "date": "day"}.get(schema.get("format", ""))
    return ", ".join([form or words, *bounds])
