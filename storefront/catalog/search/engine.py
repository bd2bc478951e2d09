"""Finding products by words: one interface over SQLite FTS5 and MySQL FULLTEXT.

Both engines see the same words, because we cut the text ourselves: they agree on what a word is, and neither drops
short ones ("4K", "XL") or common ones ("The") that shoppers type.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import CTE, ColumnElement, delete, func, insert, literal_column, or_, select
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Session

from storefront.catalog.models import Product, SearchWord, Variant, product_search
from storefront.catalog.values import MAX_SKU_LENGTH
from storefront.catalog.values.search import ExactWord, Term, Words
from storefront.db.session import dialect_of, read_session

MAX_WORDS = 8  # of a query; more words only narrow further
MAX_WORD_LENGTH = 40

_ACCENTS = re.compile("[\u0300-\u036f]")
_WORD = re.compile(r"[^\W_]+")
_HYPHENATED = re.compile(r"\w+(?:-\w+)+")
# Words that InnoDB never indexes: INFORMATION_SCHEMA.INNODB_FT_DEFAULT_STOPWORD, and all below three letters.
_UNINDEXED = frozenset(
    """
    a about an are as at be by com de en for from how i in is it la of on or that the this to was what when where who
    will with und www
    """.split()  # noqa: SIM905 - a list of 36 strings would be no easier to read
)
_PADDING = "__"


@dataclass(frozen=True, slots=True)
class SearchText:
    """What a product is found by."""

    product_id: int
    name: str
    words: str


def _fold(text: str) -> str:
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()


def _join(hyphenated: str) -> str:
    return hyphenated.replace("-", "").replace("_", "")[:MAX_WORD_LENGTH]


def words_of(text: str) -> list[str]:
    """The words of a text: lower case, without accents; "WH-1000XM5" also counts as "wh1000xm5"."""
    folded = _fold(text)
    words = [word[:MAX_WORD_LENGTH] for word in _WORD.findall(folded)]
    joined = [_join(part) for part in _HYPHENATED.findall(folded)]
    return words + [word for word in joined if word not in words]


def query_words(text: str) -> list[str]:
    """The words of what a shopper typed, in order, at most `MAX_WORDS`.

    A part with hyphens and digits is a code and stays whole: its pieces ("SKU") may stand in every product.
    """
    return [word for unit in query_units(text) for word in unit.words][:MAX_WORDS]


def query_units(text: str) -> list[Term]:
    """What a shopper typed, cut at its blanks and signs; what hyphens hold together is one unit."""
    units: list[Term] = []
    for part in _fold(text).split():
        pieces = [word[:MAX_WORD_LENGTH] for word in _WORD.findall(part)]
        if not _HYPHENATED.fullmatch(part):
            units += [Term(piece, (singular(piece),)) for piece in pieces]
        elif any(character.isdigit() for character in part):
            units.append(Term(part, (_join(part),)))
        elif pieces:
            units.append(Term(part, tuple(singular(piece) for piece in pieces)))
    return units


def parse_query(text: str) -> list[Words]:
    """What a page seeks for what was typed: all of its words; a letter by itself or a hyphen may also join two of them.

    So "t-shirt" and "t shirt" find a tshirt, too, and "e book" does not find every book with an e-word.

    :return: alternatives; none where nothing was typed that restricts
    """
    units = query_units(text)[:MAX_WORDS]
    by_themselves = {part for part in _fold(text).split() if len(part) == 1 and part.isalpha()}
    ways = [units]
    for place, unit in enumerate(units):
        before, after = units[:place], units[place + 1 :]
        if len(unit.words) > 1:
            *first, last = unit.words
            held = tuple(exact(word) if len(word) == 1 else word for word in first)
            ways[0] = [*ways[0][:place], Term(unit.typed, (*held, last)), *after]
            ways.append([*before, one_word(_join(unit.typed)), *after])
        elif unit.typed in by_themselves and after:
            ways[0] = [*ways[0][:place], Term(unit.typed, (exact(unit.typed),)), *after]
            if after[0].typed.isalpha():
                ways.append([*before, one_word(unit.typed + after[0].typed), *after[1:]])
    return [[word for unit in way for word in unit.words][:MAX_WORDS] for way in ways] if units else []


def one_word(typed: str) -> Term:
    return Term(typed, (singular(typed[:MAX_WORD_LENGTH]),))


def singular(word: str) -> str:
    """What both numbers of an English noun begin with: "shoes" must find the shoe. Short words are left alone."""
    if len(word) < 5 or word.endswith("ss") or not word.endswith("s"):
        return word
    return word.removesuffix("es") if word.endswith(("sses", "shes", "ches", "xes")) else word.removesuffix("s")


def _indexable(text: str) -> str:
    return " ".join(_padded(word) for word in words_of(text))


def _padded(word: str) -> str:
    return word + _PADDING if len(word) < 3 or is_common(word) else word


def is_common(word: str) -> bool:
    """Whether it says nothing by itself: "the", "for"."""
    return word in _UNINDEXED


def exact(word: str) -> ExactWord:
    """A word to be found as it is, not as the beginning of others."""
    return ExactWord(_padded(word))


class SearchEngine(Protocol):
    """How a database matches and ranks."""

    def matches(self, *alternatives: Words) -> ColumnElement[bool]:
        """Every word of at least one alternative must begin a word of the product, or be one where it is `Whole`."""
        ...

    def rank(self, words: Words) -> ColumnElement[float]:
        """Smaller is better; words in the name weigh more than words elsewhere."""
        ...


class Fts5:
    def matches(self, *alternatives: Words) -> ColumnElement[bool]:
        return literal_column("product_search").op("MATCH")(to_fts5(alternatives))

    def rank(self, words: Words) -> ColumnElement[float]:
        return func.bm25(literal_column("product_search"), 10.0, 1.0)


class FullText:
    def matches(self, *alternatives: Words) -> ColumnElement[bool]:
        required = [" ".join(f"+{_boolean(word)}" for word in words) for words in alternatives]
        against = required[0] if len(required) == 1 else " ".join(f"({words})" for words in required)
        return mysql.match(product_search.c.words, against=against, in_boolean_mode=True)

    def rank(self, words: Words) -> ColumnElement[float]:
        wanted = " ".join(_boolean(word) for word in words)
        in_name = mysql.match(product_search.c.name, against=wanted, in_boolean_mode=True)
        anywhere = mysql.match(product_search.c.words, against=wanted, in_boolean_mode=True)
        return -(in_name * 10 + anywhere)


def all_words(alternatives: Sequence[Words]) -> list[str]:
    """The words of all alternatives, each once."""
    return list(dict.fromkeys(word for words in alternatives for word in words))


def to_fts5(alternatives: Sequence[Words]) -> str:
    """Alternatives in FTS5's language."""
    return " OR ".join(f"({' '.join(_phrase(word) for word in words)})" for words in alternatives)


