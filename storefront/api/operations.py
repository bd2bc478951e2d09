"""Declare the API's operations: path, permission, input and output of each. A declaration both serves and documents it.

A module of operations declares one like this; its route answers with and without a trailing slash:

    @operation("GET /api/products/{productId}", "getProduct", tag="catalog", access=public, response=Product)
    def get_product(product_id: int) -> Product:
        \"""A product on sale.\"""

The view receives the path's values by name, and `query` and `body` if the operation declares them. It returns the
declared response, or None for an empty 200, or a Flask response of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, TypeAdapter
from werkzeug.routing import BaseConverter

from storefront.accounts.service import Scope
from storefront.api import parsing
from storefront.api.guards import Guard, for_people_and_programs, public
from storefront.api.schemas import MAX_ID, MAX_ORDER_ID
from storefront.web.route_options import guarded_by, json_only, public_cache

View = TypeVar("View", bound=Callable[..., Any])


bp = json_only(Blueprint("api", __name__))


class PathId(BaseConverter):
    """Converter of ids in paths: anything but a whole number within JavaScript's exact range answers 404."""

    regex = "[0-9]{1,16}"

    def to_python(self, value: str) -> int:
        # A number out of range becomes 0, which no row has: the 404 then names what was not found.
        number = int(value)
        return number if number <= MAX_ID else 0


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    :ivar path: in OpenAPI's notation, `/users/{userId}/addresses`; `{…Id}` is a number, except `{orderId}`
    :ivar access: guard that decides which people may call it
    :ivar scope: scope with which API keys may call it; None: no program may
    :ivar query: schema of the query string
    :ivar body: schema of the required JSON body
    :ivar form: JSON schema of a multipart form, instead of `body`
    :ivar response: schema of the JSON response; None for an empty one, or with `media`
    :ivar media: content types of a response that is not JSON
    :ivar errors: error statuses besides those that follow from access, path and input
    :ivar headers: names and descriptions of response headers
    :ivar security: names of security schemes that replace the API's default ones
    """

    method: str
    path: str
    id: str
    tag: str
    access: Guard
    view: Callable[..., Any]
    scope: Scope | None = None
    query: type[BaseModel] | None = None
    body: Any = None
    form: dict[str, Any] | None = None
    response: Any = None
    media: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    security: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The path in Flask's notation."""
        return re.sub(r"{(\w+)}", lambda name: f"<{_converter(name[1])}{snake(name[1])}>", self.path.rstrip("/"))

    @property
    def parameters(self) -> list[str]:
        """Names of the path's parameters."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def is_cacheable(self) -> bool:
        """Whether the response is the same for everyone, so that HTTP caches may store and revalidate it."""
        return self.method == "GET" and self.access is public

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every error status that it can answer, ascending."""
        statuses = {422, 429, *self.errors}  # any request is refused that contains a card number, or is one too many
        if self.parameters:
            statuses |= {404}  # a malformed id is answered as unknown
        if self.access is not public:
            statuses |= {401}
        if self.access is not public or self.method != "GET":
            statuses |= {403}
        if self.query is not None or self.body is not None or self.form is not None:
            statuses |= {400}
        if self.body is not None or self.form is not None:
            statuses |= {413, 415}
        return tuple(sorted(statuses))


OPERATIONS: list[Operation] = []
_BY_ENDPOINT: dict[str, Operation] = {}


def find_operation(endpoint: str | None) -> Operation | None:
    """The operation of a route; None for routes that are none."""
    return _BY_ENDPOINT.get(endpoint or "")


def _converter(name: str) -> str:
    return "api_id:" if name.endswith("Id") and name != "orderId" else f"string(maxlength={MAX_ORDER_ID}):"


def snake(name: str) -> str:
    """Convert camel case to snake case: productId to product_id."""
    return re.sub("([A-Z])", lambda letter: f"_{letter[1].lower()}", name)


def operation(where: str, operation_id: str, *, tag: str, access: Guard, **rest: Any) -> Callable[[View], View]:
    """Declare an operation, register its route and document it. Decorators may be stacked for several paths.

    :param where: method and path, such as "GET /api/products"
    :param rest: the other fields of `Operation`
    :return: decorator that leaves the view as it is
    """

    def declare(view: View) -> View:
        method, path = where.split(" ")
        declared = Operation(method, path, operation_id, tag, access, view, **rest)
        OPERATIONS.append(declared)
        _BY_ENDPOINT[f"{bp.name}.{operation_id}"] = declared
        bp.add_url_rule(
            declared.rule,
            operation_id,
            _served(declared),
            methods=[method],
            strict_slashes=False,  # both forms answer directly: a redirect would lose the body of a POST
            merge_slashes=False,
        )
        return view

    return declare


def _served(declared: Operation) -> Callable[..., Response]:
    """Wrap a view: check access, parse query and body, serialize the result.

    Access is checked before any input is parsed: an unauthorized caller gets 401 or 403 and no validation hints.
    """
    adapter = None if declared.response is None else TypeAdapter(declared.response)
    guard = for_people_and_programs(declared.access, declared.scope)

    def serve(**path: Any) -> Response:
        guard(path)
        arguments = dict(path)
        if declared.query is not None:
            arguments["query"] = parsing.query(declared.query)
        if declared.body is not None:
            arguments["body"] = parsing.body(declared.body)
        result = declared.view(**arguments)
        response = result if isinstance(result, Response) else _json(adapter, result)
        return _cacheable(response) if declared.is_cacheable else response

    serve.__dict__.update(vars(declared.view))  # carries over the view's route options
    guarded_by(guard)(serve)
    return public_cache()(serve) if declared.is_cacheable else serve


def json_response(schema: Any, value: Any) -> Response:
    """Serialize a value as a JSON response, for a view that adds headers to it.

    :param schema: pydantic type of `value`
    """
    return _json(TypeAdapter(schema), value)


def _json(adapter: TypeAdapter[Any] | None, value: Any) -> Response:
    if adapter is None:
        response = Response(b"")
        del response.headers["Content-Type"]
        return response
    return Response(adapter.dump_json(value, by_alias=True), mimetype="application/json")


def _cacheable(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-cache")
    if response.status_code == 200:
        response.add_etag()
        response.make_conditional(request)
    return response


def keep_private(response: Response) -> Response:
    """Forbid HTTP caches to store API and JSON responses that do not allow it themselves."""
    if request.blueprint == bp.name or response.mimetype == "application/json":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
