"""Fallbacks for a search without results: corrected spelling, words joined or split, or only some of the words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, product

from sqlalchemy import ColumnElement, exists, literal, select, union_all

from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, product_search
from storefront.catalog.search import engine, query, spelling
from storefront.catalog.values.search import RelaxedQuery, Term, Words
from storefront.db.session import read_session

MAX_SPLIT_LENGTH = 14  # letters of a word that is tried as two words
SURE_HALF = 3  # letters of both halves of a likely split; splits with shorter halves are tried last
SHORT = 3  # letters of a word that is tried whole before it is tried as a beginning: "red" is not "reduced"
SPELLINGS_TRIED = 2  # corrections tried for each word
MAX_CORRECTED = 4  # combinations of corrections tried


def relax(text: str, alternatives: Sequence[Words]) -> RelaxedQuery | None:
    """Find a query to run instead of one without results, by at most five selects.

    Filters and departments are ignored, so that the fallback does not change with them.

    :param alternatives: as `synonyms.read_query` reads the text
    :return: None when the words typed have results, or no fallback has any
    """
    typed = query.query_terms(text)[: query.MAX_WORDS]
    terms = [term for term in typed if not _is_vague(term)]
    forms = [form for term in terms for form in _forms(term)]
    if not typed:
        return None
    as_typed, *by_form = _have_results([alternatives, *([form.words] for form in forms)])
    if as_typed:
        return None
    # Reversed, so that of several forms of a term the first with results is kept.
    known = {form.typed: form for form, has in reversed(list(zip(forms, by_form, strict=True))) if has}
    spellings = _spellings([term.typed for term in terms if term.typed not in known])
    respelt = _respelt(typed, terms, known, spellings)
    return respelt or (_some_of(terms, known, spellings) if len(typed) > 1 else None)


def _is_vague(term: Term) -> bool:
    return term.typed.isascii() and (len(term.typed) == 1 or query.is_common(term.typed))


def _forms(term: Term) -> list[Term]:
    """List the forms in which a term is tried when other words may be missing; the first with results is used."""
    if len(term.typed) > SHORT or len(term.words) > 1:
        return [term]
    whole = Term(term.typed, (query.exact(term.words[0]),))
    return [whole, term] if len(term.typed) == SHORT else [whole]


def _have_results(searches: Sequence[Sequence[Sequence[str]]]) -> list[bool]:
    """Tell for each of several searches, given as alternatives, whether any product on sale matches; by one select."""
    if not searches:
        return []
    branches = [select(literal(number)).where(_on_sale(search)) for number, search in enumerate(searches)]
    numbers = set(read_session().scalars(union_all(*branches), bind_arguments={"mapper": BrowseEntry}))
    return [number in numbers for number in range(len(searches))]


def _on_sale(alternatives: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    # "+ 0" makes SQLite begin with the search results instead of running the search for every browse entry.
    same = BrowseEntry.product_id == product_search.c.product_id + 0
    matches = select(BrowseEntry.product_id).join(product_search, same)
    return exists(matches.where(BrowseEntry.category_id == ALL_CATEGORIES, engine.engine().matches(*alternatives)))


def _spellings(unknown: list[str]) -> dict[str, list[Term]]:
    """Return corrections with results, by the word typed."""
    near = [
        (word, query.one_word(other))
        for word, others in spelling.nearest(unknown, SPELLINGS_TRIED).items()
        for other in others
    ]
    spellings: dict[str, list[Term]] = {}
    for (word, term), has in zip(near, _have_results([[term.words] for _, term in near]), strict=True):
        if has:
            spellings.setdefault(word, []).append(term)
    return spellings


def _respelt(
    typed: list[Term], terms: list[Term], known: dict[str, Term], spellings: dict[str, list[Term]]
) -> RelaxedQuery | None:
    """Return the first query of all words, joined, split or corrected, that has results."""
    split = list(_split(terms, known))
    likely = [way for way in split if all(len(term.typed) >= SURE_HALF for term in way)]
    unlikely = [way for way in split if way not in likely]
    ways = [*_joined(typed), *likely, *_corrected(terms, spellings), *unlikely]
    searches = [[_words_of(way)] for way in ways]
    for way, search, has in zip(ways, searches, _have_results(searches), strict=True):
        if has:
            return RelaxedQuery(tuple(search), _text_of(way))
    return None


def _joined(terms: list[Term]) -> Iterator[list[Term]]:
    """Join each two neighbouring words: "head phones"."""
    for index, term in enumerate(terms):
        following = terms[index + 1 : index + 2]
        together = term.typed + following[0].typed if following else ""
        if together.isascii() and together.isalpha():
            yield [*terms[:index], query.one_word(together), *terms[index + 2 :]]


def _split(terms: list[Term], known: dict[str, Term]) -> Iterator[list[Term]]:
    """Split the only unknown word in two, at each position: "yogamat"."""
    unknown = [index for index, term in enumerate(terms) if term.typed not in known]
    word = terms[unknown[0]].typed if len(unknown) == 1 else ""
    if not (word.isascii() and word.isalpha()) or not spelling.MIN_LENGTH <= len(word) <= MAX_SPLIT_LENGTH:
        return
    for cut in range(1, len(word)):
        halves = [Term(half, (query.exact(half),)) for half in (word[:cut], word[cut:])]
        yield [*terms[: unknown[0]], *halves, *terms[unknown[0] + 1 :]]


def _corrected(terms: list[Term], spellings: dict[str, list[Term]]) -> Iterator[list[Term]]:
    """Replace unknown words by their corrections, the best combination first."""
    if spellings:
        choices = [spellings.get(term.typed, [term]) for term in terms]
        yield from (list(choice) for choice in islice(product(*choices), MAX_CORRECTED))


def _some_of(terms: list[Term], known: dict[str, Term], spellings: dict[str, list[Term]]) -> RelaxedQuery | None:
    """Return a query of the words with results: all of them together, else all but one, else any one."""
    corrected = next(_corrected(terms, spellings), terms)
    usable = [known.get(term.typed, term) for term in corrected if term.typed in known or term not in terms]
    if not usable:
        return None
    sizes = sorted({len(usable), max(1, len(usable) - 1), 1}, reverse=True)
    searches = [[_words_of(chosen) for chosen in combinations(usable, size)] for size in sizes]
    for search, has in zip(searches, _have_results(searches), strict=True):
        if has:
            respelt = _text_of(usable) if corrected is not terms else ""
            return RelaxedQuery(tuple(search), respelt, is_partial=True)
    return None


def _words_of(terms: Sequence[Term]) -> tuple[str, ...]:
    return tuple(word for term in terms for word in term.words)


def _text_of(terms: Sequence[Term]) -> str:
    return " ".join(term.typed for term in terms)
