"""The generated OpenAPI document has everything that the contract with the legacy client specifies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from storefront.api.openapi import document

Node = dict[str, Any]

CONTRACT: Node = yaml.safe_load((Path(__file__).parent / "contract.yaml").read_text())

AGREED = [(path, method) for path, methods in CONTRACT["paths"].items() for method in methods if method != "parameters"]
# Accepted members that the contract does not have, as the legacy client does not need them.
ADDITIONAL = {"post /auth/login": {"otpCode"}}


@pytest.fixture(scope="module")
def described(shop: Flask) -> Node:
    with shop.app_context():
        return document()


def resolved(root: Node, node: Any) -> Any:
    """Resolve a node's references."""
    while isinstance(node, dict) and "$ref" in node:
        target = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def members(root: Node, schema: Any) -> tuple[dict[str, Any], set[str]]:
    """The members of an object, or of a list's elements: their schemas by name, and the required names."""
    schema = resolved(root, schema)
    if schema.get("type") == "array":
        return members(root, schema.get("items", {}))
    found, required = dict(schema.get("properties", {})), set(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        more, needed = members(root, part)
        found |= more
        required |= needed
    return found, required


def types(root: Node, schema: Any) -> set[str]:
    """The JSON types that a schema allows."""
    schema = resolved(root, schema)
    if "type" in schema:
        named = schema["type"]
        return {named} if isinstance(named, str) else set(named)
    if "anyOf" in schema:
        return set().union(*(types(root, part) for part in schema["anyOf"]))
    if "allOf" in schema:
        return types(root, schema["allOf"][0])
    value = schema.get("const", next(iter(schema.get("enum", [None]))))
    return {"string"} if isinstance(value, str) else set()


def assert_same_schema(agreed: Any, described: Node, ours: Any, where: str, *, incoming: bool) -> None:
    """Assert recursively that members, required members and types are those of the contract."""
    theirs, needed = members(CONTRACT, agreed)
    mine, given = members(described, ours)
    assert types(CONTRACT, agreed) == types(described, ours), where
    assert set(theirs) == set(mine) - ADDITIONAL.get(where, set()), where
    assert given == needed or (not incoming and given == set(mine)), where
    for name in theirs:
        assert_same_schema(theirs[name], described, mine[name], f"{where}.{name}", incoming=incoming)


def parameters(root: Node, path: Node, operation: Node) -> dict[tuple[str, str], bool]:
    both = [*path.get("parameters", ()), *operation.get("parameters", ())]
    found = [resolved(root, parameter) for parameter in both]
    return {(each["name"], each["in"]): each.get("required", False) for each in found}


def of_people(document: Node, operation: Node) -> list[Node]:
    """How people authenticate: the contract knows no programs, which our document adds."""
    security = operation.get("security", document["security"])
    return [each for each in security if each and not {"apiKey", "clientCredentials"} & each.keys()]


@pytest.mark.parametrize(("path", "method"), AGREED)
def test_an_operation_has_the_agreed_name_and_parameters(described: Node, path: str, method: str) -> None:
    agreed, ours = CONTRACT["paths"][path][method], described["paths"][path][method]
    assert ours["operationId"] == agreed["operationId"]
    assert ours["tags"] == agreed["tags"]
    assert of_people(described, ours) == of_people(CONTRACT, agreed)
    theirs = parameters(CONTRACT, CONTRACT["paths"][path], agreed)
    assert theirs.items() <= parameters(described, described["paths"][path], ours).items()


@pytest.mark.parametrize(("path", "method"), AGREED)
def test_an_operation_accepts_the_agreed_request(described: Node, path: str, method: str) -> None:
    body = resolved(CONTRACT, CONTRACT["paths"][path][method].get("requestBody"))
    if body is None or not body["required"]:
        return
    ours = described["paths"][path][method]["requestBody"]["content"]
    assert set(ours) == set(body["content"])
    for kind, agreed in body["content"].items():
        assert_same_schema(agreed["schema"], described, ours[kind]["schema"], f"{method} {path}", incoming=True)


@pytest.mark.parametrize(("path", "method"), AGREED)
def test_an_operation_has_the_agreed_responses(described: Node, path: str, method: str) -> None:
    ours = described["paths"][path][method]["responses"]
    for status, agreed in CONTRACT["paths"][path][method]["responses"].items():
        assert status in ours, f"{method} {path} knows no {status}"
        theirs, mine = resolved(CONTRACT, agreed), resolved(described, ours[status])
        assert set(theirs.get("content", ())) == set(mine.get("content", ()))
        assert set(theirs.get("headers", ())) <= set(mine.get("headers", ()))
        for kind, content in theirs.get("content", {}).items():
            if "schema" in content:
                where = f"{method} {path} {status}"
                assert_same_schema(content["schema"], described, mine["content"][kind]["schema"], where, incoming=False)
