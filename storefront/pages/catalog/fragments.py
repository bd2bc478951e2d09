"""Cached HTML fragments of catalogue pages: product cards and filters, rendered by the view before its template."""

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

EAGER_IMAGES = {"grid": 4, "loved": 4}  # by slot, how many images are above the fold and not loaded lazily


class CardFragment(NamedTuple):
    """The arguments of the macro in `catalog/_product_card.html`, and the key of its cached HTML."""

    card: ProductCard
    slot: str
    level: int
    is_wished: bool
    lazy: bool


class FacetsFragment(NamedTuple):
    """The arguments of the macro in `catalog/_facets.html`, and the key of its cached HTML."""

    criteria: BrowseCriteria
    facets: tuple[Facet, ...]
    form_action: str


def render_cards(
    cards: Sequence[ProductCard], slot: str, level: int = 3, wished: Iterable[int] | None = None
) -> Markup:
    """Render product cards as list items, from the fragment cache.

    :param slot: the list on the page that shows them; part of their element ids
    :param level: of their headings
    :param wished: ids of the products on the wishlist; None for the visitor's own wishlist
    """
    if not cards:
        return Markup("")
    on_wishlist = layout.wished() if wished is None else frozenset(wished)
    eager = EAGER_IMAGES.get(slot, 0)
    fragments = [
        CardFragment(card, slot, level, card.id in on_wishlist, index >= eager) for index, card in enumerate(cards)
    ]
    return render_cached("catalog/_product_card.html", fragments)


def render_facets(listing: Listing, form_action: str) -> Markup:
    """Render the filters of a listing, from the fragment cache.

    The key has page 1 on every page: changing a filter leads to the first page anyway.
    """
    fragment = FacetsFragment(replace(listing.criteria, page=1), listing.facets, form_action)
    return render_cached("catalog/_facets.html", [fragment])


def product_context(page: ProductPage, *, sku: str | None = None, stars: int | None = None) -> dict[str, Any]:
    """Return the context of `catalog/product.html`; related products are only rendered for a full page.

    :param sku: the selected variant
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
        "related_cards": Markup("") if wants_fragment() else render_cards(page.related, "related"),
    }
