"""The cached HTML of the catalogue's pages: cards and filters, made by the view before its template is rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from markupsafe import Markup

from storefront.catalog.values import BrowseCriteria, Facet, Listing, ProductCard, ProductPage
from storefront.orders.service import estimated_delivery_date
from storefront.web import layout
from storefront.web import session as web_session
from storefront.web.fragment_cache import render_cached
from storefront.web.responses import wants_fragment

SEEN_AT_ONCE = {"grid": 4, "loved": 4}  # how many pictures of a place load without being scrolled to


class Card(NamedTuple):
    card: ProductCard
    slot: str
    level: int
    is_wished: bool
    lazy: bool


class Facets(NamedTuple):
    criteria: BrowseCriteria
    facets: tuple[Facet, ...]
    form_action: str


def draw_cards(cards: Sequence[ProductCard], slot: str, level: int = 3, wished: Iterable[int] | None = None) -> Markup:
    """Product cards, each in an item of a list: most of what a listing costs, and less often changed than looked at.

    :param slot: where on the page they stand
    :param level: of their headings
    :param wished: ids with a full heart; None asks for those of the visitor
    """
    if not cards:
        return Markup("")
    full = layout.wished() if wished is None else frozenset(wished)
    at_once = SEEN_AT_ONCE.get(slot, 0)
    shown = [Card(card, slot, level, card.id in full, place >= at_once) for place, card in enumerate(cards)]
    return render_cached("catalog/_product_card.html", shown)


def draw_facets(listing: Listing, form_action: str) -> Markup:
    """The filters of a listing. They are those of its first page: any change of theirs leads there."""
    shown = Facets(replace(listing.criteria, page=1), listing.facets, form_action)
    return render_cached("catalog/_facets.html", [shown])


def product_context(page: ProductPage, *, sku: str | None = None, stars: int | None = None) -> dict[str, Any]:
    """All that `catalog/product.html` shows; the cards of its foot only where the whole page is asked for.

    :param sku: the variant chosen
    :param stars: the rating whose reviews are shown
    """
    return {
        "page": page,
        "box": page.box,
        "sku": page.box.variant(sku).sku,
        "form": None,
        "stars": stars,
        "known_email": web_session.verified_email(),
        "arrives_on": estimated_delivery_date(),
        "related_cards": Markup("") if wants_fragment() else draw_cards(page.related, "related"),
    }
