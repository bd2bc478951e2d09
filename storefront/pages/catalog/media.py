"""The files of pictures that were sent, at addresses that name their content."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from storefront.catalog.service import gallery
from storefront.catalog.values import Picture, is_photo, thumbnail_url
from storefront.web.route_options import public_cache

bp = Blueprint("media", __name__)

A_YEAR = 365 * 24 * 3600  # seconds

# How wide the square tiles are that pictures stand in, as `sizes` takes it; only widths are in px or vw.
_TILES = {
    "card": "(min-width: 64rem) 290px, (min-width: 40rem) 31vw, 47vw",
    "stage": "(min-width: 75rem) 720px, (min-width: 48rem) 55vw, 94vw",
    "line": "104px",
    "thumb": "72px",
}
_TILE_WIDTH = re.compile("([0-9]+)(px|vw)")


@bp.app_template_filter()
def source_set(picture: Picture) -> str:
    """The widths of a picture as `srcset` takes them; empty where there is the one only."""
    return ", ".join(f"{address} {width}w" for address, width in picture.sources)


@bp.app_template_filter()
def source_sizes(picture: Picture, place: str) -> str:
    """How wide a picture is drawn in the tiles of a place: one that lies stands out of its tile on both sides."""
    return _TILE_WIDTH.sub(lambda tile: f"{round(int(tile[1]) * picture.stretch)}{tile[2]}", _TILES[place])


@bp.app_template_filter()
def smallest(picture: Picture | str) -> str:
    """The source of a picture where it is shown small only.

    :param picture: or the source of one
    """
    return thumbnail_url(picture if isinstance(picture, str) else picture.source)


@bp.app_template_test()
def photo(picture: Picture | str | None) -> bool:
    """Whether a picture, or one of this source, fills its tile."""
    if not picture:
        return False
    return is_photo(picture if isinstance(picture, str) else picture.source)


@bp.get("/media/<name>")
@public_cache(A_YEAR, immutable=True)
def media(name: str) -> ResponseReturnValue:
    """A picture at one of its widths. Pages of other origins may show it: the old client, and letters."""
    content = gallery.get_media(name)
    response = Response(content, mimetype="image/webp")
    response.set_etag(name.removesuffix(".webp"))  # it names the content
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response.make_conditional(request)
