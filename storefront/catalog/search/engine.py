"""Full-text search of products: one interface over SQLite FTS5 and MySQL FULLTEXT.

Texts are split into words by `words.py`, so that both engines index the same words, and neither drops short words
("4K", "XL") or stop words ("The") that shoppers type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import CTE, ColumnElement, delete, func, insert, literal_column, or_, select
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Session

from storefront.catalog.models import Product, SearchWord, Variant, product_search
from storefront.catalog.search.query import padded
from storefront.catalog.search.words import words_of
from storefront.catalog.values import MAX_SKU_LENGTH
from storefront.catalog.values.search import ExactWord, Words
from storefront.db.session import dialect_of, read_session

MAX_INDEXED_LENGTH = 60_000  # characters, all of them ASCII: TEXT has room for 65,535 bytes


@dataclass(frozen=True, slots=True)
class SearchText:
    """The text under which a product is indexed.

    :ivar name: words that rank higher
    :ivar words: all words, those of `name` included
    """

    product_id: int
    name: str
    words: str


def _indexable(text: str) -> str:
    words = " ".join(padded(word) for word in words_of(text))
    return words if len(words) <= MAX_INDEXED_LENGTH else words[:MAX_INDEXED_LENGTH].rpartition(" ")[0]


class SearchEngine(Protocol):
    """The full-text operations of a database."""

    def matches(self, *alternatives: Words) -> ColumnElement[bool]:
        """Return a condition on `product_search`: all words of at least one alternative match.

        A word matches as the beginning of an indexed word, an `ExactWord` only as the whole word.
        """
        ...

    def rank(self, words: Words) -> ColumnElement[float]:
        """Return the rank to sort by, smaller is better; words in the name weigh ten times as much as others."""
        ...


class Fts5:
    """SQLite FTS5."""

    def matches(self, *alternatives: Words) -> ColumnElement[bool]:
        return literal_column("product_search").op("MATCH")(to_fts5(alternatives))

    def rank(self, words: Words) -> ColumnElement[float]:
        return func.bm25(literal_column("product_search"), 10.0, 1.0)


class FullText:
    """MySQL and MariaDB FULLTEXT in Boolean mode."""

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
    """List the words of all alternatives, each once."""
    return list(dict.fromkeys(word for words in alternatives for word in words))


def to_fts5(alternatives: Sequence[Words]) -> str:
    """Write alternatives in the query syntax of FTS5."""
    return " OR ".join(f"({' '.join(_phrase(word) for word in words)})" for words in alternatives)


def _phrase(word: str) -> str:
    return f'"{word}"' if isinstance(word, ExactWord) else f'"{word}" *'


def _boolean(word: str) -> str:
    return word if isinstance(word, ExactWord) else f"{word}*"


def engine() -> SearchEngine:
    """Return the search engine of the catalog database."""
    return FullText() if dialect_of("catalog") == "mysql" else Fts5()


def match_cte(*alternatives: Words) -> CTE:
    """Return a CTE with the `product_id` of every matching product, to join to."""
    return select(product_search.c.product_id).where(engine().matches(*alternatives)).cte("found")


def find_exact(text: str) -> int | None:
    """Find the product with this complete SKU or barcode, as typed or in upper case."""
    code = text.strip()
    if not code or len(code) > MAX_SKU_LENGTH:
        return None
    codes = sorted({code, code.upper()})
    variant = select(Variant.product_id).where(or_(Variant.sku.in_(codes), Variant.barcode.in_(codes)))
    product = select(Product.id).where(Product.sku.in_(codes))
    return read_session().scalar(variant.union_all(product).limit(1), bind_arguments={"mapper": Variant})


def index_products(session: Session, texts: Iterable[SearchText]) -> None:
    """Replace the search index of products, within the caller's transaction, and learn the words of their names."""
    batch = [index_row(text) for text in texts]
    ids = [row["product_id"] for row in batch]
    session.execute(delete(product_search).where(product_search.c.product_id.in_(ids)))
    session.execute(insert(product_search), batch)
    _learn(session, {word for row in batch for word in str(row["name"]).split() if word.isalpha()})


def index_row(text: SearchText) -> dict[str, int | str]:
    """Return the row of `product_search` for a text."""
    return {"product_id": text.product_id, "name": _indexable(text.name), "words": _indexable(text.words)}


def _learn(session: Session, words: set[str]) -> None:
    known = set(session.scalars(select(SearchWord.word).where(SearchWord.word.in_(words))))
    if new := [{"word": word} for word in sorted(words - known) if len(word) > 3]:
        # Another product may bring the same word at this moment.
        learn = insert(SearchWord).prefix_with("IGNORE", dialect="mysql").prefix_with("IGNORE", dialect="mariadb")
        session.execute(learn.prefix_with("OR IGNORE", dialect="sqlite"), new)
