"""What can be seen of a text."""

from __future__ import annotations

import pytest

from storefront.core.text import first_letter, or_blank

INVISIBLE = [
    "\u200b",  # zero-width space
    "\u200d\u200c",  # joiners
    "\u2060\ufeff",
    "\u00ad",  # soft hyphen
    "\u3164",  # Hangul filler
    "\u2800",  # empty Braille pattern
    "\u00a0 \u2003",
    "\u0301",  # an accent on nothing
    "\u202e\u2066",
    "\U000e0041",  # tag characters
]


@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_nothing_can_be_seen_of_it(text: str) -> None:
    """C14: it is no name."""
    assert or_blank(text) == or_blank(text * 3) == ""


@pytest.mark.parametrize(
    "text", ["Asha", "राम", "क्\u200dष", "李", "O'Neil", "7", "-", "\U0001f600", "e\u0301", "\u200bAsha"]
)
def test_what_can_be_seen_is_kept_as_it_is(text: str) -> None:
    """C14: names keep their joiners."""
    assert or_blank(text) == text


@pytest.mark.parametrize(("word", "letter"), [("Rao", "R"), ("किशोर", "कि"), ("é", "é"), ("e\u0301mile", "e\u0301")])
def test_a_letter_keeps_its_marks(word: str, letter: str) -> None:
    assert first_letter(word) == letter
