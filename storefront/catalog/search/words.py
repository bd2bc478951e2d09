"""Splits texts and searches into words that both databases index alike, whatever their script.

Words are cut by the rules of Unicode: a letter keeps its marks ("किताब" is one word), a number its separators ("1.5").
Then they are folded: without accents, in Latin letters ("œuvre" is "oeuvre", "чашка" is "chashka"). Scripts that write
no blanks between words (Chinese, Japanese, Thai …) are cut into pairs of neighbouring characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from anyascii import anyascii

MAX_WORD_LENGTH = 40
INITIALS = 2  # letters of a word whose trailing "+" and "#" belong to it: "C++", "A+", not "headphones+"

# Marks by their canonical combining class (Unicode, section 4.3): vowel points of Hebrew and Arabic, which are rarely
# written, and accents above and below. Signs of Indian vowels, nukta and virama have other classes and stay.
_FIRST_POINT, _LAST_POINT, _FIRST_ACCENT = 10, 36, 200
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)
_ZERO_WIDTH_SPACE = "\u200b"  # a place between words, unlike the other invisible characters
_TRADE_MARKS = str.maketrans("™℠®©", "    ")
_NO_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
                        "\uf900-\ufaff\U00020000-\U0003ffff]")  # fmt: skip
_SYMBOLS = {"+": "plus", "#": "sharp"}
_JOINERS = {**dict.fromkeys("'’ʼ＇", "'"), **{joiner: joiner for joiner in "&+#./,-"}, "‐": "-", "‑": "-"}  # noqa: RUF001

# Patterns of outlines: a letter is "a", a digit "0", a character of a script without blanks "z".
_INITIALS_APART = re.compile(r"(?<![a0z])(a) ([&+]) (a)(?![a0z])")  # "H & M"
_CHUNK = re.compile(r"z+|(?:0+(?:[.,]0+)+[a0]*|[a0]+)(?:['&+./-](?:0+(?:[.,]0+)+[a0]*|[a0]+))*[+#]*")
_PIECE = re.compile(r"0+(?:[.,]0+)+[a0]*|[a0]+")
_MEASURE = re.compile(r"(0+(?:[.,]0+)*)(a+)")  # "500ml"
_MODEL = re.compile(r"(a{2,})(0+)")  # "iPhone15"
_NUMBER_AND_WORD = {"number", "word"}
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}")  # "1,499"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a text without blanks.

    :ivar written: as it stands in the text, folded
    :ivar pieces: its words
    :ivar joined: all of them as one word; empty when there is one piece
    :ivar joiners: the characters between them
    :ivar symbols: what follows it, "+" or "#", if it is short
    :ivar is_run: whether it is of a script without blanks: then the pieces are pairs of characters
    :ivar digits: a number without its separators
    :ivar also: further words under which it is found
    :ivar outline: with each letter "a", each digit "0"
    :ivar kind: "word" of letters, "number", or empty
    :ivar follows_blank: whether nothing but a blank stands between it and the chunk before
    """

    written: str
    pieces: tuple[str, ...]
    joined: str
    joiners: str
    symbols: str
    is_run: bool
    digits: str
    also: tuple[str, ...]
    outline: str
    kind: str
    follows_blank: bool

    @property
    def symbolic(self) -> str:
        """The word that its symbols make: "cplusplus"; empty without symbols."""
        return self.pieces[-1] + "".join(_SYMBOLS[symbol] for symbol in self.symbols) if self.symbols else ""


