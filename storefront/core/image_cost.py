"""What an image costs to read besides its pixels, counted in the file before anything is decoded.

A JPEG of 130 kB can have two thousand scans, each a pass over the whole image; a file of any format can be cut into
millions of parts, and Pillow reads the parts in Python. Cameras and editors stay far below each limit.
"""

from __future__ import annotations

import re
import struct

MAX_SCANS = 100  # of a JPEG; encoders write 1 to 15
MAX_SCANNED_PIXELS = 1_000_000_000  # scans × width × height: about one second; 40 megapixels in 12 scans are half of it
MAX_JPEG_SEGMENTS = 1_000  # those of 64 kB make 64 MB
MAX_PNG_CHUNKS = 20_000  # encoders write 8 kB in each, or more
MAX_GIF_BLOCKS = 20_000  # before the first frame ends; 255 bytes in each

_PNG = b"\x89PNG\r\n\x1a\n"
# The next marker of a JPEG; none is 00 (a stuffed byte), 01 and D0 to D7 stand within the data of a scan.
_MARKER = re.compile(rb"\xff+([^\x00\x01\xff\xd0-\xd7])")
_START_OF_SCAN, _START_OF_IMAGE, _END_OF_IMAGE = 0xDA, 0xD8, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # these three are tables


def is_costly(sent: bytes) -> bool:
    """Whether reading an image would take much longer than its pixels explain.

    Files that are no JPEG, PNG or GIF are not looked at: libwebp reads WebP by itself, and others are refused.
    """
    if sent.startswith(b"\xff\xd8"):
        return _is_costly_jpeg(sent)
    if sent.startswith(_PNG):
        return _is_costly_png(sent)
    return sent.startswith(b"GIF8") and _is_costly_gif(sent)


def _is_costly_jpeg(sent: bytes) -> bool:
    """Walk through the segments of the first image as libjpeg does."""
    at, scans, pixels = 2, 0, 0
    for _ in range(MAX_JPEG_SEGMENTS):
        marker = _MARKER.search(sent, at)
        if marker is None or marker[1][0] in {_START_OF_IMAGE, _END_OF_IMAGE}:
            return False
        kind, at = marker[1][0], marker.end()
        size = int.from_bytes(sent[at : at + 2], "big")
        if kind in _FRAMES:
            height, width = int.from_bytes(sent[at + 3 : at + 5], "big"), int.from_bytes(sent[at + 5 : at + 7], "big")
            pixels = max(pixels, width * height)
        scans += kind == _START_OF_SCAN
        if scans > MAX_SCANS or (scans > 1 and scans * pixels > MAX_SCANNED_PIXELS):
            return True
        at += max(size, 2)
    return True


def _is_costly_png(sent: bytes) -> bool:
    at = len(_PNG)
    for _ in range(MAX_PNG_CHUNKS):
        if at + 8 > len(sent) or sent[at + 4 : at + 8] == b"IEND":
            return False
        at += 12 + int(struct.unpack_from(">I", sent, at)[0])
    return True


def _is_costly_gif(sent: bytes) -> bool:
    at = 13 + _colours(sent, 10)
    blocks = 0
    while blocks < MAX_GIF_BLOCKS and at < len(sent):
        if sent[at] == 0x21:  # an extension
            is_frame, at = False, at + 2
        elif sent[at] == 0x2C:
            is_frame, at = True, at + 11 + _colours(sent, at + 9)
        else:
            return False
        while at < len(sent) and (size := sent[at]):
            blocks, at = blocks + 1, at + 1 + size
            if blocks >= MAX_GIF_BLOCKS and not is_frame:
                return True
        if is_frame:
            return False
        blocks, at = blocks + 1, at + 1
    return blocks >= MAX_GIF_BLOCKS


def _colours(sent: bytes, at: int) -> int:
    """Bytes of the colour table that the flags at a position announce."""
    flags = sent[at] if at < len(sent) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
