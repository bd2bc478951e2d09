"""Cached HTML fragments of catalogue pages: product cards and filters, rendered by the view before its template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from markupsafe import Markup

from storefront.catalog import service
from storefront.catalog.values import BrowseCriteria, Facet, Listing, ProductCard, ProductPage
from storefront.orders.service import estimated_delivery_date
from storefront.web import layout
from storefront.web import session as web_session
from storefront.web.fragment_cache import render_cached
from storefront.web.responses import wants_fragment
from storefront.web.shared_pages import differs_by, mark_part

CARD = "catalog/_product_card.html"
RECENTLY_VIEWED_SHOWN = 4
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
    rendered = render_cached(CARD, fragments)
    parts = (mark_part(partial(_wished_card, card), html) for card, html in zip(fragments, rendered, strict=True))
    return Markup("").join(parts)


def _wished_card(card: CardFragment) -> str | None:
    """A card of a shared page, if it is on the visitor's wishlist."""
    return render_cached(CARD, [card._replace(is_wished=True)])[0] if card.card.id in layout.wished() else None


def seen_cards() -> Markup:
    """Render the products that the visitor viewed last."""
    return render_cards(service.get_cards(web_session.recently_viewed()[:RECENTLY_VIEWED_SHOWN]), "seen")


def render_facets(listing: Listing, form_action: str) -> Markup:
    """Render the filters of a listing, from the fragment cache.

    The key has page 1 on every page: changing a filter leads to the first page anyway.
    """
    fragment = FacetsFragment(replace(listing.criteria, page=1), listing.facets, form_action)
    return render_cached("catalog/_facets.html", [fragment])[0]


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


@differs_by("catalog/_seen.html")
def _seen_section(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    cards = seen_cards()
    return {"seen_cards": cards} if cards else None


@differs_by("wishlist/_page_toggle.html")
def _page_toggle(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    return {} if arguments["box"].product_id in layout.wished() else None


@differs_by("wishlist/_alert_form.html")
def _alert_form(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    email = web_session.verified_email()
    return {"known_email": email} if email else None


@differs_by("catalog/_reviews.html")
def _reviews(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    viewer_id = web_session.current_user_id()
    if viewer_id is None:
        return None
    return {"page": service.seen_by(viewer_id, arguments["page"], arguments["stars"])}
