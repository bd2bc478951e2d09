"""Formatting of log entries, which no input can forge."""

from __future__ import annotations

import logging
import re
import sys

import pytest

from storefront.core.security_log import RedactingFormatter

MOMENT = 1795349045.25  # 2026-11-22 12:04:05.25 UTC
CARD = "4242 4242 4242 4242"


def formatted(message: str, *values: object, name: str = "storefront.web.error_pages", trace: bool = False) -> str:
    """An entry as it goes to standard error."""
    error = sys.exc_info() if trace else None
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, message, values, error)
    record.created = MOMENT
    return RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s").format(record)


def test_an_entry_begins_with_its_time_in_utc() -> None:
    moment = re.escape("2026-11-22T12:04:05.250+00:00")
    assert re.fullmatch(f"{moment} WARNING storefront.web.error_pages: all is well", formatted("all is %s", "well"))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a\nb", r"a\nb"),
        ("a\r\nb", r"a\r\nb"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\u2028b\u202eb", r"a\u2028b\u202eb"),
        ("a\x00\x85b", r"a\x00\x85b"),
        ("half \ud83d", r"half \ud83d"),
        ("चाय, tea & thé", "चाय, tea & thé"),
    ],
)
def test_input_cannot_forge_an_entry(typed: str, expected: str) -> None:
    line = formatted("refused: %s", typed)
    assert line.endswith(f"refused: {expected}")
    assert len(line.splitlines()) == 1
    line.encode()


def test_lines_of_a_traceback_are_marked() -> None:
    forged = "2026-11-22T12:04:05.250+00:00 INFO storefront: all is well"
    try:
        raise ValueError(f"no such thing\n{forged}\r\x1b[31m {CARD}")
    except ValueError:
        first, *others = formatted("unexpected", trace=True).split("\n")
    assert first.endswith(": unexpected")
    assert all(line.startswith("  | ") for line in others)
    assert others[-1] == rf"  | {forged}\r\x1b[31m [card number]"


def test_a_card_number_is_redacted_before_line_ends_are_escaped() -> None:
    assert "4242" not in formatted("sent: %s", CARD.replace(" ", "\n"))
    assert "4242" not in formatted(f"GET /products?q={CARD} HTTP/1.1", name="werkzeug")
