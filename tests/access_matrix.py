"""Bar B11: who may do what. Each door of the shop says whom it lets in; `walk` knocks at it as everybody.

A door's address and fields are filled in from a `World`: things that belong to the owner.
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

from storefront.accounts.service import Account, Role
from storefront.db.session import db
from tests.page_client import SAME_ORIGIN, Pages
from tests.page_openers import Opener

STAFF = tuple(role for role in Role if role.is_staff)
ACTORS = ("anonymous", "other", "owner", *map(str, STAFF))
DONE = frozenset({200, 204, 302, 303})
_RAW_TOKEN = "0" * 40
_WITHOUT_BODY = {"HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Rule:
    """Statuses that each who is not let in must get, or where they are sent; everyone else is let in."""

    refused: Mapping[str, int | str]

    def status_for(self, actor: str) -> int | str | None:
        return self.refused.get(actor)


TO_SIGN_IN = 303  # of a page; it must lead to the sign-in page
ANYONE = Rule({})
SIGNED_IN = Rule({"anonymous": TO_SIGN_IN})
MINE = Rule(dict.fromkeys(set(ACTORS) - {"owner"}, 404))  # what only its owner knows to exist
MINE_SIGNED_IN = Rule({**MINE.refused, "anonymous": TO_SIGN_IN})


def _desk(*roles: Role) -> Rule:
    """A page of the staff, for these roles and admins."""
    refused = set(ACTORS) - {*roles, Role.ADMIN}
    return Rule({**dict.fromkeys(refused, 403), "anonymous": TO_SIGN_IN})


STOCK_DESK = _desk(Role.STOCK_STAFF)
ORDER_DESK = _desk(Role.ORDER_STAFF)
ANY_DESK = _desk(*STAFF)
ADMIN_DESK = _desk()
NOBODY = Rule(dict.fromkeys(ACTORS, 403))

TO_PROOF, TO_DESK = "/track", "/staff/orders"  # where pages of an order send whoever has not earned it
MY_ORDER = Rule({"anonymous": TO_PROOF, "other": TO_PROOF, "stock": TO_PROOF, "orders": TO_DESK, "admin": TO_DESK})

API_SIGNED_IN = Rule({"anonymous": 401})
API_OF_USER = Rule({"anonymous": 401, "other": 403})
API_OWN_ORDER = Rule({"anonymous": 401, "other": 404})
API_CHANGE_ORDER = Rule({"anonymous": 401, "other": 404, "stock": 403})
API_STOCK = Rule({"anonymous": 401, "other": 403, "owner": 403, "orders": 403})


@dataclass(frozen=True)
class Door:
    """One method of one route.

    :ivar path: with names of the world in braces, such as "/orders/{order}"
    :ivar done: statuses of who is let in, where they are not those of a page or of something done
    :ivar page: of a page: leaves in a browser what it needs and says its address
    :ivar prepare: makes the browser's session fit, for pages that live by it; given the world, returns session entries
    """

    path: str
    rule: Rule
    fields: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    done: frozenset[int] = DONE
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda world: {}
    page: Opener | None = None


def walk(app: Flask, doors: Mapping[tuple[str, str], Door], world: Mapping[str, Any]) -> Iterator[str]:
    """Knock at every door as every actor.

    :return: what was not as decided, in words
    """
    for (endpoint, method), door in doors.items():
        for actor in ACTORS:
            with put_back(app):
                response = _knock(app, method, door, world, actor)
            if problem := _judge(door, actor, response):
                yield f"{method} {endpoint} as {actor}: {problem}"


def unopened_pages(app: Flask, doors: Mapping[tuple[str, str], Door], world: Mapping[str, Any]) -> Iterator[str]:
    """Doors behind which there is a whole page, though none is said to be there."""
    for (endpoint, method), door in doors.items():
        if method != "GET" or door.page is not None:
            continue
        actor = next(actor for actor in ("owner", *ACTORS) if door.rule.status_for(actor) is None)
        with put_back(app):
            response = _knock(app, method, door, world, actor)
        if response.status_code == 200 and response.data.lstrip().lower().startswith(b"<!doctype html>"):
            yield endpoint


def _knock(app: Flask, method: str, door: Door, world: Mapping[str, Any], actor: str) -> TestResponse:
    pages = Pages(app)
    account: Account | None = world["accounts"].get(actor)
    if account is not None:
        pages.sign_in(account)
    with pages.client.session_transaction() as session:
        session["csrf_token"] = _RAW_TOKEN
        session.update(door.prepare(world) if actor == "owner" else {})
    fields = {name: value.format(**world) for name, value in door.fields.items()}
    sent: dict[str, Any] = {}
    if door.json is not None:
        sent["json"] = door.json(world) if callable(door.json) else door.json
    elif method != "GET":
        signer = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt="wtf-csrf-token")
        sent["data"] = {"csrf_token": signer.dumps(_RAW_TOKEN), **fields}
    db.session.remove()
    with app.app_context():
        response = pages.client.open(door.path.format(**world), method=method, headers=SAME_ORIGIN, **sent)
    response.get_data()
    response.close()  # a file that was sent
    return response


def _judge(door: Door, actor: str, response: TestResponse) -> str | None:
    expected = door.rule.status_for(actor)
    status = response.status_code
    location = urlsplit(response.headers.get("Location", "")).path
    if expected == TO_SIGN_IN:
        return None if status == 303 and location == "/login" else f"{status} {location}, expected the sign-in page"
    if isinstance(expected, str):
        is_sent = status == 303 and location.startswith(expected)
        return None if is_sent else f"{status} {location}, expected to be sent to {expected}"
    if expected is not None:
        return None if status == expected else f"{status}, expected {expected}"
    if location == "/login":
        return "sent to sign in"
    return None if status in door.done else f"{status}, expected one of {sorted(door.done)}"


@contextmanager
def put_back(app: Flask) -> Iterator[None]:
    """Whatever is written within is undone, so that the next actor finds the same world."""
    db.session.remove()
    connections: list[Connection] = list(db.engines.values())  # type: ignore[arg-type] # within the `app` fixture
    savepoints = [connection.begin_nested() for connection in connections]
    try:
        yield
    finally:
        db.session.remove()
        for savepoint in savepoints:
            savepoint.rollback()


def routes(app: Flask) -> set[tuple[str, str]]:
    """Every door of the shop: its endpoint and method."""
    return {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - _WITHOUT_BODY
    }
