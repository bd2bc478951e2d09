"""Processing of uploaded images: checked before decoding, then re-encoded.

Only the pixels of an upload are kept: metadata and anything appended to the file are dropped.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from PIL import Image, ImageOps

from storefront.core.errors import DomainError
from storefront.core.image_colour import in_mode, in_srgb, working_mode
from storefront.core.image_cost import is_costly
from storefront.core.waiting_line import Busy, WaitingLine

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 25_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an upload.

    :ivar most_bytes: size of the file
    :ivar most_pixels: width × height, as its header says
    """

    most_bytes: int
    most_pixels: int


FROM_ANYONE = Limits(MAX_BYTES, MAX_PIXELS)
FROM_STAFF = Limits(10 * 1024 * 1024, 40_000_000)  # photographs of a 40-megapixel camera

Result = TypeVar("Result")

_READ = ("PNG", "JPEG", "WEBP", "GIF")
# Of an animation, the first frame; of several pictures in one JPEG, as telephones write them (MPO), the first.
_WRITTEN = {"PNG": "PNG", "GIF": "PNG", "JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WEBP"}
_QUALITY: dict[str, dict[str, Any]] = {
    "PNG": {"optimize": False},
    "JPEG": {"quality": 85},
    "WEBP": {"quality": 85, "method": 4},
}
_RENDITION_QUALITY = {"quality": 80, "method": 4}  # of WebP; measured in docs/decisions/0014
_ORIENTATION = 0x0112  # the EXIF tag
_STRIP = 64  # rows of the reduced image that are made at a time
# What Pillow raises for damaged or hostile files.
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
    """The kind of a file that is not an accepted image."""

    DRAWING = "drawing"  # SVG, which can contain scripts
    WEB_PAGE = "web page"
    EMPTY = "empty"
    COSTLY = "costly"  # an image that takes too long to read: too many scans or parts
    OTHER = "other"  # something else, or a damaged image


class InvalidImage(DomainError):
    """The content of the file is not PNG, JPEG, WebP or GIF, or it is damaged.

    :ivar seems: what it seems to be instead
    """

    status = 415

    def __init__(self, seems: FileKind) -> None:
        super().__init__(seems)
        self.seems = seems


class ImageTooLarge(DomainError):
    """The file exceeds its `Limits` in bytes or pixels."""

    status = 413


class DecoderBusy(Busy):
    """Other images are being processed, and the place was not free in time. Nothing was decoded."""


# One image at a time in a process: 40 megapixels take 250 MB, as WebP 650 MB.
_decoder = WaitingLine(at_once=1, waiting=2, seconds=4, refused_with=DecoderBusy)


@dataclass(frozen=True, slots=True)
class Renditions:
    """A re-encoded image.

    :ivar content: in its original format
    :ivar content_type: of `content`
    :ivar widths: WebP renditions by width in pixels
    :ivar height: of the widest rendition, in pixels
    """

    content: bytes
    content_type: str
    widths: Mapping[int, bytes]
    height: int


def reencode(sent: bytes, *, longest: int, kind: str | None = None, is_square: bool = False) -> tuple[bytes, str]:
    """Re-encode an uploaded image, without metadata.

    :param longest: maximum width and height in pixels
    :param kind: PNG, JPEG or WEBP; by default its own format
    :param is_square: crop it to its middle, exactly `longest` wide and high
    :return: the file and its content type
    :raise ImageTooLarge: too many bytes or pixels, by `FROM_ANYONE`
    :raise InvalidImage: it cannot be read as an image
    :raise DecoderBusy: other images are being processed
    """

    def write(picture: Image.Image, was: str) -> tuple[bytes, str]:
        pixels = _strip_metadata(_pixels(picture, longest, is_square))
        return _encoded(pixels, kind or was), f"image/{(kind or was).lower()}"

    return _process(sent, FROM_ANYONE, write)


