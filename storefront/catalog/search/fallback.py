"""What to search for when a search finds nothing: a near spelling, words joined or parted, most of the words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, product

from sqlalchemy import ColumnElement, exists, literal, select, union_all

from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, product_search
from storefront.catalog.search import engine, spelling
from storefront.catalog.values.search import RelaxedQuery, Term
from storefront.db.session import read_session

MAX_SPLIT_LENGTH = 14  # letters of a word tried as two words
SURE_HALF = 3  # letters of a part that is likelier meant than a slip; others are tried last
SHORT = 3  # letters of a word that is sought whole before it is sought as a beginning: "red" is not "reduced"
SPELLINGS_TRIED = 2  # of each word
MAX_CORRECTED = 4  # ways to spell all that was typed


def relax(text: str) -> RelaxedQuery | None:
    """What to search for instead, by at most five selects; None where the words find something, or nothing helps.

    Filters and departments do not count: what is shown instead must not change with them.
    """
    typed = engine.query_units(text)[: engine.MAX_WORDS]
    units = [unit for unit in typed if len(unit.typed) > 1 and not engine.is_common(unit.typed)]
    forms = [form for unit in units for form in _forms(unit)]
    if not typed:
        return None
    has_goods = _have_goods([engine.parse_query(text), *([form.words] for form in forms)])
    if has_goods[0]:
        return None
    known = {form.typed: form for form, has in reversed(list(zip(forms, has_goods[1:], strict=True))) if has}
    spellings = _spellings([unit.typed for unit in units if unit.typed not in known])
    respelt = _respelt(typed, units, known, spellings)
    return respelt or (_some_of(units, known, spellings) if len(typed) > 1 else None)


def _forms(unit: Term) -> list[Term]:
    """How it is sought where other words may be missing; the first that has goods counts."""
    if len(unit.typed) > SHORT:
        return [unit]
    sought_whole = Term(unit.typed, (engine.exact(unit.typed),))
    return [sought_whole, unit] if len(unit.typed) == SHORT else [sought_whole]


def _have_goods(searches: Sequence[Sequence[Sequence[str]]]) -> list[bool]:
    """Whether anything is on sale for each of several searches, each given as alternatives; by one select."""
    if not searches:
        return []
    branches = [select(literal(number)).where(_on_sale(asked)) for number, asked in enumerate(searches)]
    numbers = set(read_session().scalars(union_all(*branches), bind_arguments={"mapper": BrowseEntry}))
    return [number in numbers for number in range(len(searches))]


def _on_sale(alternatives: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    # The sum keeps SQLite from asking its search of every entry in turn: it must begin with what the search finds.
    same = BrowseEntry.product_id == product_search.c.product_id + 0
    found = select(BrowseEntry.product_id).join(product_search, same)
    return exists(found.where(BrowseEntry.category_id == ALL_CATEGORIES, engine.engine().matches(*alternatives)))


def _spellings(unknown: list[str]) -> dict[str, list[Term]]:
    """Near spellings that have goods, by the word that was typed."""
    near = [
        (word, engine.one_word(other))
        for word, others in spelling.nearest(unknown, SPELLINGS_TRIED).items()
        for other in others
    ]
    found: dict[str, list[Term]] = {}
    for (word, unit), has in zip(near, _have_goods([[unit.words] for _, unit in near]), strict=True):
        if has:
            found.setdefault(word, []).append(unit)
    return found


def _respelt(
    typed: list[Term], units: list[Term], known: dict[str, Term], spellings: dict[str, list[Term]]
) -> RelaxedQuery | None:
    """All of the words, joined, parted or spelt otherwise; the first way that has goods."""
    parted = list(_parted(units, known))
    sure = [way for way in parted if all(len(unit.typed) >= SURE_HALF for unit in way)]
    unsure = [way for way in parted if way not in sure]
    ways = [*_joined(typed), *sure, *_corrected(units, spellings), *unsure]
    searches = [[_words_of(way)] for way in ways]
    for way, asked, has in zip(ways, searches, _have_goods(searches), strict=True):
        if has:
            return RelaxedQuery(tuple(asked), _written(way))
    return None


def _joined(units: list[Term]) -> Iterator[list[Term]]:
    """Two neighbours as one word: "head phones"."""
    for place, unit in enumerate(units):
        following = units[place + 1 : place + 2]
        if following and (unit.typed + following[0].typed).isalpha():
            yield [*units[:place], engine.one_word(unit.typed + following[0].typed), *units[place + 2 :]]


def _parted(units: list[Term], known: dict[str, Term]) -> Iterator[list[Term]]:
    """The one unknown word as two: "tshirt", "yogamat"."""
    unknown = [place for place, unit in enumerate(units) if unit.typed not in known]
    word = units[unknown[0]].typed if len(unknown) == 1 else ""
    if not word.isalpha() or not spelling.MIN_LENGTH <= len(word) <= MAX_SPLIT_LENGTH:
        return
    for cut in range(1, len(word)):
        halves = [Term(half, (engine.exact(half),)) for half in (word[:cut], word[cut:])]
        yield [*units[: unknown[0]], *halves, *units[unknown[0] + 1 :]]


def _corrected(units: list[Term], spellings: dict[str, list[Term]]) -> Iterator[list[Term]]:
    """Unknown words as their nearest spellings, the best first."""
    if spellings:
        choices = [spellings.get(unit.typed, [unit]) for unit in units]
        yield from (list(choice) for choice in islice(product(*choices), MAX_CORRECTED))


def _some_of(units: list[Term], known: dict[str, Term], spellings: dict[str, list[Term]]) -> RelaxedQuery | None:
    """Of several words those that have goods: all of those, else all but one, else any."""
    corrected = next(_corrected(units, spellings), units)
    kept = [known.get(unit.typed, unit) for unit in corrected if unit.typed in known or unit not in units]
    if not kept:
        return None
    sizes = sorted({len(kept), max(1, len(kept) - 1), 1}, reverse=True)
    ways = [[_words_of(chosen) for chosen in combinations(kept, size)] for size in sizes]
    for asked, has in zip(ways, _have_goods(ways), strict=True):
        if has:
            return RelaxedQuery(tuple(asked), _written(kept) if corrected is not units else "", is_partial=True)
    return None


def _words_of(units: Sequence[Term]) -> tuple[str, ...]:
    return tuple(word for unit in units for word in unit.words)


def _written(units: Sequence[Term]) -> str:
    return " ".join(unit.typed for unit in units)
