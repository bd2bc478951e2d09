"""Compressed responses without a proxy."""

from __future__ import annotations

import gzip

import brotli
import pytest
import zstandard
from werkzeug.test import TestResponse

from storefront.web.compression import ENCODINGS, MIN_BYTES, compress, encoding_for
from tests.page_client import Pages

DECOMPRESS = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}


def get(pages: Pages, url: str, **headers: str) -> TestResponse:
    response = pages.client.get(url, headers=headers)
    response.get_data()
    response.close()
    return response


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("deflate", ""),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("zstd;q=0.0, br ; q=1.0", "br"),
        ("gzip;q=0.001", "gzip"),
        ("*", ""),
        ("gzip;q=0, *;q=0", ""),
    ],
)
def test_the_encoding_is_one_that_the_client_accepts(accepted: str, encoding: str) -> None:
    assert encoding_for(accepted) == encoding


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_compressed_comes_back(encoding: str, once: bool) -> None:
    body = "ein Krug aus Ton, ₹1,234. ".encode() * 200
    compressed = compress(body, encoding, once=once)
    assert len(compressed) < len(body) / 5
    assert DECOMPRESS[encoding](compressed) == body


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("url", ["/products", "/api/products", "/static/js/app.js", "/login"])
def test_texts_are_compressed_as_the_client_accepts(pages: Pages, url: str, encoding: str) -> None:
    plain, packed = get(pages, url), get(pages, url, **{"Accept-Encoding": encoding})
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == encoding
    assert DECOMPRESS[encoding](packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2


def test_a_compressed_file_is_revalidated_by_its_etag(pages: Pages) -> None:
    packed = get(pages, "/static/js/app.js", **{"Accept-Encoding": "gzip"})
    assert packed.headers["ETag"].startswith("W/")
    asked = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert get(pages, "/static/js/app.js", **asked).status_code == 304


def test_a_part_of_a_file_is_not_compressed(pages: Pages) -> None:
    part = get(pages, "/static/js/app.js", **{"Accept-Encoding": "gzip", "Range": "bytes=0-99"})
    assert part.status_code == 206
    assert "Content-Encoding" not in part.headers
    assert len(part.data) == 100


@pytest.mark.parametrize("url", ["/health", "/product/6-wrong-name", "/apple-touch-icon.png"])
def test_what_is_short_or_compressed_already_stays(pages: Pages, url: str) -> None:
    response = get(pages, url, **{"Accept-Encoding": "gzip"})
    assert len(response.data) < MIN_BYTES or response.mimetype == "image/png"
    assert "Content-Encoding" not in response.headers
