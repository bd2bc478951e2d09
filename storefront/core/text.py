"""What can be seen of a text, and its digits."""

from __future__ import annotations

import unicodedata

# Letters and a symbol that are drawn as nothing: the fillers of Hangul, and the empty pattern of Braille.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def is_visible(character: str) -> bool:
    """Whether a character is drawn by itself: a letter, a digit, a sign; no blank, no joiner, no accent alone."""
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANKS


def or_blank(text: str) -> str:
    """The text, or "" if nothing of it can be seen: zero-width characters alone are no name."""
    return text if any(map(is_visible, text)) else ""


def ascii_digits(text: str) -> str:
    """The text with the decimal digits of every script as ASCII digits; signs such as ² are none and stay."""
    return "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text)


def first_letter(word: str) -> str:
    """The first letter of a word with the marks that belong to it, such as the vowel signs of Devanagari."""
    end = 1
    while end < len(word) and unicodedata.category(word[end])[0] == "M":
        end += 1
    return word[:end]
