"""Uploads that pretend to be images: malware, decompression bombs, polyglots and files with hidden data."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SCRIPT = b"<script>alert(document.cookie)</script>"


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: object) -> bytes:
    """A valid image."""
    file = io.BytesIO()
    Image.new(mode, size, "teal" if mode in {"RGB", "RGBA"} else 1).save(file, kind, **options)
    return file.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes = b"", *more: bytes) -> bytes:
    """A PNG whose header claims this size, whatever its data.

    :param rows: uncompressed pixel data
    :param more: further chunks
    """
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(rows, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + b"".join(more) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    )


def _text_bomb() -> bytes:
    """A PNG with a text chunk of about 100 KB that unpacks to 100 MB."""
    packed = zlib.compress(b"x" * 100_000_000, 9)
    return png(1, 1, b"\0\1\2\3", _chunk(b"zTXt", b"Comment\0\0" + packed), _chunk(b"iCCP", b"icc\0\0" + packed))


def _many_frames() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("L", (200, 200), n % 256) for n in range(400)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def _endless_gif() -> bytes:
    return picture("GIF")[:-2] + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00" * 1000


def _huge_jpeg() -> bytes:
    """A small JPEG whose header claims 65,500 x 65,500 pixels."""
    real = bytearray(picture("JPEG"))
    start = real.index(b"\xff\xc0") + 5
    real[start : start + 4] = struct.pack(">HH", 65500, 65500)
    return bytes(real)


# Files that must be refused, with the status; each is made on demand.
REFUSED: dict[str, tuple[int, Callable[[], bytes]]] = {
    "a web page": (415, lambda: b"<!doctype html>" + SCRIPT),
    "a drawing with a script": (415, lambda: b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>"),
    "a drawing behind an XML prolog": (415, lambda: b'<?xml version="1.0"?>\n<!DOCTYPE svg><svg onload="x()"/>'),
    "nothing": (415, lambda: b""),
    "a program": (415, lambda: b"\x7fELF" + b"\0" * 1000),
    "PostScript": (415, lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file quit"),
    "a bitmap of another kind": (415, lambda: picture("BMP")),
    "a TIFF": (415, lambda: picture("TIFF")),
    "a picture cut short": (415, lambda: picture("JPEG", (900, 900))[:3000]),
    "a header and no pixels": (415, lambda: png(50, 50)),
    "only the first bytes of a PNG": (415, lambda: b"\x89PNG\r\n\x1a\n" + SCRIPT),
    "a flood of pixels": (413, lambda: png(50_000, 50_000)),
    "a flood of pixels that is really there": (413, lambda: png(8000, 4000, b"\0" * 4000 * 24001)),
    "a JPEG that says it is huge": (413, _huge_jpeg),
    "too many bytes": (413, lambda: picture() + b"\0" * (6 * 1024 * 1024)),
}


def _with_location() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif.get_ifd(0x8825)[2] = (18.0, 31.0, 12.0)
    return picture("JPEG", exif=exif, comment=SCRIPT)


def _with_text() -> bytes:
    info = PngInfo()
    info.add_text("Comment", SCRIPT.decode())
    return picture("PNG", pnginfo=info) + SCRIPT


# Valid images with something else in them: accepted, but only the image may be stored.
MADE_HARMLESS: dict[str, Callable[[], bytes]] = {
    "a web page behind a GIF": lambda: picture("GIF") + b"<!doctype html>" + SCRIPT,
    "a PNG with a script in its remarks and behind it": _with_text,
    "a JPEG that says where it was taken": _with_location,
    "a JPEG with a colour profile that is rubbish": lambda: picture("JPEG", icc_profile=SCRIPT * 50),
    "a WebP with XMP": lambda: picture("WEBP", xmp=b"<x:xmpmeta>" + SCRIPT + b"</x:xmpmeta>"),
    "a GIF of four hundred frames": _many_frames,
    "a GIF whose loops never end": _endless_gif,
    "an archive behind a PNG": lambda: picture() + b"PK\x03\x04" + SCRIPT,
}
# Refused or accepted, depending on the version of Pillow; either way they must do no harm.
EITHER: dict[str, Callable[[], bytes]] = {"remarks that unpack to a hundred megabytes": _text_bomb}
