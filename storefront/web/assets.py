"""Static files at hashed addresses, and the one stylesheet made of all CSS files."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, request, url_for

from storefront.web.route_options import public_cache

A_YEAR = 365 * 24 * 3600  # seconds


bp = Blueprint("assets", __name__)


class Assets:
    """Static files by the hash of their content, and the one stylesheet that all css files are joined to."""

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
    """All css files in one. An old hash is gone: the page that names it is stale, and says so by a reload."""
    assets: Assets = current_app.extensions["assets"]
    if digest != assets.stylesheet_hash:
        abort(404)
    return Response(assets.stylesheet, mimetype="text/css")


def stylesheet_url() -> str:
    return url_for("assets.stylesheet", digest=current_app.extensions["assets"].stylesheet_hash)


def asset_url(name: str) -> str:
    """The address of a file below `static/`, with its hash, so that browsers may keep it for good."""
    assets: Assets = current_app.extensions["assets"]
    return assets.url_of(name)


def cache_static(response: Response) -> Response:
    """Files below `static/` are immutable where their address holds their hash."""
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response
