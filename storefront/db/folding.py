"""Comparison of text columns without case and accents, alike on both engines; see `storefront.core.search_terms`."""

from __future__ import annotations

from functools import reduce
from typing import Any

from sqlalchemy import ColumnElement, String, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from storefront.core.search_terms import ACCENTS, LETTERS, SearchTerm, fold

SQLITE_FUNCTION = "shop_fold"
# Without accents and case, and other than utf8mb4_unicode_ci it tells emoji apart. MariaDB and MySQL both have it.
_COLLATION = "utf8mb4_unicode_520_ci"
_PHONE_PUNCTUATION = (" ", "\u00a0", "-", "(", ")", ".", "/")


class folded(FunctionElement[str]):  # noqa: N801 - is used like the functions of SQLAlchemy
    """A text column as `fold` writes it, for comparing with folded text."""

    type = String()
    inherit_cache = True
    name = "folded"


@compiles(folded, "sqlite")
def _for_sqlite(element: folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"{SQLITE_FUNCTION}({compiler.process(element.clauses, **options)})"


@compiles(folded, "mysql")
@compiles(folded, "mariadb")
def _for_mysql(element: folded, compiler: SQLCompiler, **options: Any) -> str:
    """The collation compares letters with their accents as one; accents of their own and rarer letters it does not.

    Replacing those is slow, so text of one byte a letter is left out.
    """
    column = compiler.process(element.clauses, **options)
    first, last = (f"\\\\x{{{code:04X}}}" for code in ACCENTS)
    # Not caseless, as the collation would have it: among the accents is one whose capital is the Greek iota.
    text = f"REGEXP_REPLACE(LOWER({column}), '(?-i)[{first}-{last}]', '')"
    for letter, plain in LETTERS.items():
        text = f"REPLACE({text}, '{letter}', '{plain}')"
    is_plain = f"LENGTH({column}) = CHAR_LENGTH({column})"
    return f"(CASE WHEN {is_plain} THEN LOWER({column}) ELSE {text} END) COLLATE {_COLLATION}"


def prepare_sqlite(connection: Any) -> None:
    """Define the function on a new connection of `sqlite3`."""
    connection.create_function(SQLITE_FUNCTION, 1, _fold_or_none, deterministic=True)


def _fold_or_none(text: str | None) -> str | None:
    return None if text is None else fold(text)


def contains_folded(column: ColumnElement[Any] | Any, term: SearchTerm) -> ColumnElement[bool]:
    """Whether a text column contains a word of a search, whatever the accents and the case of either."""
    return folded(column).contains(term.folded, autoescape=True)


def has_phone(column: ColumnElement[Any] | Any, digits: str) -> ColumnElement[bool]:
    """Whether a phone number in a text column, spelled in any way, contains digits.

    :param digits: of `phone_digits`
    """
    plain: ColumnElement[str] = reduce(
        lambda text, character: func.replace(text, character, ""), _PHONE_PUNCTUATION, column
    )
    return plain.contains(digits)
