"""Colours of uploaded images: scaled from 16 bits, converted to sRGB from every profile."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from storefront.core.image_processing import make_renditions, reencode

FILES = Path(__file__).parent / "images"
TOLERANCE = 4  # of 255; JPEG loses some


def stored(sent: bytes) -> Image.Image:
    """What pages show of an upload, in its size."""
    made = make_renditions(sent, longest=1600, widths=(320,))
    return Image.open(io.BytesIO(made.content))


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def is_close(actual: object, expected: tuple[int, ...]) -> bool:
    values = actual if isinstance(actual, tuple) else (actual,)
    return all(abs(a - b) <= TOLERANCE for a, b in zip(values, expected, strict=True))


@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        ("multi-picture.jpg", "RGB", (220, 30, 30)),
        ("adobe-rgb.jpg", "RGB", (220, 30, 30)),
        ("gray-16-bit.png", "L", (10,)),
    ],
)
def test_files_of_cameras_and_scanners_show_their_colours(name: str, mode: str, expected: tuple[int, ...]) -> None:
    """D6: a multi-picture JPEG is read, 16-bit grey is scaled, Adobe RGB is converted."""
    shown = stored((FILES / name).read_bytes())
    assert (shown.mode, shown.size) == (mode, (240, 180))
    assert is_close(shown.getpixel((10, 10)), expected)
    assert "icc_profile" not in shown.info


def test_a_ramp_of_16_bit_grey_stays_a_ramp_however_large_it_is() -> None:
    """D6: also where an image is reduced strip by strip."""
    for width in (256, 1024):
        ramp = Image.new("I;16", (width, width))
        ramp.putdata([65535 * x // (width - 1) for x in range(width)] * width)
        content, _ = reencode(saved(ramp, "PNG"), longest=256)
        shown = Image.open(io.BytesIO(content))
        row = [shown.getpixel((x, 100)) for x in (0, 64, 128, 192, 255)]
        assert is_close(tuple(row), (0, 64, 128, 192, 255))


def cmyk_profile() -> bytes:
    """A made-up profile of a printing machine: two steps an ink, all white without ink, and every ink turns to red."""
    white, red, black = (255, 128, 128), (128, 208, 195), (0, 128, 128)
    grid = b""
    for corner in range(16):
        cyan, magenta, yellow, key = (corner >> n & 1 for n in (3, 2, 1, 0))
        grid += bytes(black if key else red if cyan or magenta or yellow else white)
    ramp = bytes(range(256))
    unit = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + unit + ramp * 4 + grid + ramp * 3
    tags = {b"A2B0": table, b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)}
    data, index, at = b"", struct.pack(">I", len(tags)), 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        index += name + struct.pack(">2I", at + len(data), len(content))
        data += padded
    head = struct.pack(">I4s4s4s4s4s", at + len(data), b"", b"\x02\x10\0\0", b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + index + data


def test_inks_are_converted_by_their_profile() -> None:
    """D6: CMYK; without a profile it is converted as ideal inks."""
    cyan = Image.new("CMYK", (64, 64), (255, 0, 0, 0))
    assert is_close(stored(saved(cyan, "JPEG", icc_profile=cmyk_profile())).getpixel((9, 9)), (240, 0, 0))
    assert is_close(stored(saved(cyan, "JPEG")).getpixel((9, 9)), (0, 255, 255))


def wide_profile() -> bytes:
    """The profile of the file in Adobe RGB."""
    with Image.open(FILES / "adobe-rgb.jpg") as picture:
        profile = picture.info["icc_profile"]
    assert isinstance(profile, bytes)
    return profile


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_stays_when_colours_are_converted(kind: str) -> None:
    sent = saved(Image.new("RGBA", (64, 64), (189, 35, 35, 100)), kind, icc_profile=wide_profile(), lossless=True)
    assert is_close(stored(sent).getpixel((9, 9)), (220, 30, 30, 100))


def test_palettes_are_converted() -> None:
    palette = Image.new("RGB", (64, 64), (189, 35, 35)).quantize(4)
    assert is_close(stored(saved(palette, "PNG", icc_profile=wide_profile())).getpixel((9, 9)), (220, 30, 30))


def test_an_image_is_turned_and_converted() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sent = saved(Image.new("RGB", (64, 32), (189, 35, 35)), "JPEG", quality=95, icc_profile=wide_profile(), exif=exif)
    assert stored(sent).size == (32, 64)
    assert is_close(stored(sent).getpixel((9, 9)), (220, 30, 30))


@pytest.mark.parametrize("profile", [b"rubbish", cmyk_profile(), cmyk_profile()[:200], b"\0" * 500_000])
def test_a_profile_that_fits_no_colours_of_the_file_is_passed_over(profile: bytes) -> None:
    sent = saved(Image.new("RGB", (64, 64), (220, 30, 30)), "PNG", icc_profile=profile)
    assert stored(sent).getpixel((9, 9)) == (220, 30, 30)


def test_srgb_stays_as_it_is() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    sent = saved(Image.new("RGB", (64, 64), (220, 130, 30)), "PNG", icc_profile=profile)
    assert is_close(stored(sent).getpixel((9, 9)), (220, 130, 30))
