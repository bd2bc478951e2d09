"""Full-text search of products: one interface over SQLite FTS5 and MySQL FULLTEXT.

Texts are split into words here, so that both engines index the same words, and neither drops short words ("4K", "XL")
or stop words ("The") that shoppers type.
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

MAX_WORDS = 8  # of a query; further words are ignored
MAX_WORD_LENGTH = 40

_ACCENTS = re.compile("[\u0300-\u036f]")
_WORD = re.compile(r"[^\W_]+")
_HYPHENATED = re.compile(r"\w+(?:-\w+)+")
# Stop words, which InnoDB never indexes, from INFORMATION_SCHEMA.INNODB_FT_DEFAULT_STOPWORD; nor any below 3 letters.
_UNINDEXED = frozenset(
    """
    a about an are as at be by com de en for from how i in is it la of on or that the this to was what when where who
    will with und www
    """.split()  # noqa: SIM905 - a list of 36 strings would be no easier to read
)
_PADDING = "__"  # appended to stop words and short words, so that InnoDB indexes them


@dataclass(frozen=True, slots=True)
class SearchText:
    """The text under which a product is indexed.

    :ivar name: words that rank higher
    :ivar words: all words, those of `name` included
    """

    product_id: int
    name: str
    words: str


def _fold(text: str) -> str:
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()


def _join(hyphenated: str) -> str:
    return hyphenated.replace("-", "").replace("_", "")[:MAX_WORD_LENGTH]


def words_of(text: str) -> list[str]:
    """Split a text into words in lower case without accents; "WH-1000XM5" gives "wh1000xm5", too."""
    folded = _fold(text)
    words = [word[:MAX_WORD_LENGTH] for word in _WORD.findall(folded)]
    joined = [_join(part) for part in _HYPHENATED.findall(folded)]
    return words + [word for word in joined if word not in words]


def query_words(text: str) -> list[str]:
    """Split a search into words, in order, at most `MAX_WORDS`.

    A part with hyphens and digits is a code and stays whole: its pieces ("SKU") may occur in every product.
    """
    return [word for term in query_terms(text) for word in term.words][:MAX_WORDS]


def query_terms(text: str) -> list[Term]:
    """Split a search into terms at spaces and punctuation; words joined by hyphens are one term."""
    terms: list[Term] = []
    for part in _fold(text).split():
        pieces = [word[:MAX_WORD_LENGTH] for word in _WORD.findall(part)]
        if not _HYPHENATED.fullmatch(part):
            terms += [Term(piece, (singular(piece),)) for piece in pieces]
        elif any(character.isdigit() for character in part):
            terms.append(Term(part, (_join(part),)))
        elif pieces:
            terms.append(Term(part, tuple(singular(piece) for piece in pieces)))
    return terms


def parse_query(text: str) -> list[Words]:
    """Turn a search into alternatives: all words as typed, or with a single letter or hyphenated words joined.

    So "t-shirt" and "t shirt" match "tshirt", too, and "e book" does not match every book with a word in e.

    :return: sets of words, of which a product must match all of one; empty when the search has no words
    """
    terms = query_terms(text)[:MAX_WORDS]
    single_letters = {part for part in _fold(text).split() if len(part) == 1 and part.isalpha()}
    variations = [terms]
    for index, term in enumerate(terms):
        before, after = terms[:index], terms[index + 1 :]
        if len(term.words) > 1:
            *first, last = term.words
            parts = tuple(exact(word) if len(word) == 1 else word for word in first)
            variations[0] = [*variations[0][:index], Term(term.typed, (*parts, last)), *after]
            variations.append([*before, one_word(_join(term.typed)), *after])
        elif term.typed in single_letters and after:
            variations[0] = [*variations[0][:index], Term(term.typed, (exact(term.typed),)), *after]
            if after[0].typed.isalpha():
                variations.append([*before, one_word(term.typed + after[0].typed), *after[1:]])
    if not terms:
        return []
    return [[word for term in variation for word in term.words][:MAX_WORDS] for variation in variations]


def one_word(typed: str) -> Term:
    """Make a term of one word."""
    return Term(typed, (singular(typed[:MAX_WORD_LENGTH]),))


def singular(word: str) -> str:
    """Strip the plural ending of an English noun, so that "shoes" matches "shoe"; words below 5 letters stay."""
    if len(word) < 5 or word.endswith("ss") or not word.endswith("s"):
        return word
    return word.removesuffix("es") if word.endswith(("sses", "shes", "ches", "xes")) else word.removesuffix("s")


def _indexable(text: str) -> str:
    return " ".join(_padded(word) for word in words_of(text))


def _padded(word: str) -> str:
    return word + _PADDING if len(word) < 3 or is_common(word) else word


def is_common(word: str) -> bool:
    """Tell whether it is a stop word, such as "the" or "for"."""
    return word in _UNINDEXED


def exact(word: str) -> ExactWord:
    """Make a word that matches only itself, not the beginning of longer words."""
    return ExactWord(_padded(word))


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
        # Another product may bring the same word at this moment.
        learn = insert(SearchWord).prefix_with("IGNORE", dialect="mysql").prefix_with("IGNORE", dialect="mariadb")
        session.execute(learn.prefix_with("OR IGNORE", dialect="sqlite"), new)
