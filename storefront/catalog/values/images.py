"""Product images: their sizes, their addresses and the value that templates render."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storefront.core.image_processing import widths_of

DEFAULT_IMAGE_SIZE = 256  # pixels, width and height of the demo shop's illustrations below `static/`
WIDTHS = (320, 640, 1280)  # pixels; an uploaded image is resized to each of these that is narrower than itself

_MEDIA_PATH = re.compile(r"(/media/[0-9a-f]{32}-)([0-9]{1,4})(\.webp)")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of a product or category.

    :ivar source: a path below `static/`, the shop's own `/media/` path for an uploaded image, or a full http(s) URL
    :ivar width: of the file at `source`, in pixels
    :ivar height: of the file at `source`, in pixels
    """

    source: str
    alt: str
    width: int = DEFAULT_IMAGE_SIZE
    height: int = DEFAULT_IMAGE_SIZE

    @property
    def stretch(self) -> float:
        """Return the factor, at least 1, by which the image is wider than the square tile that it fills."""
        return max(1.0, self.width / self.height)

    @property
    def sources(self) -> tuple[tuple[str, int], ...]:
        """List every stored width for a `srcset`.

        :return: pairs of URL and width in pixels, narrowest first; empty for an image that exists in one size only
        """
        parts = _MEDIA_PATH.fullmatch(self.source)
        if parts is None:
            return ()
        prefix, width, suffix = parts.groups()
        return tuple((f"{prefix}{each}{suffix}", each) for each in widths_of(int(width), WIDTHS))


def media_path(digest: str, width: int) -> str:
    """Return the URL path of an uploaded image.

    :param digest: SHA-256 of the stored original, hexadecimal
    :param width: in pixels
    """
    return f"/media/{media_name(digest, width)}"


def media_name(digest: str, width: int) -> str:
    """Return the file name of an uploaded image at one width.

    :param digest: SHA-256 of the stored original, hexadecimal
    :param width: in pixels
    """
    return f"{digest[:32]}-{width}.webp"


def is_photo(source: str) -> bool:
    """Tell whether an image fills its tile; the illustrations of the demo shop do not.

    :param source: as in `Picture.source`
    """
    return source.startswith(("http://", "https://", "/"))


def thumbnail_url(source: str) -> str:
    """Return the address of the narrowest stored width, for cart lines and order lines.

    :param source: as in `Picture.source`
    """
    parts = _MEDIA_PATH.fullmatch(source)
    return f"{parts[1]}{min(int(parts[2]), WIDTHS[0])}{parts[3]}" if parts else source
