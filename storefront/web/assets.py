"""Static files at URLs with a content hash, and one stylesheet joined from all CSS files."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, request, url_for

from storefront.web.route_options import public_cache

A_YEAR = 365 * 24 * 3600  # seconds


bp = Blueprint("assets", __name__)


class Assets:
    """The content hashes of static files, and the joined stylesheet."""

    def __init__(self, root: Path) -> None:
        self._root = root
        files = sorted((root / "css").rglob("*.css"), key=lambda path: (path.name != "layers.css", path))
        self.stylesheet = "\n".join(path.read_text() for path in files)
        self.stylesheet_hash = _digest(self.stylesheet.encode())
        self.url_of = lru_cache(maxsize=None)(self._url_of)

    def _url_of(self, name: str) -> str:
        path = self._root / name
        return url_for("static", filename=name, v=_digest(path.read_bytes()) if path.is_file() else "")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


@bp.get("/assets/store-<digest>.css")
@public_cache(A_YEAR, immutable=True)
def stylesheet(digest: str) -> Response:
    """Serve the joined stylesheet; 404 for the hash of an older version."""
    assets: Assets = current_app.extensions["assets"]
    if digest != assets.stylesheet_hash:
        abort(404)
    return Response(assets.stylesheet, mimetype="text/css")


def stylesheet_url() -> str:
    """The URL of the joined stylesheet, with its hash."""
    return url_for("assets.stylesheet", digest=current_app.extensions["assets"].stylesheet_hash)


def asset_url(name: str) -> str:
    """The URL of a file below `static/`, with its hash, so that browsers can cache it forever."""
    assets: Assets = current_app.extensions["assets"]
    return assets.url_of(name)


def cache_static(response: Response) -> Response:
    """Let browsers cache a static file forever if its URL contains a hash."""
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response
