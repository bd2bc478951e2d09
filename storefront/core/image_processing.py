"""Pictures that people send: looked at before they are decoded, then written anew.

Nothing of a file that was sent is kept but its pixels: what was hidden in it, or behind them, does not come through.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from PIL import Image, ImageOps

from storefront.core.errors import DomainError

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 25_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still looked at.

    :ivar most_bytes: of the file
    :ivar most_pixels: that it says it has
    """

    most_bytes: int
    most_pixels: int


FROM_ANYONE = Limits(MAX_BYTES, MAX_PIXELS)
FROM_STAFF = Limits(10 * 1024 * 1024, 40_000_000)  # what a camera of 40 megapixels makes

Result = TypeVar("Result")

_READ = ("PNG", "JPEG", "WEBP", "GIF")
_WRITTEN = {"PNG": "PNG", "GIF": "PNG", "JPEG": "JPEG", "WEBP": "WEBP"}  # of what moves, the first frame
_QUALITY: dict[str, dict[str, Any]] = {
    "PNG": {"optimize": False},
    "JPEG": {"quality": 85},
    "WEBP": {"quality": 85, "method": 4},
}
_NARROWER_QUALITY = {"quality": 80, "method": 4}  # of WebP; measured in docs/decisions/0014
_ORIENTATION = 0x0112  # the EXIF tag
_STRIP = 64  # rows of what a picture is reduced to, at once
# Pictures decoded at once in one process: 40 megapixels take 250 MB, as WebP 650 MB.
_decode_slots = threading.BoundedSemaphore(1)
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


class FileKind(StrEnum):
    """What a file that is no picture seems to be."""

    DRAWING = "drawing"  # SVG, which can hold scripts
    WEB_PAGE = "web page"
    EMPTY = "empty"
    OTHER = "other"  # something else, or a picture that is damaged


class InvalidImage(DomainError):
    """The file is no PNG, JPEG, WebP or GIF, whatever it is called, or it is broken.

    :ivar seems: what it is instead
    """

    status = 415

    def __init__(self, seems: FileKind) -> None:
        super().__init__(seems)
        self.seems = seems


class ImageTooLarge(DomainError):
    """The file has more bytes than its `Limits`, or says that it has more pixels."""

    status = 413


@dataclass(frozen=True, slots=True)
class Renditions:
    """A picture written anew.

    :ivar content: in the kind that it was
    :ivar widths: the same as WebP, by width in pixels
    :ivar height: of the widest of these, in pixels
    """

    content: bytes
    content_type: str
    widths: Mapping[int, bytes]
    height: int


def reencode(sent: bytes, *, longest: int, kind: str | None = None, is_square: bool = False) -> tuple[bytes, str]:
    """The pixels of a picture as a new file.

    :param longest: pixels it is wide and high at most
    :param kind: PNG, JPEG or WEBP; what it was if not given
    :param is_square: its middle, exactly `longest` wide and high
    :return: the file and its content type
    :raise PictureTooLarge: too many bytes or pixels, by `FROM_ANYONE`
    :raise NotAPicture: it cannot be read as a picture
    """

    def write(picture: Image.Image, was: str) -> tuple[bytes, str]:
        pixels = _strip_metadata(_pixels(picture, longest, is_square))
        return _encoded(pixels, kind or was), f"image/{(kind or was).lower()}"

    return _made_of(sent, FROM_ANYONE, write)


def make_renditions(sent: bytes, *, longest: int, widths: Sequence[int], limits: Limits = FROM_ANYONE) -> Renditions:
    """The pixels of a picture as new files: one as large as is kept, and narrower ones for pages.

    :param longest: pixels it is wide and high at most
    :param widths: of the narrower ones, narrowest first; one that it does not have itself is not made up
    :raise PictureTooLarge: too many bytes or pixels
    :raise NotAPicture: it cannot be read as a picture
    """

    def write(picture: Image.Image, was: str) -> Renditions:
        pixels = _strip_metadata(_pixels(picture, longest, False))
        shown = _strip_metadata(pixels, "RGBA" if pixels.mode == "RGBA" else "RGB")
        narrower = {width: _narrowed(shown, width) for width in widths_of(pixels.width, widths)}
        return Renditions(
            content=_encoded(pixels, was),
            content_type=f"image/{was.lower()}",
            widths={width: _encoded(shown, "WEBP", _NARROWER_QUALITY) for width, shown in narrower.items()},
            height=max(shown.height for shown in narrower.values()),
        )

    return _made_of(sent, limits, write)


