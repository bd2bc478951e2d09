"""Conversion of old column values, valid and invalid."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from storefront.core.clock import in_shop_time
from storefront.legacy_import.plain_text import to_plain_text
from storefront.legacy_import.values import Notes, day, flag, moment, whole

KOLKATA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("value", "number"), [("12", 12), (b"7", 7), ("12.0", 12), ("-3", -3), (10**18 - 1, 10**18 - 1), ("2e3", 2000)]
)
def test_integers_are_converted(value: object, number: int) -> None:
    assert whole(value) == number


@pytest.mark.parametrize("value", [None, "", "many", "1.5", "NaN", "sNaN", "Infinity", "1E+999999999", 10**18])
def test_invalid_integers_are_none(value: object) -> None:
    assert whole(value) is None


def test_a_datetime_without_zone_is_in_that_of_the_old_servers() -> None:
    assert moment("2025-03-01 10:00:00", KOLKATA) == datetime(2025, 3, 1, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [None, 7, "", "0000-00-00", "0000-00-00 00:00:00", "2023-02-00", "0001-01-01T00:00:00", date(1, 1, 1),
     "1970-01-01", datetime(1900, 1, 1), date(9999, 12, 31), "soon", b"0000-00-00"],  # noqa: DTZ001
)  # fmt: skip
def test_invalid_datetimes_are_none(value: object) -> None:
    """D11: zero dates and those that stand for "unknown" are missing ones."""
    assert moment(value, KOLKATA) is None
    assert day(value, KOLKATA) is None


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Los_Angeles", "Pacific/Kiritimati", "UTC"])
@pytest.mark.parametrize("value", [date(2023, 1, 9), "2023-01-09", "2023-01-09 00:00:00", datetime(2023, 1, 9, 23)])  # noqa: DTZ001
def test_a_day_is_kept_in_every_time_zone(value: object, zone: str) -> None:
    """D11: an estimated delivery on 9 January is on 9 January."""
    assert day(value, ZoneInfo(zone)) == date(2023, 1, 9)


@pytest.mark.parametrize("here", ["Asia/Kolkata", "America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize("servers", ["America/Los_Angeles", "UTC"])
def test_a_moment_of_which_the_day_alone_is_known_is_shown_on_this_day(
    app: Flask, monkeypatch: pytest.MonkeyPatch, here: str, servers: str
) -> None:
    """D11: a DATE column of an order's date keeps its day, too."""
    monkeypatch.setitem(app.config, "SHOP_TIMEZONE", here)
    found = moment(date(2023, 1, 9), ZoneInfo(servers))
    assert found is not None
    assert in_shop_time(found).date() == date(2023, 1, 9)


@pytest.mark.parametrize(
    ("value", "is_true", "notes"),
    [
        (b"\x01", True, []),
        (b"\x00", False, []),
        (b"1", True, []),
        (1, True, []),
        (None, False, []),
        ("Yes", True, []),
        ("ACTIVE", True, ["'ACTIVE' was taken as on sale"]),
        (" draft ", False, ["'draft' was taken as not on sale"]),
        ("aktiv", False, ["whether it is on sale is not known of 'aktiv': taken as no"]),
    ],
)
def test_words_for_yes_and_no_are_read_and_said(value: object, is_true: bool, notes: list[str]) -> None:
    """D11: what is guessed or unknown is reported."""
    found = Notes()
    assert (flag(value, "on sale", found), found) == (is_true, notes)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("<p>Nice</p>", "Nice"),
        ("Cup &amp; Saucer", "Cup & Saucer"),
        ("Caf&eacute; &#8377;5 &#x20B9;6", "Café ₹5 ₹6"),
        ("<ul>\n <li>One</li>\n <li>Two &lt; 3</li></ul>after\nit", "- One\n- Two < 3\n\nafter it"),
        ("One<br>two<br/><br/>three", "One\ntwo\n\nthree"),
        ("<b>Bold</b>\nnext line", "Bold\nnext line"),
        ("&lt;p&gt;Tea &amp;amp; milk&lt;/p&gt;", "Tea & milk"),
        ("<table><tr><td>Size</td><td>40</td></tr><tr><td>Hue</td></tr></table>", "Size 40\nHue"),
        ("<style>p {}</style><P CLASS='x'>Up</P><script>x</script>", "Up"),
        ("3 < 4, I <3 <your name>, AT&T, R&copying &bogus;", "3 < 4, I <3 <your name>, AT&T, R&copying &bogus;"),
        ("<p>3 < 4 <your name> R&D; AT&T</p>", "3 < 4 <your name> R&D; AT&T"),
        ("plain\n\n\ntext", "plain\n\n\ntext"),
    ],
)
def test_html_becomes_text(stored: str, shown: str) -> None:
    """D11: neither tags nor references are shown to shoppers, and what is no HTML stays as it is."""
    assert to_plain_text(stored) == shown
