"""The old Angular client at /app/: the files of a build that SPA_DIR names, as they are.

They get a content policy of their own, and `index.html` one script of ours, `static/js/spa-companion.js`: it ends what
the client remembers of a sign-in when the session behind it ended, and the session when the client signs out.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, abort, current_app, redirect, request, send_file
from flask.typing import ResponseReturnValue
from markupsafe import escape
from werkzeug.security import safe_join

from storefront.web import session as web_session
from storefront.web.assets import A_YEAR, asset_url
from storefront.web.responses import query_suffix
from storefront.web.route_options import public_cache

HOME = "/app/"
COMPANION = "js/spa-companion.js"
# What the files of the build need: the handler that shows the stylesheet (by its hash), styles within the templates,
# fonts and the hero picture from elsewhere. `base-uri`: deep links live by <base href="/app/">.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; "
    "script-src 'self' 'unsafe-hashes' 'sha256-MhtPZXr7+LpJUY5qtMutB+qWfQtMaPccfe7QXtCcEYc='; "
    "style-src 'self' 'unsafe-inline' https://fonts.googleapis.com; font-src 'self' https://fonts.gstatic.com; "
    "img-src 'self' data: https:; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'; object-src 'none'"
)
# main-5KQZ3M2A.js of esbuild, main.0123456789abcdef.js of webpack; what carries no hash changes under its name.
_HASHED = re.compile(r".+(-[A-Z0-9]{8}|\.[0-9a-f]{16,20})\.[a-z0-9]+(\.map)?", re.ASCII)
_HEAD = re.compile(rb"<head[^>]*>", re.IGNORECASE)

bp = Blueprint("spa", __name__)


@bp.before_request
def redirect_to_public_origin() -> ResponseReturnValue | None:
    """The client calls the public origin by its full name: from a page of any other it could not sign in."""
    origin: str = current_app.config["PUBLIC_ORIGIN"]
    if request.host == urlsplit(origin).netloc:
        return None
    return redirect(origin + quote(request.path) + query_suffix())


@bp.after_request
def relax_csp(response: Response) -> Response:
    if response.status_code < 400:  # what is not there is told by a page of ours
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


@bp.get("/app")
def without_slash() -> ResponseReturnValue:
    return redirect(current_app.config["PUBLIC_ORIGIN"] + HOME)


@bp.get(HOME)
@bp.get(f"{HOME}<path:path>")
@public_cache()  # but for index.html, which says that it is private
def client(path: str = "") -> ResponseReturnValue:
    """A file of the build; or, for a page of the client, its index.html."""
    file = _find(path)
    if file is not None and file.name != "index.html":
        response = send_file(file, conditional=True, max_age=0)
        response.headers["Cache-Control"] = (
            f"public, max-age={A_YEAR}, immutable" if _HASHED.fullmatch(file.name) else "no-cache"
        )
        return response
    if "." in path.rpartition("/")[2] and path != "index.html":
        abort(404)
    return _index()


def _find(path: str) -> Path | None:
    """A file of the build; None where there is none, or it lies outside, be it by a link."""
    root: Path = current_app.config["SPA_DIR"]
    joined = safe_join(str(root), path) if path and "\0" not in path else None
    if joined is None or any(part.startswith(".") for part in Path(path).parts):
        return None
    try:
        file = Path(joined).resolve(strict=True)
    except OSError:  # no such file, or no name that a file could have
        return None
    return file if file.is_file() and file.is_relative_to(root) else None


def _index() -> Response:
    """With who is signed in for the companion to know; the build's own bytes are all there."""
    root: Path = current_app.config["SPA_DIR"]
    person = web_session.current_account()
    about = f'<meta name="storefront-user" content="{person.id if person else ""}">'
    script = f'<script src="{escape(asset_url(COMPANION))}"></script>'
    page = (root / "index.html").read_bytes()
    head = _HEAD.search(page)
    at = head.end() if head else 0
    response = Response(page[:at] + (about + script).encode() + page[at:], mimetype="text/html")
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
