"""Log entries as JSON: what they hold, and what they must not."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from storefront.core import request_facts
from storefront.core.logs import formatter_for
from storefront.core.request_facts import RequestFacts
from storefront.core.security_log import FIELDS

MOMENT = 1795349045.25  # 2026-11-22 12:04:05.25 UTC
CARD = "4242 4242 4242 4242"


def entry(text: str, *values: object, name: str = "storefront.web", trace: bool = False, **fields: object) -> Any:
    """An entry as whoever collects logs reads it."""
    error = sys.exc_info() if trace else None
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, text, values, error)
    record.created = MOMENT
    record.__dict__[FIELDS] = fields
    line = formatter_for("json").format(record)
    assert len(line.splitlines()) == 1
    assert line.isascii()
    return json.loads(line)


def test_an_entry_has_time_level_logger_and_message() -> None:
    assert entry("all is %s", "well") == {
        "time": "2026-11-22T12:04:05.250+00:00",
        "level": "WARNING",
        "logger": "storefront.web",
        "message": "all is well",
    }


def test_within_a_request_an_entry_names_its_id_method_and_route() -> None:
    token = request_facts.current.set(RequestFacts("0123456789abcdef", "GET", "/track/<token>"))
    try:
        found = entry("refused")
    finally:
        request_facts.current.reset(token)
    assert (found["request_id"], found["method"], found["route"]) == ("0123456789abcdef", "GET", "/track/<token>")


@pytest.mark.parametrize("typed", ['"}\n{"level": "INFO"', "a\r\nb", "a\u2028b\x1b[2J", "half \ud83d", "चाय"])
def test_input_cannot_forge_an_entry(typed: str) -> None:
    assert entry("refused: %s", typed)["message"] == f"refused: {typed}"


def test_a_fact_does_not_replace_what_every_entry_has() -> None:
    found = entry("refused", message="order-placed/ORD-1", level="high")
    assert (found["message"], found["message_"]) == ("refused", "order-placed/ORD-1")
    assert (found["level"], found["level_"]) == ("WARNING", "high")


def test_card_numbers_are_redacted_wherever_they_stand() -> None:
    try:
        raise ValueError(CARD)
    except ValueError:
        found = entry("sent: %s", CARD, trace=True, note=CARD, status=422)
    assert "4242" not in json.dumps(found)
    assert found["exc_info"].splitlines()[-1] == "ValueError: [card number]"
    assert found["status"] == 422


def test_query_strings_are_left_out() -> None:
    assert "secret" not in entry('"GET /products?q=secret HTTP/1.1" 200', name="werkzeug")["message"]


def test_the_plain_form_is_for_people() -> None:
    record = logging.LogRecord("storefront", logging.INFO, __file__, 1, "all is well", (), None)
    assert formatter_for("text").format(record).endswith(" INFO storefront: all is well")
