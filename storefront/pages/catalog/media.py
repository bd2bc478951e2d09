"""Serves uploaded images at content-addressed URLs, and the template filters for image markup."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from storefront.catalog.media import gallery
from storefront.catalog.values import Picture, is_photo, thumbnail_url
from storefront.web.route_options import public_cache

bp = Blueprint("media", __name__)

A_YEAR = 365 * 24 * 3600  # seconds

# Widths of the square tiles that images fill, as values of the `sizes` attribute.
_TILES = {
    "card": "(min-width: 64rem) 290px, (min-width: 40rem) 31vw, 47vw",
    "stage": "(min-width: 75rem) 720px, (min-width: 48rem) 55vw, 94vw",
    "line": "104px",
    "thumb": "72px",
}
_TILE_WIDTH = re.compile("([0-9]+)(px|vw)")


@bp.app_template_filter()
def source_set(picture: Picture) -> str:
    """Return the `srcset` of an image; empty when it exists in one size only."""
    return ", ".join(f"{address} {width}w" for address, width in picture.sources)


@bp.app_template_filter()
def source_sizes(picture: Picture, place: str) -> str:
    """Return the `sizes` of an image in the tiles of a place; a landscape image is wider than its tile.

    :param place: a key of `_TILES`
    """
    return _TILE_WIDTH.sub(lambda tile: f"{round(int(tile[1]) * picture.stretch)}{tile[2]}", _TILES[place])


@bp.app_template_filter()
def smallest(picture: Picture | str) -> str:
    """Return the address of an image in its smallest size.

    :param picture: the image, or its source
    """
    return thumbnail_url(picture if isinstance(picture, str) else picture.source)


@bp.app_template_test()
def photo(picture: Picture | str | None) -> bool:
    """Test whether an image, given itself or by its source, fills its tile."""
    if not picture:
        return False
    return is_photo(picture if isinstance(picture, str) else picture.source)


@bp.get("/media/<name>")
@public_cache(A_YEAR, immutable=True)
def media(name: str) -> ResponseReturnValue:
    """Serve an image at one of its widths; other origins may embed it, such as the old client and e-mails."""
    content = gallery.get_media(name)
    response = Response(content, mimetype="image/webp")
    response.set_etag(name.removesuffix(".webp"))  # the name is a content hash
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response.make_conditional(request)
