"""The parts of a search query, and the synonyms that staff keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from storefront.core.errors import DomainError

MAX_SYNONYMS_LENGTH = 300  # characters of a set
MAX_PHRASES = 12  # of a set
MAX_SYNONYM_SETS = 1000


class ExactWord(str):
    """A word to match exactly; any other word also matches as the beginning of a longer one."""

    __slots__ = ()


Words = Sequence[str]  # a product must match all of them


@dataclass(frozen=True, slots=True)
class Term:
    """An indivisible part of a search: a word, a code, or words joined by hyphens.

    :ivar typed: as typed, in lower case and without accents
    :ivar words: the words to match for it
    """

    typed: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RelaxedQuery:
    """The query to run when no product has all the words typed.

    :ivar alternatives: sets of words; a product must match all words of one set
    :ivar respelt: the query as corrected, empty when no spelling changed
    :ivar is_partial: whether products may lack some of the words typed
    """

    alternatives: tuple[tuple[str, ...], ...]
    respelt: str = ""
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class SynonymSet:
    """Phrases that find the same products.

    :ivar phrases: separated by ", "
    """

    id: int
    phrases: str


class SynonymProblem(StrEnum):
    """Why a set of synonyms is refused."""

    TOO_FEW = "fewer than two different phrases"
    NO_WORD = "a phrase without letters or digits"
    TOO_LONG = "too many phrases or characters"
    TOO_MANY = "too many sets"


class SynonymsRefused(DomainError):
    """A set of synonyms cannot be stored.

    :ivar problem: why
    """

    def __init__(self, problem: SynonymProblem) -> None:
        super().__init__(problem)
        self.problem = problem
