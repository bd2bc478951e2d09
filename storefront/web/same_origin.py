"""Cross-origin protection: the same-origin check of unsafe requests, the API without cookies, and CORS."""

from __future__ import annotations

import re

from flask import Flask, current_app, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from flask.wrappers import Request
from flask.wrappers import Response as FlaskResponse
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from storefront.core.security_log import SecurityEvent, security_event
from storefront.web.responses import is_json_path, wants_json
from storefront.web.route_options import is_for_everyone
from storefront.web.visitor_cookie import VisitorSession, has_session_cookie

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CORS_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
CORS_HEADERS = "Authorization, Content-Type, Accept"
CORS_READABLE = "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Total-Count"
PREFLIGHT_SECONDS = 600

# Endpoints for people who are not signed in: they do not act for the account of the session cookie.
_ANONYMOUS = re.compile(r"/auth/(?:login|register|register/stub|mfa/[^/]+|verify-otp|password/reset)/?")


class ForeignOrigin(Forbidden):
    """A page of another site caused the request."""


class NullSession(SecureCookieSession):
    """The empty session of requests without cookies; it is never saved."""


class CookielessSessionInterface(SecureCookieSessionInterface):
    """Signed session cookies, except for API requests that authenticate otherwise."""

    session_class = VisitorSession

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if is_cookieless(request):
            return NullSession()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: FlaskResponse) -> None:
        needs_no_cookie = not session.modified and is_for_everyone(response)
        if not isinstance(session, NullSession) and not needs_no_cookie:
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    """Register the checks, which run before all others; contract section 5.1."""
    app.session_interface = CookielessSessionInterface()
    app.before_request(reject_other_origins)
    app.before_request(answer_preflight)
    app.after_request(add_cors_headers)


def reject_other_origins() -> None:
    """Refuse an unsafe request caused by a page of another site.

    Fetch Metadata decides where the browser sends it; otherwise the Origin must be the shop's. A request with neither
    does not come from a browser: pages then still require the CSRF token, and the API that there is no session cookie.

    :raise ForeignOrigin: 403
    """
    if request.method in SAFE_METHODS:
        return
    if not (_is_same_origin_for_api() if wants_json() else _is_same_origin_for_pages()):
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        security_event(SecurityEvent.FOREIGN_ORIGIN, origin=origin, site=site)
        raise ForeignOrigin


def is_surely_same_origin() -> bool:
    """Whether the browser says that a page of this shop caused the request."""
    site = request.headers.get("Sec-Fetch-Site")
    return site == "same-origin" if site is not None else request.headers.get("Origin") in _own_origins()


def _is_same_origin_for_pages() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    return "Origin" not in request.headers or request.headers["Origin"] in _own_origins()


def _own_origins() -> set[str]:
    own_origins = {current_app.config["PUBLIC_ORIGIN"]}
    if current_app.config["ENVIRONMENT"] != "production":
        own_origins.add(request.host_url.rstrip("/"))  # a development shop answers to every name of its machine
    return own_origins


def _is_same_origin_for_api() -> bool:
    if is_cookieless(request):
        return True
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site == "same-origin"
    if origin is not None:
        return bool(origin == current_app.config["PUBLIC_ORIGIN"])
    return _is_anonymous_path(request.path) or not has_session_cookie()


def is_cookieless(incoming: Request) -> bool:
    """Whether cookies are ignored: an API request with a token, or a sign-in from an origin that CORS allows."""
    if not is_json_path(incoming.method, incoming.path):
        return False
    if "Authorization" in incoming.headers:
        return True
    return _is_anonymous_path(incoming.path) and _is_allowed(incoming.headers.get("Origin"))


def _is_anonymous_path(path: str) -> bool:
    return _ANONYMOUS.fullmatch(path) is not None


def _is_allowed(origin: str | None) -> bool:
    return origin in current_app.config["CORS_ORIGINS"]


def answer_preflight() -> ResponseReturnValue | None:
    """Answer a CORS preflight request for the API with 204."""
    if request.method != "OPTIONS" or request.url_rule is None or not wants_json():
        return None
    response = current_app.response_class(status=204)
    adapter = current_app.create_url_adapter(request)
    response.allow.update(adapter.allowed_methods() if adapter else ())
    if _is_allowed(request.headers.get("Origin")):
        response.headers["Access-Control-Allow-Methods"] = CORS_METHODS
        response.headers["Access-Control-Allow-Headers"] = CORS_HEADERS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response


def add_cors_headers(response: Response) -> Response:
    """Let pages of the allowed origins read responses of the API; never with credentials."""
    if not wants_json():
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is not None and _is_allowed(origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = CORS_READABLE
    return response
