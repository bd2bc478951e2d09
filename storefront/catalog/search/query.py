"""Turns what somebody typed into the words that a product must have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from storefront.catalog.search.words import MAX_WORD_LENGTH, Chunk, chunks_of
from storefront.catalog.values.search import ExactWord, Term, Words

MAX_WORDS = 8  # of a query; further words are ignored
MAX_VARIATIONS = 8  # alternatives of a query; further ones are not searched

# Stop words, which InnoDB never indexes, from INFORMATION_SCHEMA.INNODB_FT_DEFAULT_STOPWORD; nor any below 3 letters.
_UNINDEXED = frozenset(
    """
    a about an are as at be by com de en for from how i in is it la of on or that the this to was what when where who
    will with und www
    """.split()  # noqa: SIM905 - a list of 36 strings would be no easier to read
)
PADDING = "__"  # appended to stop words and short words, so that InnoDB indexes them

Terms = tuple[Term, ...]
Synonyms = Mapping[tuple[str, ...], Sequence[Sequence[Terms]]]  # sets of phrases, by the words of a first term in them


def query_terms(text: str) -> list[Term]:
    """Split a search into terms, as they must at least be found; words joined by hyphens and the like are one term."""
    return [_readings(chunk)[0] for chunk in chunks_of(text)]


def parse_query(text: str, synonyms: Synonyms = MappingProxyType({})) -> list[Words]:
    """Turn a search into alternatives: all words as typed, or joined, or by words that mean the same.

    So "t-shirt" and "t shirt" match "tshirt", too, and "e book" does not match every book with a word in e.

    :param synonyms: what means the same
    :return: sets of words, of which a product must match all of one; empty when the search has no words
    """
    variations = _variations(chunks_of(text)[:MAX_WORDS])
    variations += [other for variation in variations for other in _by_synonyms(variation, synonyms)]
    distinct: dict[Words, None] = dict.fromkeys(
        tuple(word for term in variation for word in term.words)[:MAX_WORDS] for variation in variations
    )
    return [words for words in distinct if words][:MAX_VARIATIONS]


def _variations(chunks: Sequence[Chunk]) -> list[list[Term]]:
    """List the ways to read a search, the plain one first; every other differs from it in one place."""
    readings = [_readings(chunk) for chunk in chunks]
    plain = [reading[0] for reading in readings]
    variations = []
    for index, (first, *others) in enumerate(readings):
        before, after = plain[:index], plain[index + 1 :]
        variations += [[*before, other, *after] for other in others]
        if chunks[index].outline == "a" and after:
            plain[index] = Term(first.typed, (exact(first.typed),))
            if after[0].typed.isascii() and after[0].typed.isalpha():
                variations.append([*before, one_word(first.typed + after[0].typed), *after[1:]])
    return [plain, *variations]


def _readings(chunk: Chunk) -> list[Term]:
    """List the ways to read a chunk, the one that must at least be found first."""
    if chunk.is_run:
        return [Term(chunk.written, chunk.pieces[:-1] or chunk.pieces)]
    typed, (*first, last) = chunk.joined or chunk.pieces[0], chunk.pieces
    parts = [exact(piece) if len(piece) == 1 else singular(piece) for piece in first]
    if chunk.symbols:
        return [Term(chunk.written, (*parts, exact(chunk.symbolic)))]
    if not first:
        return [Term(typed, (singular(typed),)), *([Term(typed, (chunk.digits,))] if chunk.digits else [])]
    whole = Term(typed, (exact(typed) if _is_name(chunk) else singular(typed),))
    if _is_name(chunk) or _is_code(chunk):
        return [whole]
    if last == "s" and chunk.joiners == "'":  # "women's": not every word in "women" with another in "s"
        return [whole, Term(typed, (exact(first[0]),))]
    return [Term(chunk.written, (*parts, singular(last))), whole]


def _is_name(chunk: Chunk) -> bool:
    """Tell whether a chunk names something by initials: "H&M", "H.P.", "AT&T"."""
    lengths = {len(piece) for piece in chunk.pieces}
    return lengths == {1} or (1 in lengths and not set(chunk.joiners) - set("&+"))


def _is_code(chunk: Chunk) -> bool:
    """Tell whether a chunk is a code, which stays whole: its pieces ("SKU") may occur in every product."""
    return "0" in chunk.outline and set(chunk.joiners) == {"-"}


def _by_synonyms(variation: Sequence[Term], synonyms: Synonyms) -> Iterator[list[Term]]:
    """Replace each phrase in a search by those that mean the same, one at a time."""
    for start, term in enumerate(variation):
        for phrases in synonyms.get(term.words, ()):
            for phrase in phrases:
                end = start + len(phrase)
                if [other.words for other in variation[start:end]] == [other.words for other in phrase]:
                    yield from ([*variation[:start], *other, *variation[end:]] for other in phrases if other != phrase)


def one_word(typed: str) -> Term:
    """Make a term of one word."""
    return Term(typed, (singular(typed[:MAX_WORD_LENGTH]),))


def singular(word: str) -> str:
    """Strip the plural ending of an English noun, so that "shoes" matches "shoe"; words below 5 letters stay."""
    if len(word) < 5 or word.endswith("ss") or not word.endswith("s"):
        return word
    return word.removesuffix("es") if word.endswith(("sses", "shes", "ches", "xes")) else word.removesuffix("s")


def padded(word: str) -> str:
    """Write a word as the index holds it."""
    return word + PADDING if len(word) < 3 or is_common(word) else word


def is_common(word: str) -> bool:
    """Tell whether it is a stop word, such as "the" or "for"."""
    return word in _UNINDEXED


def exact(word: str) -> ExactWord:
    """Make a word that matches only itself, not the beginning of longer words."""
    return ExactWord(padded(word))
