"""What a search is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ExactWord(str):
    """A word to be found as it is; others may be the beginning of what is found."""

    __slots__ = ()


Words = Sequence[str]  # all of which a product must have


@dataclass(frozen=True, slots=True)
class Term:
    """What stands or falls together in a search: a word, a code, or words joined by hyphens.

    :ivar typed: as it was typed, lower case and without accents
    :ivar words: what is sought for it
    """

    typed: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RelaxedQuery:
    """What is sought where nothing has the words that were typed.

    :ivar alternatives: words of which a product must have all; one alternative is enough
    :ivar respelt: what they read, where a word is spelt otherwise than it was typed; else empty
    :ivar is_partial: whether words that were typed may be missing
    """

    alternatives: tuple[tuple[str, ...], ...]
    respelt: str = ""
    is_partial: bool = False
