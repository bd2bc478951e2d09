"""The access matrix: every route declares who may use it, and `violations` requests it as every kind of user.

Paths and form fields are filled in from a `World`: ids of things that belong to the owner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.engine import Connection
from werkzeug.test import TestResponse

from storefront.accounts.values import ROLES_WITH, Account, Permission, Role
from storefront.db.session import db
from tests.page_client import SAME_ORIGIN, Pages
from tests.page_openers import Opener

STAFF = tuple(role for role in Role if role.is_staff)
ACTORS = ("anonymous", "other", "owner", *map(str, STAFF))
SUCCESS = frozenset({200, 204, 302, 303})
_RAW_TOKEN = "0" * 40
_WITHOUT_BODY = {"HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Rule:
    """Who is refused; every other actor has access.

    :ivar refused: by actor, the status of the answer, or the path of the redirect
    """

    refused: Mapping[str, int | str]

    def status_for(self, actor: str) -> int | str | None:
        """Status or redirect that an actor must get; None for access."""
        return self.refused.get(actor)


SIGN_IN_REDIRECT = 303  # must lead to the sign-in page
PUBLIC = Rule({})
SIGNED_IN = Rule({"anonymous": SIGN_IN_REDIRECT})
OWNER_ONLY = Rule(dict.fromkeys(set(ACTORS) - {"owner"}, 404))  # 404: others must not learn that it exists
OWNER_SIGNED_IN = Rule({**OWNER_ONLY.refused, "anonymous": SIGN_IN_REDIRECT})


def _without(permission: Permission) -> set[str]:
    """Every actor without a permission; the owner of things is a customer."""
    return set(ACTORS) - {str(role) for role in ROLES_WITH[permission]}


def _staff_page(permission: Permission) -> Rule:
    """A staff page for roles with this permission."""
    return Rule({**dict.fromkeys(_without(permission), 403), "anonymous": SIGN_IN_REDIRECT})


def _api(permission: Permission, refusal: int, *, is_owner_refused: bool = False) -> Rule:
    """An operation for roles with this permission and, mostly, the owner."""
    refused = _without(permission) - (set() if is_owner_refused else {"owner"})
    return Rule({**dict.fromkeys(refused, refusal), "anonymous": 401})


STOCK_STAFF = _staff_page(Permission.PRODUCTS)
ORDER_STAFF = _staff_page(Permission.CUSTOMERS)
ANY_STAFF = _staff_page(Permission.STAFF_AREA)
ADMIN = _staff_page(Permission.ADMINISTRATION)
NOBODY = Rule(dict.fromkeys(ACTORS, 403))

TRACK_PAGE, STAFF_ORDER_LIST = "/track", "/staff/orders"  # redirects from an order's pages
OWN_ORDER = Rule(
    {
        "anonymous": TRACK_PAGE,
        "other": TRACK_PAGE,
        "stock": TRACK_PAGE,
        "orders": STAFF_ORDER_LIST,
        "admin": STAFF_ORDER_LIST,
    }
)

API_SIGNED_IN = Rule({"anonymous": 401})
API_OF_USER = _api(Permission.CUSTOMERS, 403)
API_OWN_ORDER = _api(Permission.CUSTOMERS, 404)
API_STOCK = _api(Permission.PRODUCTS, 403, is_owner_refused=True)


@dataclass(frozen=True)
class Route:
    """One method of one route.

    :ivar path: with names of the world in braces, such as "/orders/{order}"
    :ivar fields: of the form that is sent
    :ivar json: body that is sent instead of a form, or a function that makes it from the world
    :ivar done: statuses of an answer to an actor with access, where the usual ones do not apply
    :ivar prepare: returns session entries that the owner's browser needs, given the world
    :ivar page: for a page, its opener
    """

    path: str
    rule: Rule
    fields: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    done: frozenset[int] = SUCCESS
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda world: {}
    page: Opener | None = None


def violations(app: Flask, routes: Mapping[tuple[str, str], Route], world: Mapping[str, Any]) -> Iterator[str]:
    """Request every route as every actor.

    :return: a message for each answer that does not match its rule
    """
    for (endpoint, method), route in routes.items():
        for actor in ACTORS:
            with rolled_back(app):
                response = request_as(app, method, route, world, actor)
            if problem := _violation(route, actor, response):
                yield f"{method} {endpoint} as {actor}: {problem}"


def pages_without_opener(
    app: Flask, routes: Mapping[tuple[str, str], Route], world: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the endpoints that answer with a whole page, but have no opener."""
    for (endpoint, method), route in routes.items():
        if method != "GET" or route.page is not None:
            continue
        actor = next(actor for actor in ("owner", *ACTORS) if route.rule.status_for(actor) is None)
        with rolled_back(app):
            response = request_as(app, method, route, world, actor)
        if response.status_code == 200 and response.data.lstrip().lower().startswith(b"<!doctype html>"):
            yield endpoint


