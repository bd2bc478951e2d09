"""Finding products by words: one interface over SQLite FTS5 and MySQL FULLTEXT.

Both engines see the same words, because we cut the text ourselves: they agree on what a word is, and neither drops
short ones ("4K", "XL") or common ones ("The") that shoppers type.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import CTE, ColumnElement, delete, func, insert, literal_column, or_, select
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Session

from storefront.catalog.models import Product, SearchWord, Variant, product_search
from storefront.catalog.values import LONGEST_SKU
from storefront.database import dialect_of, queries

MOST_WORDS = 8  # of a query; more words only narrow further
LONGEST_WORD = 40
CLOSE_ENOUGH = 0.72  # similarity of a proposed spelling, difflib's ratio; "hedphones" to "headphones" is 0.95

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
    return hyphenated.replace("-", "").replace("_", "")[:LONGEST_WORD]


def words_of(text: str) -> list[str]:
    """The words of a text: lower case, without accents; "WH-1000XM5" also counts as "wh1000xm5"."""
    folded = _fold(text)
    words = [word[:LONGEST_WORD] for word in _WORD.findall(folded)]
    joined = [_join(part) for part in _HYPHENATED.findall(folded)]
    return words + [word for word in joined if word not in words]


def query_words(text: str) -> list[str]:
    """The words of what a shopper typed, in order, at most `MOST_WORDS`.

    A part with hyphens and digits is a code and stays whole: its pieces ("SKU") may stand in every product.
    """
    words: list[str] = []
    for part in _fold(text).split():
        code = _HYPHENATED.fullmatch(part)
        if code and any(character.isdigit() for character in part):
            words.append(_join(part))
        else:
            words += [_singular(word[:LONGEST_WORD]) for word in _WORD.findall(part)]
    return words[:MOST_WORDS]


def _singular(word: str) -> str:
    """What both numbers of an English noun begin with: "shoes" must find the shoe. Short words are left alone."""
    if len(word) < 5 or word.endswith("ss") or not word.endswith("s"):
        return word
    return word.removesuffix("es") if word.endswith(("sses", "shes", "ches", "xes")) else word.removesuffix("s")


def _indexable(text: str) -> str:
    return " ".join(w + _PADDING if len(w) < 3 or w in _UNINDEXED else w for w in words_of(text))


class SearchEngine(Protocol):
    """How a database matches and ranks. Every word must begin a word of the product."""

    def matches(self, words: list[str]) -> ColumnElement[bool]: ...

    def rank(self, words: list[str]) -> ColumnElement[float]:
        """Smaller is better; words in the name weigh more than words elsewhere."""
        ...


class Fts5:
    def matches(self, words: list[str]) -> ColumnElement[bool]:
        query = " ".join(f'"{word}" *' for word in words)
        return literal_column("product_search").op("MATCH")(query)

    def rank(self, words: list[str]) -> ColumnElement[float]:
        return func.bm25(literal_column("product_search"), 10.0, 1.0)


class FullText:
    def matches(self, words: list[str]) -> ColumnElement[bool]:
        required = " ".join(f"+{word}*" for word in words)
        return mysql.match(product_search.c.words, against=required, in_boolean_mode=True)

    def rank(self, words: list[str]) -> ColumnElement[float]:
        wanted = " ".join(f"{word}*" for word in words)
        in_name = mysql.match(product_search.c.name, against=wanted, in_boolean_mode=True)
        anywhere = mysql.match(product_search.c.words, against=wanted, in_boolean_mode=True)
        return -(in_name * 10 + anywhere)


def engine() -> SearchEngine:
    """The engine of the database that the catalog schema lives in."""
    return FullText() if dialect_of("catalog") == "mysql" else Fts5()


def found(words: list[str]) -> CTE:
    """The products that match, by `product_id`, to join to."""
    return select(product_search.c.product_id).where(engine().matches(words)).cte("found")


def find_exact(text: str) -> int | None:
    """The product that a SKU or barcode names, whole, as it is written or in capitals."""
    code = text.strip()
    if not code or len(code) > LONGEST_SKU:
        return None
    codes = sorted({code, code.upper()})
    variant = select(Variant.product_id).where(or_(Variant.sku.in_(codes), Variant.barcode.in_(codes)))
    product = select(Product.id).where(Product.sku.in_(codes))
    return queries().scalar(variant.union_all(product).limit(1), bind_arguments={"mapper": Variant})


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


def nearest_spelling(text: str) -> str | None:
    """What the shopper may have meant, made of words that names of products hold; None when nothing is close.

    It is asked only when a search found nothing.
    """
    typed = query_words(text)
    if not typed:
        return None
    near = [SearchWord.word.like(f"{word[:1]}%") for word in typed]
    known = list(queries().scalars(select(SearchWord.word).where(or_(*near)).limit(5000)))
    better = [_closest(word, known) for word in typed]
    found = " ".join(word for word in better if word)
    return found if found and found != " ".join(typed) else None


def _closest(word: str, known: list[str]) -> str | None:
    if any(candidate.startswith(word) for candidate in known):
        return word
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=CLOSE_ENOUGH)), None)
