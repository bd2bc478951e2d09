"""What a route says about itself where it is declared; the guards of every request read it from there.

    bp = no_store(Blueprint("account", __name__))

    @bp.post("/account/avatar")
    @max_upload(5 * 2**20)
    def upload_avatar() -> ResponseReturnValue: ...

An option of a blueprint holds for all its routes. On a view it stands below the decorator that registers the view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, request
from werkzeug.wrappers import Response

Target = TypeVar("Target", bound=Blueprint | Callable[..., Any])

_ATTRIBUTE = "route_options"


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """The options of one route.

    :ivar max_upload: bytes that its form may have, where that is not the shop's general limit
    :ivar is_json: every answer of it, refusals too, is the API's JSON
    :ivar any_host: machines ask it under any host name, and its answers hold no link
    :ivar no_store: nobody keeps its answers: they hold names, addresses or figures of the shop
    :ivar is_public: its answers are the same for everyone, so that caches need not care for the session's cookie
    :ivar cache_control: of its public answers, where the view sets none
    :ivar card_number_at: names that lead to the one place in its JSON where a card number may stand
    :ivar card_number_status: of the refusal of a card number
    :ivar staff_roles: who of the staff is let in beside admins; None for what is not the staff's
    """

    max_upload: int | None = None
    is_json: bool = False
    any_host: bool = False
    no_store: bool = False
    is_public: bool = False
    cache_control: str | None = None
    card_number_at: tuple[str, ...] = ()
    card_number_status: int = 422
    staff_roles: frozenset[str] | None = None


def _set(target: Target, **options: Any) -> Target:
    target.__dict__[_ATTRIBUTE] = {**target.__dict__.get(_ATTRIBUTE, {}), **options}
    return target


def max_upload(size: int) -> Callable[[Target], Target]:
    """Let a route be sent more than others.

    :param size: bytes of the whole form
    """
    return lambda target: _set(target, max_upload=size)


def json_only(target: Target) -> Target:
    """Answer in JSON only, whatever goes wrong."""
    return _set(target, is_json=True)


def any_host(target: Target) -> Target:
    """Answer under any host name, as the monitoring of a machine asks."""
    return _set(target, any_host=True)


def no_store(target: Target) -> Target:
    """Let no cache keep an answer."""
    return _set(target, no_store=True)


def public_cache(max_age: int | None = None, *, immutable: bool = False) -> Callable[[Target], Target]:
    """Let every cache keep a good answer, which then neither sets a cookie nor varies by it.

    :param max_age: seconds; None when the view says it
    :param immutable: the address names the content, so that browsers need not ask again
    """
    header = None if max_age is None else f"public, max-age={max_age}{', immutable' if immutable else ''}"
    return lambda target: _set(target, is_public=True, cache_control=header)


def card_numbers(*, allowed_at: tuple[str, ...] = (), status: int = 422) -> Callable[[Target], Target]:
    """Treat card numbers in what a route is sent otherwise than everywhere else, where each is refused with 422.

    :param allowed_at: names that lead to the one place in its JSON where a number may stand; the view cuts it
    :param status: of the refusal
    """
    return lambda target: _set(target, card_number_at=allowed_at, card_number_status=status)


def staff_only(roles: Iterable[str]) -> Callable[[Target], Target]:
    """Say who a guard lets in, for menus that show nobody what they may not open.

    :param roles: of the staff, beside admins
    """
    return lambda target: _set(target, staff_roles=frozenset(roles))


def options_of(app: Flask, endpoint: str) -> RouteOptions:
    """The options of a route: its blueprint's, and over them its view's."""
    blueprint = app.blueprints.get(endpoint.rpartition(".")[0])
    found = {} if blueprint is None else blueprint.__dict__.get(_ATTRIBUTE, {})
    return RouteOptions(**{**found, **getattr(app.view_functions[endpoint], _ATTRIBUTE, {})})


def current() -> RouteOptions:
    """The options of the route that is asked now; those that hold everywhere where there is none."""
    return RouteOptions() if request.endpoint is None else options_of(current_app, request.endpoint)


def is_for_everyone(response: Response) -> bool:
    """Whether an answer of the route that is asked now is the same for everyone: what it refuses is not."""
    is_good = request.method in {"GET", "HEAD"} and response.status_code < 400
    return is_good and current().is_public and not response.cache_control.private
