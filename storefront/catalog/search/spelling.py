"""Words of the shop's goods that a shopper may have meant. Only slips count: a poor guess is worse than none."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, func, or_, select

from storefront.catalog.models import SearchWord
from storefront.catalog.search.engine import singular
from storefront.db.session import read_session

MIN_LENGTH = 4  # letters of a word that is put right
LETTERS_A_SLIP = 5  # one slip is forgiven for as many letters: none by itself in "mint", two in "headphones"
MAX_CANDIDATES = 5000  # words looked at for each that was typed

_SLIP = 0.8  # two letters swapped, one missing or one too many
_DOUBLED = 0.5  # a letter doubled, or not
_OTHER_LETTER = 1.1  # one replaced: forgiven from six letters on, as "shirt" and "short" are both words


def nearest(words: Iterable[str], most: int) -> dict[str, list[str]]:
    """Words that are spelt nearly like each of these, the nearest first; by one select.

    They stand in names of products; or they are the word itself without a letter that was doubled, and may not exist.

    :param most: proposals for each word
    """
    typed = [word for word in words if len(word) >= MIN_LENGTH and word.isalpha()]
    if not typed:
        return {}
    branches = [select(SearchWord.word).where(_comparable(word)).limit(MAX_CANDIDATES).subquery() for word in typed]
    statement = select(branches[0].c.word).union(*(select(branch.c.word) for branch in branches[1:]))
    known = list(read_session().scalars(statement, bind_arguments={"mapper": SearchWord}))
    return {word: list(dict.fromkeys([*_closest(word, known), *_undoubled(word)]))[:most] for word in typed}


def _comparable(word: str) -> ColumnElement[bool]:
    """That a word begins alike, or with its first two letters swapped, and is about as long."""
    begins = or_(SearchWord.word.like(f"{word[0]}%"), SearchWord.word.like(f"{word[1]}{word[0]}%"))
    slips = _most_slips(word)
    return and_(begins, func.char_length(SearchWord.word).between(len(word) - slips - 1, len(word) + slips))


def _most_slips(word: str) -> int:
    return int(_allowed(word) / _DOUBLED)


def _allowed(word: str) -> float:
    return len(word) / LETTERS_A_SLIP


def _closest(word: str, known: list[str]) -> list[str]:
    forms = {word, singular(word)}
    measured = [(min(distance(form, other) for form in forms), other) for other in known if _resembles(word, other)]
    return [other for slips, other in sorted(measured) if slips <= _allowed(word)]


def _undoubled(word: str) -> list[str]:
    doubles = [place for place in range(1, len(word)) if word[place] == word[place - 1]]
    return [word[:place] + word[place + 1 :] for place in reversed(doubles) if len(word) > MIN_LENGTH]


def _resembles(word: str, other: str) -> bool:
    """A quick look that spares most words the long one."""
    return other.isalpha() and len(set(word) ^ set(other)) <= 2 * _most_slips(word)


def distance(typed: str, meant: str) -> float:
    """How many slips lead from one word to the other, weighed: optimal string alignment."""
    before: list[float] = []
    row = [index * _SLIP for index in range(len(meant) + 1)]
    for i, letter in enumerate(typed, start=1):
        two_before, before, row = before, row, [i * _SLIP]
        surplus = _DOUBLED if letter == typed[i - 2 : i - 1] else _SLIP
        for j, other in enumerate(meant, start=1):
            missing = _DOUBLED if other == meant[j - 2 : j - 1] else _SLIP
            best = min(before[j] + surplus, row[j - 1] + missing, before[j - 1] + _OTHER_LETTER * (letter != other))
            if i > 1 and j > 1 and letter == meant[j - 2] and typed[i - 2] == other:
                best = min(best, two_before[j - 2] + _SLIP)
            row.append(best)
    return row[-1]