def make_renditions(sent: bytes, *, longest: int, widths: Sequence[int], limits: Limits = FROM_ANYONE) -> Renditions:
    """Re-encode an uploaded image, without metadata: one large file, and narrower renditions for pages.

    :param longest: maximum width and height of the large file in pixels
    :param widths: of the renditions, narrowest first; an image is never enlarged
    :raise ImageTooLarge: too many bytes or pixels
    :raise InvalidImage: it cannot be read as an image
    :raise DecoderBusy: other images are being processed
    """

    def write(picture: Image.Image, was: str) -> Renditions:
        pixels = _strip_metadata(_pixels(picture, longest, False))
        shown = _strip_metadata(pixels, "RGBA" if pixels.mode == "RGBA" else "RGB")
        narrower = {width: _scaled(shown, width) for width in widths_of(pixels.width, widths)}
        return Renditions(
            content=_encoded(pixels, was),
            content_type=f"image/{was.lower()}",
            widths={width: _encoded(shown, "WEBP", _RENDITION_QUALITY) for width, shown in narrower.items()},
            height=max(shown.height for shown in narrower.values()),
        )

    return _process(sent, limits, write)


def widths_of(width: int, widths: Sequence[int]) -> tuple[int, ...]:
    """The widths that an image is rendered in, without enlarging it; its own width is the last if it is smaller."""
    widest = min(width, widths[-1])
    return (*(narrower for narrower in widths if narrower < widest), widest)


def _scaled(picture: Image.Image, width: int) -> Image.Image:
    if width == picture.width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _process(sent: bytes, limits: Limits, write: Callable[[Image.Image, str], Result]) -> Result:
    """Open an upload within its limits and process it.

    :param write: takes the image, not yet decoded, and the format to write
    """
    if len(sent) > limits.most_bytes:
        raise ImageTooLarge(f"{len(sent)} bytes")
    if is_costly(sent):
        raise InvalidImage(FileKind.COSTLY)
    with _opened(sent) as picture:
        if picture.width * picture.height > limits.most_pixels:
            raise ImageTooLarge(f"{picture.width} x {picture.height}")
        try:
            with _decoder.place():
                return write(picture, _WRITTEN[picture.format or "PNG"])
        except _BROKEN as error:
            raise InvalidImage(FileKind.OTHER) from error


@contextmanager
def _opened(sent: bytes) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about oddities of the file
        try:
            picture = Image.open(io.BytesIO(sent), formats=_READ)  # reads only the header
        except Image.DecompressionBombError as error:
            raise ImageTooLarge("decompression bomb") from error
        except _BROKEN as error:
            raise InvalidImage(_seems(sent)) from error
        with picture:
            yield picture


def _pixels(picture: Image.Image, longest: int, is_square: bool) -> Image.Image:
    """The first frame, scaled down and upright, in sRGB and a colour mode that every format supports."""
    picture.draft("RGB", (longest, longest))  # lets JPEG decode a fraction of its pixels
    orientation, profile = picture.getexif().get(_ORIENTATION), picture.info.get("icc_profile")
    picture.load()
    picture = _reduced(picture, working_mode(picture), (min if is_square else max)(picture.size) // (2 * longest))
    if is_square:
        picture = ImageOps.fit(picture, (longest, longest))
    else:
        picture.thumbnail((longest, longest))
    picture = in_srgb(picture, profile)
    if orientation in range(2, 9):
        picture.getexif()[_ORIENTATION] = orientation
        picture = ImageOps.exif_transpose(picture)
    return picture


def _reduced(picture: Image.Image, mode: str, factor: int) -> Image.Image:
    """Scale a large image down by a whole factor, strip by strip: at once Pillow would copy all of its pixels."""
    if factor < 2:
        return in_mode(picture, mode)
    small = Image.new(mode, (-(-picture.width // factor), -(-picture.height // factor)))
    height = factor * _STRIP
    for top in range(0, picture.height, height):
        strip = picture.crop((0, top, picture.width, min(top + height, picture.height)))
        small.paste(in_mode(strip, mode).reduce(factor), (0, top // factor))
    return small


def _strip_metadata(picture: Image.Image, mode: str = "") -> Image.Image:
    """Copy an image without comments, EXIF, XMP and colour profile.

    :param mode: colour mode of the copy; by default its own
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
