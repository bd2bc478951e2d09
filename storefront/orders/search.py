"""Search of orders by the words that staff type."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, union

from storefront.core.search_terms import SearchTerm, phone_digits, search_terms
from storefront.db.folding import contains_folded, has_phone
from storefront.orders.models import Item, Order
from storefront.orders.numbers import search_part

MAX_WORDS = 4  # of a search; further ones are ignored
_LAST = "\uffff"  # sorts after every character of a SKU: the end of a range of those with one prefix


def matches_of(words: str) -> list[Any]:
    """Subqueries of the ids of orders, one for each word: an order is found when all of them have it.

    A word is part of a number, e-mail address, recipient's name or phone number, or the start of a SKU.
    """
    return [_matches(term) for term in search_terms(words, MAX_WORDS)]


def _matches(term: SearchTerm) -> Any:
    word = term.typed
    parts: list[ColumnElement[bool]] = [
        Order.order_id.icontains(search_part(word), autoescape=True),
        contains_folded(Order.customer_email, term),
        contains_folded(Order.shipping_full_name, term),
    ]
    if term.phone:
        parts.append(has_phone(Order.shipping_phone, term.phone))
    prefixes = [Item.sku.between(code, code + _LAST) for code in sorted({word, word.upper()})]
    branches = [select(Order.id.label("id")).where(part) for part in parts]
    return union(*branches, *(select(Item.order_id).where(prefix) for prefix in prefixes)).subquery()


def is_buyer(words: str) -> ColumnElement[bool]:
    """Whether all words are part of the e-mail address, the name, or together the phone number of an order.

    :param words: at least one
    """
    terms, digits = search_terms(words, len(words)), phone_digits(words)
    columns = (Order.customer_email, Order.shipping_full_name)
    by_text = [and_(*(contains_folded(column, term) for term in terms)) for column in columns]
    return or_(*by_text, *([has_phone(Order.shipping_phone, digits)] if digits else []))
