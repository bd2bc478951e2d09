"""The small files at addresses that browsers and people try without being told: icons, the manifest, /.well-known."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, json, redirect, request, url_for
from flask.typing import ResponseReturnValue

from storefront.core import clock
from storefront.web.assets import asset_url
from storefront.web.route_options import public_cache

bp = Blueprint("well_known", __name__)

A_DAY, A_MONTH = 24 * 3600, 30 * 24 * 3600  # seconds
CONTACT_HOLDS = timedelta(days=180)  # RFC 9116 wants less than a year
PAPER = "#fbfaf7"  # the page's colour by day: static/css/tokens.css


@bp.get("/favicon.ico")
@public_cache(A_MONTH)
def favicon() -> ResponseReturnValue:
    """For browsers that take no SVG, and whatever shows a site's icon without having read its page."""
    return _icon("favicon.ico", "image/vnd.microsoft.icon")


@bp.get("/apple-touch-icon.png")
@public_cache(A_MONTH)
def touch_icon() -> ResponseReturnValue:
    """For the home screens of phones, which cut its corners themselves."""
    return _icon("touch-180.png", "image/png")


def _icon(name: str, mimetype: str) -> Response:
    return public_file((Path(str(current_app.static_folder)) / "icons" / name).read_bytes(), mimetype)


@bp.get("/site.webmanifest")
@public_cache(A_DAY)
def manifest() -> ResponseReturnValue:
    """How the shop looks when it is put on a home screen."""
    config = current_app.config
    icons = [
        {"src": asset_url(f"icons/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in (192, 512)
        for purpose in ("any", "maskable")
    ]
    facts = {
        "name": config["SHOP_NAME"],
        "description": config["SHOP_TAGLINE"],
        "lang": "en",
        "start_url": url_for("catalog.home"),
        "scope": url_for("catalog.home"),
        "display": "minimal-ui",
        "background_color": PAPER,
        "theme_color": PAPER,
        "icons": icons,
    }
    return public_file(json.dumps(facts), "application/manifest+json")


@bp.get("/.well-known/security.txt")
@public_cache(A_DAY)
def security_txt() -> ResponseReturnValue:
    """Whom to tell of a weakness: RFC 9116. A shop whose mail goes nowhere has none."""
    mail: str = current_app.config["SHOP_MAIL"]
    if mail.endswith("@localhost"):
        abort(404)
    expires = clock.start_of_day(clock.today() + CONTACT_HOLDS)
    address = current_app.config["PUBLIC_ORIGIN"] + url_for(".security_txt")
    lines = (f"Contact: mailto:{mail}", f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}", f"Canonical: {address}")
    return public_file("\n".join([*lines, "Preferred-Languages: en", ""]), "text/plain")


@bp.get("/.well-known/change-password")
def change_password() -> ResponseReturnValue:
    """Where keepers of passwords send people to change one: w3.org/TR/change-password-url."""
    return redirect(url_for("security.password"), 303)


def public_file(content: str | bytes, mimetype: str) -> Response:
    """A file that need not be sent again to who asks with its ETag; its route says how long it may be kept."""
    response = Response(content, mimetype=mimetype)
    response.add_etag()
    response.make_conditional(request)
    return response
