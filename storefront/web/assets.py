"""Static files at URLs with a content hash, and two stylesheets joined from the CSS files: the shop's, the desks'."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import rcssmin
from flask import Blueprint, Response, abort, current_app, request, url_for

from storefront.web.route_options import public_cache

A_YEAR = 365 * 24 * 3600  # seconds


bp = Blueprint("assets", __name__)


@dataclass(frozen=True, slots=True)
class Stylesheet:
    """Joined and minified CSS files.

    :ivar digest: of its content
    """

    content: str
    digest: str


class Assets:
    """The content hashes of static files, and the stylesheets by name.

    :ivar stylesheets: "store" for every page; "desk", after it, for staff and the pages that no shopper sees
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        css = root / "css"
        desk = sorted((css / "desk").glob("*.css"))
        store = sorted(set(css.rglob("*.css")) - set(desk), key=lambda path: (path.name != "layers.css", path))
        self.stylesheets = {"store": _joined(store), "desk": _joined(desk)}
        self.url_of = lru_cache(maxsize=None)(self._url_of)

    def _url_of(self, name: str) -> str:
        path = self._root / name
        return url_for("static", filename=name, v=_digest(path.read_bytes()) if path.is_file() else "")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _joined(files: list[Path]) -> Stylesheet:
    content = rcssmin.cssmin("\n".join(path.read_text() for path in files))
    return Stylesheet(content, _digest(content.encode()))


@bp.get("/assets/<any(store, desk):name>-<digest>.css")
@public_cache(A_YEAR, immutable=True)
def stylesheet(name: str, digest: str) -> Response:
    """Serve a joined stylesheet; 404 for the hash of an older version."""
    assets: Assets = current_app.extensions["assets"]
    if digest != assets.stylesheets[name].digest:
        abort(404)
    return Response(assets.stylesheets[name].content, mimetype="text/css")


def stylesheet_url(name: str = "store") -> str:
    """The URL of a joined stylesheet, with its hash."""
    assets: Assets = current_app.extensions["assets"]
    return url_for("assets.stylesheet", name=name, digest=assets.stylesheets[name].digest)


def asset_url(name: str) -> str:
    """The URL of a file below `static/`, with its hash, so that browsers can cache it forever."""
    assets: Assets = current_app.extensions["assets"]
    return assets.url_of(name)


def cache_static(response: Response) -> Response:
    """Let browsers cache a static file forever if its URL contains a hash."""
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response