def _phrase(word: str) -> str:
    return f'"{word}"' if isinstance(word, ExactWord) else f'"{word}" *'


def _boolean(word: str) -> str:
    return word if isinstance(word, ExactWord) else f"{word}*"


def engine() -> SearchEngine:
    """The engine of the database that the catalog schema lives in."""
    return FullText() if dialect_of("catalog") == "mysql" else Fts5()


def match_cte(*alternatives: Words) -> CTE:
    """The products that match, by `product_id`, to join to."""
    return select(product_search.c.product_id).where(engine().matches(*alternatives)).cte("found")


def find_exact(text: str) -> int | None:
    """The product that a SKU or barcode names, whole, as it is written or in capitals."""
    code = text.strip()
    if not code or len(code) > MAX_SKU_LENGTH:
        return None
    codes = sorted({code, code.upper()})
    variant = select(Variant.product_id).where(or_(Variant.sku.in_(codes), Variant.barcode.in_(codes)))
    product = select(Product.id).where(Product.sku.in_(codes))
    return read_session().scalar(variant.union_all(product).limit(1), bind_arguments={"mapper": Variant})


def index_products(session: Session, texts: Iterable[SearchText]) -> None:
    """Make products findable, within the caller's transaction; what was indexed of them before is replaced."""
    batch = [
        {"product_id": text.product_id, "name": _indexable(text.name), "words": _indexable(text.words)}
        for text in texts
    ]
    ids = [row["product_id"] for row in batch]
    session.execute(delete(product_search).where(product_search.c.product_id.in_(ids)))
    session.execute(insert(product_search), batch)
    _learn(session, {word for row in batch for word in str(row["name"]).split() if _PADDING not in word})


def _learn(session: Session, words: set[str]) -> None:
    known = set(session.scalars(select(SearchWord.word).where(SearchWord.word.in_(words))))
    if new := [{"word": word} for word in sorted(words - known) if len(word) > 3 and not word.isdigit()]:
        session.execute(insert(SearchWord), new)
