"""Re-encoding of uploaded images: size, orientation, metadata, limits."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from storefront.core.image_processing import (
    FROM_STAFF,
    MAX_BYTES,
    FileKind,
    ImageTooLarge,
    InvalidImage,
    make_renditions,
    reencode,
    widths_of,
)

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def a_picture(kind: str = "PNG", size: tuple[int, int] = (400, 300), colour: str = "teal", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind, **options)
    return file.getvalue()


def open_image(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_image_is_cropped_to_a_square_of_the_requested_format(kind: str) -> None:
    content, content_type = reencode(a_picture(kind), longest=256, kind="WEBP", is_square=True)
    assert (open_image(content).format, open_image(content).size, content_type) == ("WEBP", (256, 256), "image/webp")


def test_an_image_keeps_its_aspect_ratio_by_default() -> None:
    content, content_type = reencode(a_picture(), longest=200)
    assert (open_image(content).size, content_type) == ((200, 150), "image/png")


def test_an_image_is_rotated_by_its_exif_orientation_and_loses_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Secret Camera"
    content, _ = reencode(a_picture("JPEG", exif=exif), longest=400)
    assert open_image(content).size == (300, 400)
    assert b"Secret" not in content
    assert not open_image(content).getexif()


@pytest.mark.parametrize(
    ("sent", "seems"),
    [
        (SVG, FileKind.DRAWING),
        (b"<svg onload=alert(1)>", FileKind.DRAWING),
        (HTML, FileKind.WEB_PAGE),
        (b"\xef\xbb\xbf  <HTML>", FileKind.WEB_PAGE),
        (b"", FileKind.EMPTY),
        (b"%PDF-1.7", FileKind.OTHER),
        (b"\x89PNG\r\n\x1a\n", FileKind.OTHER),
        (b"BM" + bytes(60), FileKind.OTHER),
    ],
)
def test_a_file_that_is_no_image_is_refused_by_its_content(sent: bytes, seems: FileKind) -> None:
    with pytest.raises(InvalidImage) as refusal:
        reencode(sent, longest=256)
    assert refusal.value.seems is seems


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_image_is_refused(kind: str) -> None:
    whole = a_picture(kind, (900, 900), quality=95) if kind != "PNG" else a_picture(kind, (900, 900))
    with pytest.raises(InvalidImage):
        reencode(whole[: len(whole) // 3], longest=256)


def png_with_claimed_size(width: int, height: int) -> bytes:
    """The head of a PNG with the size it claims."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(5001, 5000), (60_000, 60_000), (2**31 - 1, 1)])
def test_too_many_pixels_are_refused_before_decoding(size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooLarge):
        reencode(png_with_claimed_size(*size), longest=256)


def test_too_many_bytes_are_refused_without_parsing() -> None:
    with pytest.raises(ImageTooLarge):
        reencode(bytes(MAX_BYTES + 1), longest=256)


# ------------------------------------------------------------------------------------------ at several widths

WIDTHS = (320, 640, 1280)


@pytest.mark.parametrize(
    ("width", "expected"), [(5000, WIDTHS), (1280, WIDTHS), (1279, (320, 640, 1279)), (320, (320,)), (1, (1,))]
)
def test_an_image_is_never_enlarged(width: int, expected: tuple[int, ...]) -> None:
    assert widths_of(width, WIDTHS) == expected


def test_renditions_have_the_requested_widths() -> None:
    made = make_renditions(a_picture("JPEG", (2400, 1200)), longest=1600, widths=WIDTHS)
    assert (open_image(made.content).size, made.content_type) == ((1600, 800), "image/jpeg")
    assert {width: open_image(content).size for width, content in made.widths.items()} == {
        320: (320, 160),
        640: (640, 320),
        1280: (1280, 640),
    }
    assert made.height == 640


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "LA", "I;16", "RGB"])
def test_an_image_reduced_strip_by_strip_looks_the_same(mode: str) -> None:
    """Dark above, light below: no strip is lost, turned or out of place."""
    whole = Image.new("RGB", (2000, 3001), "white")
    whole.paste((20, 20, 20), (0, 0, 2000, 1500))
    file = io.BytesIO()
    (Image.new("I;16", whole.size, 30000) if mode == "I;16" else whole.convert(mode)).save(file, "PNG")
    made = make_renditions(file.getvalue(), longest=200, widths=(50, 100))
    small = open_image(made.content).convert("L")
    assert small.size == (133, 200)
    if mode != "I;16":
        assert max(small.getpixel((60, y)) for y in (1, 50, 97)) < 40  # type: ignore[type-var]
        assert min(small.getpixel((60, y)) for y in (103, 150, 198)) > 240  # type: ignore[type-var]


def test_staff_have_higher_limits() -> None:
    large = a_picture("PNG", (6000, 6000))
    with pytest.raises(ImageTooLarge):
        make_renditions(large, longest=1600, widths=WIDTHS)
    assert open_image(make_renditions(large, longest=1600, widths=WIDTHS, limits=FROM_STAFF).content).size == (
        1600,
        1600,
    )


@pytest.mark.parametrize("size", [(8001, 5000), (5000, 8001)])
def test_more_than_forty_megapixels_are_refused_from_staff_too(size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooLarge):
        make_renditions(png_with_claimed_size(*size), longest=1600, widths=WIDTHS, limits=FROM_STAFF)