def widths_of(width: int, widths: Sequence[int]) -> tuple[int, ...]:
    """Those of the widths that a picture has itself, the last being its own if that is less than the widest."""
    widest = min(width, widths[-1])
    return (*(narrower for narrower in widths if narrower < widest), widest)


def _narrowed(picture: Image.Image, width: int) -> Image.Image:
    if width == picture.width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _made_of(sent: bytes, limits: Limits, write: Callable[[Image.Image, str], Result]) -> Result:
    """What is written of the picture in a file.

    :param write: takes the picture, not yet decoded, and its kind
    """
    if len(sent) > limits.most_bytes:
        raise ImageTooLarge(f"{len(sent)} bytes")
    with _opened(sent) as picture:
        if picture.width * picture.height > limits.most_pixels:
            raise ImageTooLarge(f"{picture.width} x {picture.height}")
        try:
            with _decode_slots:
                return write(picture, _WRITTEN[picture.format or "PNG"])
        except _BROKEN as error:
            raise InvalidImage(FileKind.OTHER) from error


@contextmanager
def _opened(sent: bytes) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of oddities in the file; what matters is asked for
        try:
            picture = Image.open(io.BytesIO(sent), formats=_READ)  # reads the header only
        except Image.DecompressionBombError as error:
            raise ImageTooLarge("its header says so") from error
        except _BROKEN as error:
            raise InvalidImage(_seems(sent)) from error
        with picture:
            yield picture


def _pixels(picture: Image.Image, longest: int, is_square: bool) -> Image.Image:
    """The first frame, small and upright, in colours that every format can hold."""
    picture.draft("RGB", (longest, longest))  # lets JPEG decode a fraction of its pixels
    orientation = picture.getexif().get(_ORIENTATION)
    picture.load()
    picture = _reduced(picture, _mode_of(picture), (min if is_square else max)(picture.size) // (2 * longest))
    if is_square:
        picture = ImageOps.fit(picture, (longest, longest))
    else:
        picture.thumbnail((longest, longest))
    if orientation in range(2, 9):
        picture.getexif()[_ORIENTATION] = orientation
        picture = ImageOps.exif_transpose(picture)
    return picture


def _mode_of(picture: Image.Image) -> str:
    if picture.mode in {"RGB", "RGBA", "L"}:
        return picture.mode
    return "RGBA" if "A" in picture.mode or "transparency" in picture.info else "RGB"


def _reduced(picture: Image.Image, mode: str, factor: int) -> Image.Image:
    """A picture far larger than it is to be, a whole number of times smaller; strip by strip, since what Pillow does to
    transparent or indexed pixels at once takes as much memory again.
    """
    if factor < 2:
        return picture if picture.mode == mode else picture.convert(mode)
    small = Image.new(mode, (-(-picture.width // factor), -(-picture.height // factor)))
    height = factor * _STRIP
    for top in range(0, picture.height, height):
        strip = picture.crop((0, top, picture.width, min(top + height, picture.height)))
        small.paste((strip if strip.mode == mode else strip.convert(mode)).reduce(factor), (0, top // factor))
    return small


def _strip_metadata(picture: Image.Image, mode: str = "") -> Image.Image:
    """The same without comments, EXIF, XMP and colour profile.

    :param mode: of its pixels, if not as it is
    """
    picture = picture.convert(mode) if mode and mode != picture.mode else picture
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    return bare


def _encoded(picture: Image.Image, kind: str, quality: Mapping[str, Any] | None = None) -> bytes:
    if kind == "JPEG" and picture.mode == "RGBA":
        picture = picture.convert("RGB")
    file = io.BytesIO()
    picture.save(file, kind, **(quality or _QUALITY[kind]))
    return file.getvalue()


def _seems(sent: bytes) -> FileKind:
    if not sent:
        return FileKind.EMPTY
    beginning = sent[:1024].lower()
    if b"<svg" in beginning:
        return FileKind.DRAWING
    is_markup = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<!doctype", b"<html", b"<?xml", b"<script"))
    return FileKind.WEB_PAGE if is_markup else FileKind.OTHER
