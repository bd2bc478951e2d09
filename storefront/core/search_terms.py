"""What is typed into the desks' search fields: names with or without accents, phone numbers in any spelling."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import phonenumbers

from storefront.core.contact import NotAPhoneNumber, normalize_phone

MIN_PHONE_DIGITS = 4  # of a part of a phone number; fewer are in every second number

# The accents that Unicode keeps apart from their letters, for all alphabets of Europe. Vowel signs of other scripts are
# letters to their readers and stay.
ACCENTS = (0x0300, 0x036F)
_ACCENTS = re.compile(f"[{chr(ACCENTS[0])}-{chr(ACCENTS[1])}]")
# Letters that are no accented ones in Unicode, as people without them on their keyboard type them. Lower case.
LETTERS = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ł": "l",
    "ħ": "h",
    "ŧ": "t",
    "\u0131": "i",  # the Turkish i without a dot
    "\u03c2": "\u03c3",  # the Greek s at the end of a word
}
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # full-width ASCII, as Japanese keyboards type it
_PHONE_PART = re.compile(r"[\d+().\-/]*\d[\d+().\-/]*")
_TRUNK_ZERO = re.compile(r"\(0\)")  # +44 (0)20 …: dialled within the country only


def fold(text: str) -> str:
    """Write a text without case, accents and letters that few keyboards have: "Séan Ørsted" is "sean orsted"."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text).lower().translate(_FOLDED)


class _Folded(dict[int, str]):
    """Letters without their accents, by code; each is worked out once, for databases call this for every row."""

    def __missing__(self, code: int) -> str:
        parts = unicodedata.normalize("NFD", chr(_WIDE.get(code, code)).lower())
        letter = unicodedata.normalize("NFC", _ACCENTS.sub("", parts))
        self[code] = LETTERS.get(letter, letter)
        return self[code]


_FOLDED = _Folded()


@dataclass(frozen=True, slots=True)
class SearchTerm:
    """A word of a search.

    :ivar typed: as it was typed
    :ivar phone: digits to look for in phone numbers, of this word and those around it; empty when they are no number
    """

    typed: str
    phone: str = ""

    @property
    def folded(self) -> str:
        """The word without case and accents."""
        return fold(self.typed)


def search_terms(typed: str, most: int) -> tuple[SearchTerm, ...]:
    """Read the words of a search. Numbers side by side are read as one phone number, too: "98765 43210".

    :param most: further words are ignored
    """
    terms: list[SearchTerm] = []
    run: list[str] = []
    for word in [*typed.split(), ""]:
        if _PHONE_PART.fullmatch(_plain_digits(word)):
            run.append(word)
            continue
        phone = phone_digits(" ".join(run))
        terms += [SearchTerm(part, phone) for part in run]
        run = []
        if word:
            terms.append(SearchTerm(word))
    return tuple(terms[:most])


def phone_digits(typed: str) -> str:
    """The digits to look for in phone numbers, without country code where one is recognised; empty for no number.

    Every stored form of a number ends with these digits: with its country code, with a zero, or with neither.
    """
    plain = _TRUNK_ZERO.sub("", _plain_digits(typed))
    digits = "".join(filter(str.isdigit, plain))
    if len(digits) < MIN_PHONE_DIGITS or any(character.isalpha() for character in plain):
        return ""
    if plain.strip().startswith("00"):
        plain = f"+{plain.strip()[2:]}"
    try:
        return _national(normalize_phone(plain))
    except NotAPhoneNumber:
        return digits.lstrip("0")


def _national(number: str) -> str:
    """The digits of a number after its country code.

    :param number: E.164
    """
    parsed = phonenumbers.parse(number)
    return phonenumbers.national_significant_number(parsed)


def _plain_digits(text: str) -> str:
    """Write the digits of every script, and dashes of every length, in ASCII."""
    return "".join(
        str(unicodedata.digit(character))
        if character.isdigit()
        else "-"
        if unicodedata.category(character) == "Pd"
        else character
        for character in text.translate(_WIDE)
    )
