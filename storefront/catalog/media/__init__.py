"""Product images and their storage."""

from __future__ import annotations

from storefront.catalog.media import gallery
from storefront.catalog.media.images import add_picture, get_picture

__all__ = [
    "add_picture",
    "gallery",
    "get_picture",
]
