"""Suggestions of products below the search field while typing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from storefront.catalog.listing.listing import cards_of
from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, product_search
from storefront.catalog.search import engine
from storefront.catalog.search.fallback import relax
from storefront.catalog.search.synonyms import read_query
from storefront.catalog.values import Suggestion
from storefront.catalog.values.search import RelaxedQuery, Words
from storefront.db.session import read_session

MAX_SUGGESTIONS = 6


def suggest(text: str) -> tuple[list[Suggestion], RelaxedQuery | None]:
    """Suggest products for what was typed so far, from two letters on.

    :return: the suggestions, and the relaxed query they match when no product has all the words typed
    """
    query = read_query(text)
    if len(text.strip()) < 2 or not query:
        return [], None
    exact = engine.find_exact(text)
    ids = _best(query)
    if exact is not None:
        ids = [exact, *(other for other in ids if other != exact)]
    relaxed = None if ids else relax(text, query)
    if relaxed:
        ids = _best(relaxed.alternatives)
    suggestions = [
        Suggestion(card.id, card.slug, card.name, card.brand, card.price, card.hue, card.picture, card.price_varies)
        for card in cards_of(ids)
    ]
    return suggestions, relaxed


def _best(alternatives: Sequence[Words]) -> list[int]:
    best = (
        select(product_search.c.product_id)
        .join(BrowseEntry, BrowseEntry.product_id == product_search.c.product_id)
        .where(BrowseEntry.category_id == ALL_CATEGORIES, engine.engine().matches(*alternatives))
        .order_by(engine.engine().rank(engine.all_words(alternatives)), BrowseEntry.popularity.desc())
        .limit(MAX_SUGGESTIONS)
    )
    return list(read_session().scalars(best))
