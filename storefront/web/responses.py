"""How a view ends: with a page or its moving part, with something done, or with a refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import flash, g, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from storefront.web import route_options

VARY = ("HX-Request", "HX-Request-Type", "HX-History-Restore-Request", "HX-Boosted")

# Where pages and the API share a prefix, what is the API's although no endpoint was found: contract section 2.1.
_JSON_PATHS = re.compile(
    r"(?s)/(?:auth|users|api|health)(?:/.*)?"
    r"|/cart/(?!lines(?:/|$)).+"
    r"|/products/(?:batch|image)(?:/.*)?"
    r"|/products/[^/]+/.+"
)


def wants_json() -> bool:
    """True for a request to the JSON API, whether it has such an endpoint or not."""
    if request.url_rule is not None:
        return route_options.current().is_json
    return is_json_path(request.method, request.path)


def is_json_path(method: str, path: str) -> bool:
    """Whether a path belongs to the API, before anybody knows the endpoint. GET /checkout is a page, POST is not."""
    if path.rstrip("/") == "/checkout":
        return method not in {"GET", "HEAD"}
    return _JSON_PATHS.fullmatch(path) is not None


def wants_fragment() -> bool:
    """True when htmx asks for a part of a page; the only reader of htmx's headers.

    A history restore, a boosted link and a request for a full page get the page.
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
    """A page; or its moving part, when there is one and htmx asks for it."""
    if fragment is not None and wants_fragment():
        template = fragment
    return make_response(render_template(template, **context), status)


def answer(fragment: str, *, otherwise: str, notice: str = "", **context: Any) -> ResponseReturnValue:
    """Something was done: the fragment for htmx, else the notice is kept and the browser goes to `otherwise`."""
    if wants_fragment():
        return make_response(render_template(fragment, notice=notice, **context))
    if notice:
        flash(notice, "notice")
    return redirect(otherwise, 303)


def refuse(
    fragment: str, *, otherwise: str, problem: str, context: Mapping[str, Any], page: str | None = None
) -> ResponseReturnValue:
    """Nothing was done: 422 with the fragment or the form's own page; a form without one sends back to `otherwise`."""
    if wants_fragment():
        return make_response(render_template(fragment, problem=problem, **context), 422)
    if page is not None:
        return make_response(render_template(page, problem=problem, **context), 422)
    flash(problem, "problem")
    return redirect(otherwise, 303)


def query_suffix() -> str:
    """The query string as it came, with its question mark, for an address that is put right; empty without one.

    `url_for` would take names such as `endpoint` or `_scheme` for its own.
    """
    return f"?{request.query_string.decode('latin-1')}" if request.query_string else ""


def redirect_or_hx(url: str) -> ResponseReturnValue:
    """Send the browser elsewhere, also out of an htmx request, which would swap a redirect's page in."""
    if wants_fragment():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)


def set_cache_headers(response: Response) -> Response:
    """Tell caches what the answer depends on, and who may keep it: what its route says, else its visitor."""
    if g.get("varies_by_htmx"):
        response.vary.update(VARY)
    if "Cache-Control" not in response.headers and (kept := _cache_control(response)):
        response.headers["Cache-Control"] = kept
    return response


def _cache_control(response: Response) -> str | None:
    options = route_options.current()
    if options.cache_control and response.status_code in {200, 304}:
        return options.cache_control
    if options.no_store:
        return "no-store"
    return "private, no-cache" if response.mimetype == "text/html" else None  # pages carry the visitor's badge
