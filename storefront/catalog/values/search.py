"""The parts of a search query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
