"""Pictures that people send: looked at before they are decoded, then written anew.

Nothing of a file that was sent is kept but its pixels: what was hidden in it, or behind them, does not come through.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from enum import StrEnum
from typing import Any

from PIL import Image, ImageOps

from storefront.errors import DomainError

MOST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 25_000_000

_READ = ("PNG", "JPEG", "WEBP", "GIF")
_WRITTEN = {"PNG": "PNG", "GIF": "PNG", "JPEG": "JPEG", "WEBP": "WEBP"}  # of what moves, the first frame
_QUALITY: dict[str, dict[str, Any]] = {
    "PNG": {"optimize": False},
    "JPEG": {"quality": 85},
    "WEBP": {"quality": 85, "method": 4},
}
_ORIENTATION = 0x0112  # the EXIF tag
# What Pillow raises over files that are broken, or made to break it.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)


class Mistaken(StrEnum):
    """What a file that is no picture seems to be."""

    DRAWING = "drawing"  # SVG, which can hold scripts
    WEB_PAGE = "web page"
    EMPTY = "empty"
    OTHER = "other"  # something else, or a picture that is damaged


class NotAPicture(DomainError):
    """The file is no PNG, JPEG, WebP or GIF, whatever it is called, or it is broken. :ivar seems: what it is instead"""

    status = 415

    def __init__(self, seems: Mistaken) -> None:
        super().__init__(seems)
        self.seems = seems


class PictureTooLarge(DomainError):
    """The file has more than `MOST_BYTES`, or says that it has more than `MOST_PIXELS`."""

    status = 413


def written_anew(sent: bytes, *, longest: int, kind: str | None = None, is_square: bool = False) -> tuple[bytes, str]:
    """The pixels of a picture as a new file.

    :param longest: pixels it is wide and high at most
    :param kind: PNG, JPEG or WEBP; what it was if not given
    :param is_square: its middle, exactly `longest` wide and high
    :return: the file and its content type
    :raise PictureTooLarge: too many bytes or pixels
    :raise NotAPicture: it cannot be read as a picture
    """
    if len(sent) > MOST_BYTES:
        raise PictureTooLarge(f"{len(sent)} bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of oddities in the file; what matters is asked below
        try:
            picture = Image.open(io.BytesIO(sent), formats=_READ)  # reads the header only
        except Image.DecompressionBombError as error:
            raise PictureTooLarge("its header says so") from error
        except _BROKEN as error:
            raise NotAPicture(_seems(sent)) from error
        with picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise PictureTooLarge(f"{picture.width} x {picture.height}")
            kind = kind or _WRITTEN[picture.format or "PNG"]
            try:
                return _encoded(_pixels(picture, longest, is_square), kind), f"image/{kind.lower()}"
            except _BROKEN as error:
                raise NotAPicture(Mistaken.OTHER) from error


def _pixels(picture: Image.Image, longest: int, is_square: bool) -> Image.Image:
    """The first frame, small and upright, in colours that every format can hold."""
    picture.draft("RGB", (longest, longest))  # lets JPEG decode a fraction of its pixels
    orientation = picture.getexif().get(_ORIENTATION)
    picture.load()
    if picture.mode not in {"RGB", "RGBA", "L"}:
        has_alpha = "A" in picture.mode or "transparency" in picture.info
        picture = picture.convert("RGBA" if has_alpha else "RGB")
    if is_square:
        picture = ImageOps.fit(picture, (longest, longest))
    else:
        picture.thumbnail((longest, longest))
    if orientation in range(2, 9):
        picture.getexif()[_ORIENTATION] = orientation
        picture = ImageOps.exif_transpose(picture)
    return picture


def _encoded(picture: Image.Image, kind: str) -> bytes:
    bare = Image.new(picture.mode, picture.size)  # without comments, EXIF, XMP and colour profile
    bare.paste(picture)
    if kind == "JPEG" and bare.mode == "RGBA":
        bare = bare.convert("RGB")
    file = io.BytesIO()
    bare.save(file, kind, **_QUALITY[kind])
    return file.getvalue()


def _seems(sent: bytes) -> Mistaken:
    if not sent:
        return Mistaken.EMPTY
    beginning = sent[:1024].lower()
    if b"<svg" in beginning:
        return Mistaken.DRAWING
    is_markup = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<!doctype", b"<html", b"<?xml", b"<script"))
    return Mistaken.WEB_PAGE if is_markup else Mistaken.OTHER
