"""Colours of uploaded images: 16-bit grey scaled to 8 bits, and every colour profile converted to sRGB.

Stored images have no profile, and browsers take those for sRGB.
"""

from __future__ import annotations

import io

from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 4 * 1024 * 1024  # those of printing machines have about two
_TO_8_BITS = 1 / 257  # 65535 becomes 255
_SPACES = {"RGB": "RGB", "RGBA": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # colour spaces of profiles, ICC.1:2022 table 19


def working_mode(picture: Image.Image) -> str:
    """The mode in which an image is scaled: one that `in_srgb` takes."""
    if picture.mode in _SPACES:
        return picture.mode
    if picture.mode.startswith("I"):
        return "L"
    return "RGBA" if "A" in picture.mode or "transparency" in picture.info else "RGB"


def in_mode(picture: Image.Image, mode: str) -> Image.Image:
    """Convert an image to its working mode."""
    if picture.mode == mode:
        return picture
    if picture.mode.startswith("I"):  # Pillow would cut 16 bits off at 255, which is white
        picture = picture.point(lambda value: value * _TO_8_BITS)
    return picture.convert(mode)


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an image to sRGB: to mode RGB, RGBA or L.

    :param picture: in a working mode, already scaled: the conversion costs time for each pixel
    :param profile: ICC profile of the file. A damaged one, or one for another kind of colours, says nothing about the
        image, which then counts as sRGB
    """
    convert = _transform(picture.mode, profile)
    if convert is None:
        return picture.convert("RGB") if picture.mode == "CMYK" else picture
    if picture.mode == "RGBA":
        converted = convert.apply(picture.convert("RGB"))
        converted.putalpha(picture.getchannel("A"))
        return converted
    converted = convert.apply(picture)
    return converted.convert("L") if picture.mode == "L" else converted


def _transform(mode: str, profile: bytes | None) -> ImageCms.ImageCmsTransform | None:
    if not profile or len(profile) > MAX_PROFILE_BYTES:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != _SPACES[mode]:
            return None
        colours = "RGB" if mode == "RGBA" else mode
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), colours, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
