"""Spelling correction of search words against the words of product names.

Only small differences count as typing errors: a poor guess is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, func, or_, select

from storefront.catalog.models import SearchWord
from storefront.catalog.search.query import singular
from storefront.db.session import read_session

MIN_LENGTH = 4  # letters of a word that is corrected
LETTERS_PER_ERROR = 5  # letters of a word for each error of weight 1: below 1 error in "mint", 2 in "headphones"
MAX_CANDIDATES = 5000  # candidates for each word typed

# Weights of errors.
_EDIT = 0.8  # two letters swapped, one missing or one too many
_DOUBLED = 0.5  # a letter doubled, or a double letter typed once
_OTHER_LETTER = 1.1  # a letter replaced: allowed from six letters on, as "shirt" and "short" are both words


def nearest(words: Iterable[str], most: int) -> dict[str, list[str]]:
    """Propose similar words for each of these words, by one select.

    Proposals are words of product names, or the word itself with a double letter made single, which may not exist.

    :param most: maximum number of proposals for each word
    :return: proposals by word, the nearest first
    """
    typed = [word for word in words if len(word) >= MIN_LENGTH and word.isascii() and word.isalpha()]
    if not typed:
        return {}
    branches = [select(SearchWord.word).where(_comparable(word)).limit(MAX_CANDIDATES).subquery() for word in typed]
    statement = select(branches[0].c.word).union(*(select(branch.c.word) for branch in branches[1:]))
    known = list(read_session().scalars(statement, bind_arguments={"mapper": SearchWord}))
    return {word: list(dict.fromkeys([*_closest(word, known), *_undoubled(word)]))[:most] for word in typed}


def _comparable(word: str) -> ColumnElement[bool]:
    """Select words of similar length with the same first letter, or with the first two letters swapped."""
    begins = or_(SearchWord.word.like(f"{word[0]}%"), SearchWord.word.like(f"{word[1]}{word[0]}%"))
    errors = _max_errors(word)
    return and_(begins, func.char_length(SearchWord.word).between(len(word) - errors - 1, len(word) + errors))


def _max_errors(word: str) -> int:
    return int(_max_distance(word) / _DOUBLED)


def _max_distance(word: str) -> float:
    return len(word) / LETTERS_PER_ERROR


def _closest(word: str, known: list[str]) -> list[str]:
    forms = {word, singular(word)}
    measured = [(min(distance(form, other) for form in forms), other) for other in known if _resembles(word, other)]
    return [other for errors, other in sorted(measured) if errors <= _max_distance(word)]


def _undoubled(word: str) -> list[str]:
    doubles = [index for index in range(1, len(word)) if word[index] == word[index - 1]]
    return [word[:index] + word[index + 1 :] for index in reversed(doubles) if len(word) > MIN_LENGTH]


def _resembles(word: str, other: str) -> bool:
    """Cheaply exclude words that cannot be near enough, before the distance is computed."""
    return other.isalpha() and len(set(word) ^ set(other)) <= 2 * _max_errors(word)


def distance(typed: str, target: str) -> float:
    """Return the weighted edit distance of two words (optimal string alignment), 0 for equal ones."""
    previous: list[float] = []
    row = [index * _EDIT for index in range(len(target) + 1)]
    for i, letter in enumerate(typed, start=1):
        two_before, previous, row = previous, row, [i * _EDIT]
        surplus = _DOUBLED if letter == typed[i - 2 : i - 1] else _EDIT
        for j, other in enumerate(target, start=1):
            missing = _DOUBLED if other == target[j - 2 : j - 1] else _EDIT
            replaced = previous[j - 1] + _OTHER_LETTER * (letter != other)
            best = min(previous[j] + surplus, row[j - 1] + missing, replaced)
            if i > 1 and j > 1 and letter == target[j - 2] and typed[i - 2] == other:
                best = min(best, two_before[j - 2] + _EDIT)
            row.append(best)
    return row[-1]
