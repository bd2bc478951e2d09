"""Options of routes, declared by decorators and read by the request guards.

    bp = no_store(Blueprint("account", __name__))

    @bp.post("/account/avatar")
    @max_upload(5 * 2**20)
    def upload_avatar() -> ResponseReturnValue: ...

An option of a blueprint applies to all its routes. On a view it is placed below the decorator that registers the view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

Target = TypeVar("Target", bound=Blueprint | Callable[..., Any])
# Called with the values of the path; returns or raises the refusal of whoever has no access.
Guard = Callable[[Mapping[str, Any]], ResponseReturnValue | None]

_ATTRIBUTE = "route_options"


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """The options of one route.

    :ivar max_upload: maximum bytes of a form with files, where that is not the general limit
    :ivar guard: who has access; asked before the body of an upload is read
    :ivar is_json: all its responses, errors included, are JSON of the API
    :ivar any_host: it may be requested under any host name; its responses contain no links
    :ivar no_store: no cache may store its responses, which contain personal data or figures of the shop
    :ivar same_for_newcomers: its responses depend on address, catalogue and day only, for visitors without a session,
        or for everyone where `is_public`
    :ivar is_public: its responses are the same for everyone and do not vary by the session cookie
    :ivar cache_control: header of its public responses, where the view sets none
    :ivar card_number_at: path of the one place in its JSON where a card number is accepted
    :ivar card_number_status: status of the refusal of a card number
    :ivar staff_roles: staff roles that have access; None for routes that are not for staff
    """

    max_upload: int | None = None
    guard: Guard | None = None
    is_json: bool = False
    any_host: bool = False
    no_store: bool = False
    same_for_newcomers: bool = False
    is_public: bool = False
    cache_control: str | None = None
    card_number_at: tuple[str, ...] = ()
    card_number_status: int = 422
    staff_roles: frozenset[str] | None = None


def _set(target: Target, **options: Any) -> Target:
    target.__dict__[_ATTRIBUTE] = {**target.__dict__.get(_ATTRIBUTE, {}), **options}
    return target


def max_upload(size: int) -> Callable[[Target], Target]:
    """Raise the size limit of a route for forms with files. The route must have a guard: see `request_body`.

    :param size: bytes of the whole form
    """
    return lambda target: _set(target, max_upload=size)


def guarded_by(guard: Guard) -> Callable[[Target], Target]:
    """Declare who has access, so that this can be asked before the body is read."""
    return lambda target: _set(target, guard=guard)


def json_only(target: Target) -> Target:
    """Answer in JSON only, errors included."""
    return _set(target, is_json=True)


def any_host(target: Target) -> Target:
    """Allow requests under any host name, for monitoring."""
    return _set(target, any_host=True)


def no_store(target: Target) -> Target:
    """Forbid caches to store responses."""
    return _set(target, no_store=True)


def same_for_newcomers(target: Target) -> Target:
    """Have responses cached whole, for visitors without a session, or for everyone where they are public."""
    return _set(target, same_for_newcomers=True)


def public_cache(max_age: int | None = None, *, immutable: bool = False) -> Callable[[Target], Target]:
    """Let shared caches store successful responses, which then neither set nor vary by the session cookie.

    :param max_age: seconds; None if the view sets the header
    :param immutable: the URL contains a content hash, so that browsers need not revalidate
    """
    header = None if max_age is None else f"public, max-age={max_age}{', immutable' if immutable else ''}"
    return lambda target: _set(target, is_public=True, cache_control=header)


def card_numbers(*, allowed_at: tuple[str, ...] = (), status: int = 422) -> Callable[[Target], Target]:
    """Change how card numbers in requests for a route are handled; elsewhere each is refused with 422.

    :param allowed_at: path of the one place in its JSON where a number is accepted; the view keeps the last four digits
    :param status: status of the refusal
    """
    return lambda target: _set(target, card_number_at=allowed_at, card_number_status=status)


def staff_only(roles: Iterable[str]) -> Callable[[Target], Target]:
    """Declare the staff roles that have access, so that menus can leave out pages a user may not open.

    :param roles: staff roles, admins among them
    """
    return lambda target: _set(target, staff_roles=frozenset(roles))


def options_of(app: Flask, endpoint: str) -> RouteOptions:
    """The options of a route: those of its blueprint, overridden by those of its view."""
    blueprint = app.blueprints.get(endpoint.rpartition(".")[0])
    options = {} if blueprint is None else blueprint.__dict__.get(_ATTRIBUTE, {})
    return RouteOptions(**{**options, **getattr(app.view_functions[endpoint], _ATTRIBUTE, {})})


def current() -> RouteOptions:
    """The options of the current route; the defaults if no route matched."""
    return RouteOptions() if request.endpoint is None else options_of(current_app, request.endpoint)


def is_for_everyone(response: Response) -> bool:
    """Whether a response of the current route is public; errors are not."""
    is_success = request.method in {"GET", "HEAD"} and response.status_code < 400
    return is_success and current().is_public and not response.cache_control.private