def fold(text: str) -> str:
    """Fold a text to lower case without accents and invisible characters, in its own script."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.translate(_TRADE_MARKS)).casefold()
    return unicodedata.normalize("NFC", "".join(_visible(character) for character in decomposed))


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    """The character; empty for an accent and for what nobody sees."""
    if character == _ZERO_WIDTH_SPACE:
        return " "
    marks = unicodedata.combining(character)
    if _FIRST_POINT <= marks <= _LAST_POINT or marks >= _FIRST_ACCENT or ord(character) in _VARIATION_SELECTORS:
        return ""
    return "" if unicodedata.category(character) == "Cf" else character


def words_of(text: str) -> list[str]:
    """List the words under which a text is found, by chunks; "WH-1000XM5" gives "wh1000xm5", too."""
    chunks = chunks_of(text)
    words = [piece for chunk in chunks for piece in chunk.pieces]
    also = dict.fromkeys([*(word for chunk in chunks for word in chunk.also), *_measures(chunks)])
    known = set(words)
    return words + [word for word in also if word not in known]


def _measures(chunks: Sequence[Chunk]) -> Iterator[str]:
    """Join each number to the word before and after it: "500 ml" is also found as "500ml"."""
    for first, second in pairwise(chunks):
        if second.follows_blank and {first.kind, second.kind} == _NUMBER_AND_WORD:
            yield (first.pieces[0] + second.pieces[0])[:MAX_WORD_LENGTH]


def chunks_of(text: str) -> list[Chunk]:
    """Split a text into chunks, in order."""
    folded = " ".join(fold(text).split())
    outline = _outline(folded)
    if "&" in outline or "+" in outline:
        blanks = {place for found in _INITIALS_APART.finditer(outline) for place in (found.start(2) - 1, found.end(2))}
        folded, outline = (
            "".join(character for place, character in enumerate(each) if place not in blanks)
            for each in (folded, outline)
        )
    found = list(_CHUNK.finditer(outline))
    ends = [-1, *(match.end() for match in found)]
    return [
        _chunk(match[0], folded[match.start() : match.end()], outline[end : match.start()] == " ")
        for match, end in zip(found, ends, strict=False)
    ]


def _outline(folded: str) -> str:
    if folded.isascii():
        return folded.translate(_ASCII_SHAPES)
    shapes: list[str] = []
    for character in folded:
        shape = _shape(character)
        shapes.append(shapes[-1] if shape == "m" and shapes and shapes[-1] in "az" else shape)
    return "".join(shapes)


@lru_cache(maxsize=8192)
def _shape(character: str) -> str:
    """Return "a" for a letter, "z" for one of a script without blanks, "0" for a digit, "m" for a mark."""
    if _NO_SPACES.match(character):
        return "z" if character.isalpha() or unicodedata.category(character)[0] == "M" else " "
    if character.isdecimal():
        return "0"
    if character.isalnum():
        return "a"
    return "m" if unicodedata.category(character)[0] == "M" else _JOINERS.get(character, " ")


_ASCII_SHAPES = {code: _shape(chr(code)) for code in range(128)}


@lru_cache(maxsize=16_384)  # most texts are made of the same words
def _chunk(outline: str, written: str, follows_blank: bool) -> Chunk:
    if outline[0] == "z":
        return Chunk(written, tuple(_pairs(written)), "", "", "", True, "", (), outline, "", follows_blank)
    spans = [piece.span() for piece in _PIECE.finditer(outline)]
    pieces = tuple(_word(written[start:end]) for start, end in spans)
    joined = "".join(pieces).replace("_", "")[:MAX_WORD_LENGTH] if len(pieces) > 1 else ""
    symbols = outline[spans[-1][1] :] if spans[-1][1] - spans[-1][0] <= INITIALS else ""
    digits = written.replace(",", "") if _GROUPED.fullmatch(written) else ""
    measure = _MEASURE.fullmatch(outline) or _MODEL.fullmatch(outline)  # its two words: "500ml", "iPhone15"
    parts = [_word(written[slice(*measure.span(group))]) for group in (1, 2)] if measure else []
    groups = [group for piece in pieces if "_" in piece for group in piece.split("_")]
    shapes = set(outline)
    chunk = Chunk(
        written=written,
        pieces=pieces,
        joined=joined,
        joiners="".join(outline[end:start] for (_, end), (start, _) in pairwise(spans)),
        symbols=symbols,
        is_run=False,
        digits=digits,
        also=(),
        outline=outline,
        kind="word" if shapes == {"a"} else "number" if "0" in shapes and shapes <= set("0.,") else "",
        follows_blank=follows_blank,
    )
    return replace(chunk, also=tuple(filter(None, (joined, chunk.symbolic, digits, *parts, *groups))))


def _word(written: str) -> str:
    """Write a word in Latin letters and digits; separators of a number become "_"."""
    if not written.isascii():
        transliterated = "".join(anyascii(part) if part not in ".," else part for part in written)
        written = re.sub(r"[^a-z0-9.,]", "", transliterated.lower()) or _code(written)
    return re.sub("[.,]", "_", written)[:MAX_WORD_LENGTH]


def _pairs(run: str) -> Iterator[str]:
    """Cut a run into pairs of neighbouring characters with their marks, and the last one alone."""
    clusters: list[str] = []
    for character in run:
        if clusters and unicodedata.category(character)[0] == "M":
            clusters[-1] += character
        else:
            clusters.append(character)
    for first, second in pairwise(clusters):
        yield _code(first + second)
    yield _code(clusters[-1])


def _code(written: str) -> str:
    """Write characters as their code points: exact, and read alike by both databases."""
    return ("u" + "".join(f"{ord(character):04x}" for character in written))[:MAX_WORD_LENGTH]