def violations_of_cookie(
    app: Flask, routes: Mapping[tuple[str, str], Route], world: Mapping[str, Any], cookie: str
) -> Iterator[str]:
    """Request every route with a copy of a cookie that must be nobody's by now.

    :param cookie: its value; made by a browser that `prepare_forms` was called for
    :return: a message for each answer that a visitor without a cookie would not get, or that names the owner
    """
    name, owner = app.config["SESSION_COOKIE_NAME"], world["accounts"]["owner"].email
    for (endpoint, method), route in routes.items():
        with rolled_back(app):
            pages = Pages(app)
            pages.client.set_cookie(name, cookie)
            response = _request(pages, method, route, world)
        if problem := _violation(route, "anonymous", response):
            yield f"{method} {endpoint} with a copied cookie: {problem}"
        if owner.encode() in response.get_data():
            yield f"{method} {endpoint} with a copied cookie: shows {owner}"


def prepare_forms(pages: Pages) -> None:
    """Give a browser the CSRF token that the requests of this module send."""
    with pages.client.session_transaction() as session:
        session["csrf_token"] = _RAW_TOKEN


def request_as(app: Flask, method: str, route: Route, world: Mapping[str, Any], actor: str) -> TestResponse:
    pages = Pages(app)
    account: Account | None = world["accounts"].get(actor)
    if account is not None:
        pages.sign_in(account)
    prepare_forms(pages)
    with pages.client.session_transaction() as session:
        session.update(route.prepare(world) if actor == "owner" else {})
    return _request(pages, method, route, world)


def _request(pages: Pages, method: str, route: Route, world: Mapping[str, Any]) -> TestResponse:
    app = pages.app
    fields = {name: value.format(**world) for name, value in route.fields.items()}
    sent: dict[str, Any] = {}
    if route.json is not None:
        sent["json"] = route.json(world) if callable(route.json) else route.json
    elif method != "GET":
        signer = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="wtf-csrf-token")
        sent["data"] = {"csrf_token": signer.dumps(_RAW_TOKEN), **fields}
    db.session.remove()
    with app.app_context():
        response = pages.client.open(route.path.format(**world), method=method, headers=SAME_ORIGIN, **sent)
    response.get_data()
    response.close()  # for file responses
    return response


def _violation(route: Route, actor: str, response: TestResponse) -> str | None:
    expected = route.rule.status_for(actor)
    status = response.status_code
    location = urlsplit(response.headers.get("Location", "")).path
    if expected == SIGN_IN_REDIRECT:
        return None if status == 303 and location == "/login" else f"{status} {location}, expected the sign-in page"
    if isinstance(expected, str):
        is_sent = status == 303 and location.startswith(expected)
        return None if is_sent else f"{status} {location}, expected to be sent to {expected}"
    if expected is not None:
        return None if status == expected else f"{status}, expected {expected}"
    if location == "/login":
        return "sent to sign in"
    return None if status in route.done else f"{status}, expected one of {sorted(route.done)}"


@contextmanager
def rolled_back(app: Flask) -> Iterator[None]:
    """Roll back to a savepoint at the end of the block, so that the next actor finds the same world."""
    db.session.remove()
    connections: list[Connection] = list(db.engines.values())  # type: ignore[arg-type] # within the `app` fixture
    savepoints = [connection.begin_nested() for connection in connections]
    try:
        yield
    finally:
        db.session.remove()
        for savepoint in savepoints:
            savepoint.rollback()


def registered_routes(app: Flask) -> set[tuple[str, str]]:
    """Endpoint and method of every route in the application's URL map."""
    return {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - _WITHOUT_BODY
    }
