"""Encoding and decoding of cursors, valid and forged."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from storefront.db.pagination import decode_cursor, encode_cursor

NOON = datetime(2026, 11, 22, 12, 0, 0, 5, tzinfo=UTC)
MAX_PRICE = 9_999_999_999_999  # minor units: the highest price there may be


def test_a_cursor_decodes_to_the_encoded_values() -> None:
    values = [True, "Ünï, 日本 😀", -7, MAX_PRICE, NOON]
    assert decode_cursor(encode_cursor(values), (bool, str, int, int, datetime)) == values


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", (int,)),
        ("é", (int,)),
        ("[1, 2]", (int,)),
        ("[true]", (int,)),
        ("[1]", (bool,)),
        ("[1.0]", (int,)),
        ("[null]", (str,)),
        ("[[]]", (str,)),
        ('[{"a": 1}]', (int,)),
        ("7", (int,)),
        ("[99999999999999999999]", (int,)),
        (f"[1{'0' * 5000}]", (int,)),
        ('["\\ud800"]', (str,)),
        ("[" * 5000, (int,)),
        ('["yesterday"]', (datetime,)),
        ("[5]", (datetime,)),
        ('["0001-01-01T00:00:00+14:00"]', (datetime,)),
        ('["9999-12-31T23:59:59-14:00"]', (datetime,)),
    ],
)
def test_an_invalid_cursor_decodes_to_none(text: str, kinds: tuple[type, ...]) -> None:
    assert decode_cursor(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="), kinds) is None
