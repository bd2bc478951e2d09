"""What an image costs besides its pixels: scans and parts, counted before anything is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from storefront.core.image_cost import MAX_GIF_BLOCKS, MAX_JPEG_SEGMENTS, MAX_PNG_CHUNKS, MAX_SCANS, is_costly
from storefront.core.image_processing import FileKind, InvalidImage, reencode
from tests.hostile_files import picture

SOS = b"\xff\xda"


def jpeg_with_scans(extra: int, claimed: tuple[int, int] | None = None) -> bytes:
    """A progressive JPEG whose last scan is repeated.

    :param claimed: width and height that its header claims
    """
    sent = bytearray(picture("JPEG", (64, 64), progressive=True))
    last = sent.rindex(SOS)
    scan = bytes(sent[last : last + 2 + int.from_bytes(sent[last + 2 : last + 4], "big")]) + b"\0"
    if claimed is not None:
        frame = sent.index(b"\xff\xc2") + 5
        sent[frame : frame + 4] = struct.pack(">HH", claimed[1], claimed[0])
    return bytes(sent[:-2]) + scan * extra + b"\xff\xd9"


def jpeg_with(part: bytes, count: int) -> bytes:
    sent = picture("JPEG")
    return sent[:2] + part * count + sent[2:]


def png_with_chunks(count: int) -> bytes:
    sent = picture("PNG")
    chunk = struct.pack(">I", 0) + b"prVt" + struct.pack(">I", zlib.crc32(b"prVt"))
    return sent[:33] + chunk * count + sent[33:]


def gif_with_blocks(count: int) -> bytes:
    sent = picture("GIF", mode="P")
    start = 13 + (3 << (sent[10] & 7) + 1)
    return sent[:start] + b"\x21\xfe" + b"\x01x" * count + b"\0" + sent[start:]


def gif_with_extensions(count: int) -> bytes:
    sent = picture("GIF", mode="P")
    start = 13 + (3 << (sent[10] & 7) + 1)
    return sent[:start] + b"\x21\xfe\0" * count + sent[start:]


COSTLY: dict[str, Callable[[], bytes]] = {
    "two thousand scans": lambda: jpeg_with_scans(2000),
    "one scan too many": lambda: jpeg_with_scans(MAX_SCANS),
    "forty scans of forty megapixels": lambda: jpeg_with_scans(30, (8000, 5000)),
    "empty segments": lambda: jpeg_with(b"\xff\xe3\x00\x02", MAX_JPEG_SEGMENTS),
    "segments that claim no length": lambda: jpeg_with(b"\xff\xfe\x00\x00", MAX_JPEG_SEGMENTS),
    "filled markers": lambda: jpeg_with(b"\xff\xff\xff\xe3\x00\x02", MAX_JPEG_SEGMENTS),
    "empty chunks": lambda: png_with_chunks(MAX_PNG_CHUNKS),
    "blocks of one byte": lambda: gif_with_blocks(MAX_GIF_BLOCKS),
    "empty extensions": lambda: gif_with_extensions(MAX_GIF_BLOCKS),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_file_whose_cost_its_pixels_do_not_show_is_refused_before_decoding(name: str) -> None:
    """B2: scans of a JPEG, parts of any format."""
    with pytest.raises(InvalidImage) as refusal:
        reencode(COSTLY[name](), longest=256)
    assert refusal.value.seems is FileKind.COSTLY


HONEST: dict[str, Callable[[], bytes]] = {
    "progressive": lambda: picture("JPEG", (900, 700), progressive=True),
    "progressive, of twelve scans, at forty megapixels": lambda: jpeg_with_scans(2, (8000, 5000)),
    "with restart markers in every row": lambda: picture("JPEG", (900, 700), restart_marker_rows=1),
    "with a megabyte of data after its end": lambda: picture("JPEG") + SOS * 500_000,
    "PNG with a megabyte of data after its end": lambda: picture("PNG") + bytes(1_000_000),
    "with a large profile in many segments": lambda: picture("JPEG", icc_profile=b"p" * 2_000_000),
    "with other scans in a thumbnail": lambda: jpeg_with(b"\xff\xe1" + struct.pack(">H", 2 + 60_000) + SOS * 30_000, 1),
    "PNG of ten megapixels": lambda: picture("PNG", (4000, 2500)),
    "GIF of fifty frames": lambda: _frames(50),
    "WebP": lambda: picture("WEBP"),
}


def _frames(count: int) -> bytes:
    file, frames = io.BytesIO(), [Image.new("L", (20, 20), n) for n in range(count)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


@pytest.mark.parametrize("name", HONEST)
def test_what_cameras_and_editors_write_is_not_costly(name: str) -> None:
    assert not is_costly(HONEST[name]())


@pytest.mark.parametrize("beginning", [b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
@pytest.mark.parametrize("rest", [b"", b"\xff", b"\0" * 9, b"\x21", b"\x2c" * 12, b"\xff\xda", b"\xff\xc0\0\x11"])
def test_a_file_cut_anywhere_can_be_counted(beginning: bytes, rest: bytes) -> None:
    assert not is_costly(beginning + rest)
