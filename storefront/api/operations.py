"""What an operation of the API is: its path and caller, what goes in and comes out; and how it is served.

A family declares one so, and is thereby served with and without a slash at the end, and described:

    @operation("GET /api/products/{productId}", "getProduct", tag="catalog", access=public, answer=Product)
    def get_product(product_id: int) -> Product:
        \"""A product on sale.\"""

The view is given the values of its path by name, `query` and `body` when it declares them, and gives back the shape it
declares; or nothing, which is an empty 200; or a response of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, TypeAdapter
from werkzeug.routing import BaseConverter

from storefront.api import parsing
from storefront.api.guards import Guard, public
from storefront.api.schemas import MAX_ID, MAX_ORDER_ID
from storefront.web.route_options import json_only, public_cache

View = TypeVar("View", bound=Callable[..., Any])


bp = json_only(Blueprint("api", __name__))


class PathId(BaseConverter):
    """An id in a path. What is no whole number, or none that JavaScript could send, names nothing: 404."""

    regex = "[0-9]{1,16}"

    def to_python(self, value: str) -> int:
        # One that is too large becomes 0, the id that nobody has: the answer then says what was not found.
        number = int(value)
        return number if number <= MAX_ID else 0


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    :ivar path: as OpenAPI writes it, `/users/{userId}/addresses`; `{…Id}` is a number but for `{orderId}`
    :ivar query: shape of the query string
    :ivar body: shape of the JSON that must be sent; `form` stands for a form with a file instead
    :ivar answer: shape of the JSON answered; None is an empty answer, `media` other content types than JSON
    :ivar refusals: statuses beside those that follow from access and body
    :ivar headers: of the answer, with what they hold
    :ivar security: names of what shows who calls, where it is not what shows it everywhere
    """

    method: str
    path: str
    id: str
    tag: str
    access: Guard
    view: Callable[..., Any]
    query: type[BaseModel] | None = None
    body: Any = None
    form: dict[str, Any] | None = None
    answer: Any = None
    media: tuple[str, ...] = ()
    refusals: tuple[int, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    security: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return re.sub(r"{(\w+)}", lambda name: f"<{_converter(name[1])}{snake(name[1])}>", self.path.rstrip("/"))

    @property
    def parameters(self) -> list[str]:
        """Names in the path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def is_cacheable(self) -> bool:
        """Whether everyone is told the same, and may keep it as long as it is asked for again."""
        return self.method == "GET" and self.access is public

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every refusal that can come, in order."""
        found = {422, *self.refusals}  # no request may bring a card number, wherever it stands
        if self.parameters:
            found |= {404}  # what could be no such id names nothing
        if self.access is not public:
            found |= {401}
        if self.access is not public or self.method != "GET":
            found |= {403}
        if self.query is not None or self.body is not None or self.form is not None:
            found |= {400}
        if self.body is not None or self.form is not None:
            found |= {413, 415}
        return tuple(sorted(found))


OPERATIONS: list[Operation] = []


def _converter(name: str) -> str:
    return "api_id:" if name.endswith("Id") and name != "orderId" else f"string(maxlength={MAX_ORDER_ID}):"


def snake(name: str) -> str:
    """productId is product_id."""
    return re.sub("([A-Z])", lambda letter: f"_{letter[1].lower()}", name)


def operation(where: str, operation_id: str, *, tag: str, access: Guard, **rest: Any) -> Callable[[View], View]:
    """Declare an operation; decorators may be stacked when several paths do the same.

    :param where: method and path, "GET /api/products"
    :param rest: the other fields of `Operation`
    """

    def declare(view: View) -> View:
        method, path = where.split(" ")
        declared = Operation(method, path, operation_id, tag, access, view, **rest)
        OPERATIONS.append(declared)
        bp.add_url_rule(
            declared.rule,
            operation_id,
            _served(declared),
            methods=[method],
            strict_slashes=False,  # with a slash at its end and without; neither answers by sending to the other
            merge_slashes=False,
        )
        return view

    return declare


def _served(declared: Operation) -> Callable[..., Response]:
    """The Flask view: who calls is asked before what they send is read."""
    adapter = None if declared.answer is None else TypeAdapter(declared.answer)

    def serve(**path: Any) -> Response:
        declared.access(path)
        arguments = dict(path)
        if declared.query is not None:
            arguments["query"] = parsing.query(declared.query)
        if declared.body is not None:
            arguments["body"] = parsing.body(declared.body)
        answer = declared.view(**arguments)
        if not isinstance(answer, Response):
            answer = _json(adapter, answer)
        return _cacheable(answer) if declared.is_cacheable else answer

    serve.__dict__.update(vars(declared.view))  # its options
    return public_cache()(serve) if declared.is_cacheable else serve


def json_response(shape: Any, answer: Any) -> Response:
    """An answer as JSON, for a view that has headers to add."""
    return _json(TypeAdapter(shape), answer)


def _json(adapter: TypeAdapter[Any] | None, answer: Any) -> Response:
    if adapter is None:
        response = Response(b"")
        del response.headers["Content-Type"]
        return response
    return Response(adapter.dump_json(answer, by_alias=True), mimetype="application/json")


def _cacheable(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-cache")
    if response.status_code == 200:
        response.add_etag()
        response.make_conditional(request)
    return response


def keep_private(response: Response) -> Response:
    """What is not for everyone is kept by nobody."""
    if request.blueprint == bp.name or response.mimetype == "application/json":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
