"""What is offered under the search field while typing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from storefront.catalog.listing.listing import cards_of
from storefront.catalog.models import ALL_CATEGORIES, BrowseEntry, product_search
from storefront.catalog.search import engine
from storefront.catalog.search.fallback import relax
from storefront.catalog.values import Suggestion
from storefront.catalog.values.search import RelaxedQuery, Words
from storefront.db.session import read_session

SHOWN = 6


def suggest(text: str) -> tuple[list[Suggestion], RelaxedQuery | None]:
    """Products to offer; none for less than two letters.

    :return: them, and what was sought instead of words that nothing has
    """
    sought = engine.parse_query(text)
    if len(text.strip()) < 2 or not sought:
        return [], None
    exact = engine.find_exact(text)
    ids = _best(sought)
    if exact is not None:
        ids = [exact, *(other for other in ids if other != exact)]
    relaxed = None if ids else relax(text)
    if relaxed:
        ids = _best(relaxed.alternatives)
    offered = [
        Suggestion(card.id, card.slug, card.name, card.brand, card.price, card.hue, card.picture)
        for card in cards_of(ids)
    ]
    return offered, relaxed


def _best(alternatives: Sequence[Words]) -> list[int]:
    found = (
        select(product_search.c.product_id)
        .join(BrowseEntry, BrowseEntry.product_id == product_search.c.product_id)
        .where(BrowseEntry.category_id == ALL_CATEGORIES, engine.engine().matches(*alternatives))
        .order_by(engine.engine().rank(engine.all_words(alternatives)), BrowseEntry.popularity.desc())
        .limit(SHOWN)
    )
    return list(read_session().scalars(found))
