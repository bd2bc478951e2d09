"""The parts of the catalogue's pages that are the same for everyone, with all that each is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from flask import Flask
from markupsafe import Markup

from storefront.catalog.values import BrowseCriteria, Facet, Listing, ProductCard
from storefront.drawn import draw

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


def init_app(app: Flask) -> None:
    """Make them known to the templates."""
    app.jinja_env.globals.update(draw_cards=draw_cards, draw_facets=draw_facets)


def draw_cards(cards: Sequence[ProductCard], slot: str, level: int, wished: Iterable[int]) -> Markup:
    """Product cards, each in an item of a list: most of what a listing costs, and less often changed than looked at.

    :param slot: where on the page they stand :param level: of their headings :param wished: ids with a full heart
    """
    full, at_once = frozenset(wished), SEEN_AT_ONCE.get(slot, 0)
    shown = [Card(card, slot, level, card.id in full, place >= at_once) for place, card in enumerate(cards)]
    return draw("catalog/_product_card.html", shown)


def draw_facets(listing: Listing, form_action: str) -> Markup:
    """The filters of a listing. They are those of its first page: any change of theirs leads there."""
    shown = Facets(replace(listing.criteria, page=1), listing.facets, form_action)
    return draw("catalog/_facets.html", [shown])
