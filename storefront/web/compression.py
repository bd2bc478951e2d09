"""Compression of responses: what is sent again and again is compressed well, once; the rest fast."""

from __future__ import annotations

import gzip
from functools import lru_cache

import brotli
import zstandard
from flask import Flask, request
from werkzeug.wrappers import Response

from storefront.core.cache_backends import BoundedStore

ENCODINGS = ("zstd", "br", "gzip")  # by preference: equally small, zstd takes a fifth of the time
COMPRESSIBLE = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/xml",
        "image/svg+xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/plain",
    }
)
MIN_BYTES = 1024  # a shorter body fits into one packet anyway
MAX_BYTES = 2_000_000  # of what is compressed in memory
KEPT_BYTES = 4_000_000  # per process: stylesheets and scripts, compressed
COLLECTED = "storefront.collected"  # in the environment: whoever asks wants the body uncompressed

_kept: BoundedStore[bytes] = BoundedStore(KEPT_BYTES, len)


def init_app(app: Flask) -> None:
    """Compress responses, also where no proxy does."""
    app.after_request(compress_response)


def compress_response(response: Response) -> Response:
    """Compress the body if the client accepts that."""
    if not _is_worth_it(response):
        return response
    response.vary.add("Accept-Encoding")
    encoding = encoding_for(request.headers.get("Accept-Encoding", ""))
    if not encoding or request.environ.get(COLLECTED):
        return response
    response.direct_passthrough = False
    response.set_data(_compressed(response, encoding))
    response.headers["Content-Encoding"] = encoding
    response.headers.pop("Accept-Ranges", None)
    if etag := response.get_etag()[0]:
        response.set_etag(etag, weak=True)
    return response


def _is_worth_it(response: Response) -> bool:
    if response.status_code != 200 or response.mimetype not in COMPRESSIBLE or "Content-Encoding" in response.headers:
        return False
    if response.is_streamed and not response.direct_passthrough:  # an export, which is not collected in memory
        return False
    return MIN_BYTES <= (response.content_length or MIN_BYTES) <= MAX_BYTES


def _compressed(response: Response, encoding: str) -> bytes:
    """The compressed body; kept where the address changes with the content."""
    if "immutable" not in response.headers.get("Cache-Control", ""):
        return compress(response.get_data(), encoding)
    key = (request.full_path, encoding)
    body: bytes | None = _kept.get(key)
    if body is None:
        body = _kept[key] = compress(response.get_data(), encoding, once=True)
    return body


@lru_cache(maxsize=256)
def encoding_for(accepted: str) -> str:
    """The best content encoding that a client accepts; "" for none.

    :param accepted: its header Accept-Encoding
    """
    names = set()
    for part in accepted.lower().split(","):
        name, _, quality = part.partition(";")
        if quality.strip().removeprefix("q=").strip("0.") or not quality:  # "q=0" and "q=0.0" refuse it
            names.add(name.strip())
    return next((encoding for encoding in ENCODINGS if encoding in names), "")


def compress(body: bytes, encoding: str, *, once: bool = False) -> bytes:
    """Compress a body.

    :param encoding: of `ENCODINGS`; "" leaves it
    :param once: the result is kept, and may take some milliseconds
    """
    if encoding == "br":
        compressed: bytes = brotli.compress(body, quality=5 if once else 2)
        return compressed
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=12 if once else 3).compress(body)
    if encoding == "gzip":
        return gzip.compress(body, 7 if once else 2, mtime=0)
    return body
