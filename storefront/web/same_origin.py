"""Whose page sent a request, and who may read its answer: same origin, the API's exceptions, CORS."""

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

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CORS_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
CORS_HEADERS = "Authorization, Content-Type, Accept"
CORS_READABLE = "ETag, Link, Location, Retry-After, X-Total-Count"
PREFLIGHT_SECONDS = 600

# Where people are not signed in yet: nothing there is done in the name of whoever owns the browser's cookie.
_ANONYMOUS = re.compile(r"/auth/(?:login|register|register/stub|mfa/[^/]+|verify-otp|password/reset)/?")


class ForeignOrigin(Forbidden):
    """Another site's page made the browser send this."""


class NullSession(SecureCookieSession):
    """What stands for the session where no cookie is read and none is set."""


class CookielessSessionInterface(SecureCookieSessionInterface):
    """Signed cookies, but where the API is to know its caller by other means."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if is_cookieless(request):
            return NullSession()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: FlaskResponse) -> None:
        needs_no_cookie = not session.modified and is_for_everyone(response)
        if not isinstance(session, NullSession) and not needs_no_cookie:
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    """Judge every request before anything else looks at it; contract section 5.1."""
    app.session_interface = CookielessSessionInterface()
    app.before_request(reject_other_origins)
    app.before_request(answer_preflight)
    app.after_request(add_cors_headers)


def reject_other_origins() -> None:
    """Refuse an unsafe request that another site's page makes the browser send.

    Fetch Metadata decides where the browser sends it; else the Origin must be ours. A request with neither comes from
    no browser: the form token still stands between it and a write, and in the API that it brings no cookie.

    :raise ForeignOrigin: the request is none of ours; 403
    """
    if request.method in SAFE_METHODS:
        return
    if not (_is_ours_for_api() if wants_json() else _is_ours_for_pages()):
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        security_event(SecurityEvent.FOREIGN_ORIGIN, origin=origin, site=site)
        raise ForeignOrigin


def _is_ours_for_pages() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    ours = {current_app.config["PUBLIC_ORIGIN"]}
    if current_app.config["ENVIRONMENT"] != "production":
        ours.add(request.host_url.rstrip("/"))  # so that a shop being tried answers to every name of its machine
    return request.headers.get("Origin", current_app.config["PUBLIC_ORIGIN"]) in ours


def _is_ours_for_api() -> bool:
    if is_cookieless(request):
        return True
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site == "same-origin"
    if origin is not None:
        return bool(origin == current_app.config["PUBLIC_ORIGIN"])
    return _is_anonymous_path(request.path) or current_app.config["SESSION_COOKIE_NAME"] not in request.cookies


def is_cookieless(asked: Request) -> bool:
    """Whether no cookie counts: the caller brings a token, or signs in from an origin that CORS allows."""
    if not is_json_path(asked.method, asked.path):
        return False
    if "Authorization" in asked.headers:
        return True
    return _is_anonymous_path(asked.path) and _is_allowed(asked.headers.get("Origin"))


def _is_anonymous_path(path: str) -> bool:
    return _ANONYMOUS.fullmatch(path) is not None


def _is_allowed(origin: str | None) -> bool:
    return origin in current_app.config["CORS_ORIGINS"]


def answer_preflight() -> ResponseReturnValue | None:
    """204 to a browser that asks what it may send to the API."""
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
    """Let pages of the origins allowed read the API's answers; never with credentials."""
    if not wants_json():
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is not None and _is_allowed(origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = CORS_READABLE
    return response
