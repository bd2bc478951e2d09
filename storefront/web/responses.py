"""The responses of page views: a page or its fragment, success, or refusal, each with and without htmx."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import flash, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from storefront.web import route_options

VARY = ("HX-Request", "HX-Request-Type", "HX-History-Restore-Request", "HX-Boosted")

# Paths of the API, also without a matching route, where pages and API share a prefix: contract section 2.1.
_JSON_PATHS = re.compile(
    r"(?s)/(?:auth|oauth|users|api|health)(?:/.*)?"
    r"|/cart/(?!lines(?:/|$)).+"
    r"|/products/(?:batch|image)(?:/.*)?"
    r"|/products/[^/]+/.+"
)


def wants_json() -> bool:
    """Whether the request is for the JSON API, whether such an endpoint exists or not."""
    if request.method == "OPTIONS" and (asked_for := request.headers.get("Access-Control-Request-Method")):
        return is_json_path(asked_for, request.path)  # a page and an operation of the API may share a path
    if request.url_rule is not None:
        return route_options.current().is_json
    return is_json_path(request.method, request.path)


def is_json_path(method: str, path: str) -> bool:
    """Whether a path belongs to the API, judged without routing. GET /checkout is a page, POST is the API."""
    if path.rstrip("/") == "/checkout":
        return method not in {"GET", "HEAD"}
    return _JSON_PATHS.fullmatch(path) is not None


def wants_fragment() -> bool:
    """Whether htmx requests a fragment of a page; the only reader of htmx's headers.

    A history restore, a boosted link and a request for a full page get the page. The response varies by these headers.
    """
    g.varies_by_htmx = True
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Request-Type") != "full"
        and "HX-History-Restore-Request" not in headers
        and "HX-Boosted" not in headers
    )


def render_page(template: str, *, fragment: str | None = None, status: int = 200, **context: Any) -> Response:
    """Render a page; or its fragment, if there is one and htmx requests it."""
    if fragment is not None and wants_fragment():
        template = fragment
    return make_response(render_template(template, **context), status)


def answer(fragment: str, *, otherwise: str, notice: str = "", **context: Any) -> ResponseReturnValue:
    """Answer a successful action: htmx gets the fragment, else the notice is flashed and the browser redirected.

    :param otherwise: the URL redirected to without htmx
    """
    if wants_fragment():
        return make_response(render_template(fragment, notice=notice, **context))
    if notice:
        flash(notice, "notice")
    return redirect(otherwise, 303)


def refuse(
    fragment: str, *, otherwise: str, problem: str, context: Mapping[str, Any], page: str | None = None
) -> ResponseReturnValue:
    """Answer a refused action: 422 with the fragment for htmx, else with `page`, else a redirect to `otherwise`.

    :param page: the page of the form, if it has one
    """
    if wants_fragment():
        return make_response(render_template(fragment, problem=problem, **context), 422)
    if page is not None:
        return make_response(render_template(page, problem=problem, **context), 422)
    flash(problem, "problem")
    return redirect(otherwise, 303)


def query_suffix() -> str:
    """The query string unchanged, with its question mark, for a redirect to a corrected URL; empty without one.

    Passing the query to `url_for` would let visitors set parameters such as `_scheme`.
    """
    return f"?{request.query_string.decode('latin-1')}" if request.query_string else ""


def redirect_or_hx(url: str) -> ResponseReturnValue:
    """Redirect the browser; for htmx, which would swap in the page redirected to, by an HX-Redirect header."""
    if wants_fragment():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)


def set_cache_headers(response: Response) -> Response:
    """Set Vary and Cache-Control: as the route declares, else private."""
    if g.get("varies_by_htmx"):
        response.vary.update(VARY)
    if "Cache-Control" not in response.headers and (header := _cache_control(response)):
        response.headers["Cache-Control"] = header
    return response


def _cache_control(response: Response) -> str | None:
    options = route_options.current()
    if options.cache_control and response.status_code in {200, 304}:
        return options.cache_control
    if options.no_store:
        return "no-store"
    return "private, no-cache" if response.mimetype == "text/html" else None  # pages contain the visitor's cart badge
