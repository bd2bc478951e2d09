"""The fragment cache: never stale, and without data of other visitors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, g, request, session
from jinja2 import meta, nodes
from sqlalchemy import update

from storefront.accounts import service as accounts
from storefront.catalog import listing as catalog_listing
from storefront.catalog.models import Product
from storefront.catalog.values import BrowseCriteria, Picture, ProductCard
from storefront.db.session import transaction
from storefront.pages.catalog import fragments
from storefront.web import session as web_session
from storefront.web.anonymous_request import run_anonymously
from storefront.web.fragment_cache import FragmentCache
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.page_client import Page, Pages
from tests.pages.wishlist.toggles import heart_of, pressed

LISTING = "/category/books?sort=newest"
CACHED = ("catalog/_product_card.html", "catalog/_facets.html")

# Of what every template could name, what these may: it answers all visitors alike, or is put in for each (the token).
SAME_FOR_ALL = {"browse_url", "csrf_token", "element_id", "plural", "range", "url_for"}


@pytest.fixture(autouse=True)
def nothing_cached(app: Flask) -> Iterator[None]:
    """Begin with nothing cached, and leave nothing."""
    app.extensions["fragment_cache"] = FragmentCache(app)
    yield
    app.extensions["fragment_cache"] = FragmentCache(app)


def tokens(page: Page) -> set[str]:
    return {str(field["value"]) for field in page.all("input[name=csrf_token]")}


def all_cards() -> list[ProductCard]:
    """Cards of every kind: with options, sold out, few left, without reviews, cheaper than before, a photo."""
    card = make_product(name="Clay & Mug", stock=3)
    shown = [card, make_product(stock=0), make_product(options=(("S", 1), ("M", 2)))]
    photo = Picture("/media/0123456789abcdef0123456789abcdef-1280.webp", "A mug", 1280, 960)
    return [
        *shown,
        *catalog_listing.browse(BrowseCriteria()).cards,
        replace(card, picture=photo),
        replace(card, picture=None),
    ]


# ------------------------------------------------------------------------------------------- visitors


def test_each_visitor_has_their_own_token_on_the_same_cards(app: Flask, pages: Pages) -> None:
    mug = make_product(category="books")
    mine, others = pages, Pages(app)
    mine.begin_session()
    others.begin_session()
    first, second = mine.get(LISTING), others.get(LISTING)
    assert len(tokens(first)) == len(tokens(second)) == 1
    assert tokens(first) != tokens(second)
    for browser, page in ((mine, first), (others, second)):
        after = browser.submit(page, heart_of(mug, "grid"), htmx=True)
        assert pressed(after, mug, "grid") == "true"
    cached = [value.payload for value in app.extensions["fragment_cache"].store.values()]
    assert cached
    assert all(token not in html for html in cached for token in tokens(first))


def test_a_heart_is_full_for_whoever_wished_and_for_nobody_else(app: Flask, pages: Pages) -> None:
    mug, others = make_product(category="books"), Pages(app)
    pages.submit(pages.get(LISTING), heart_of(mug, "grid"))
    for _ in range(2):
        assert pressed(pages.get(LISTING), mug, "grid") == "true"
        assert pressed(others.get(LISTING), mug, "grid") == "false"


@contextmanager
def somebodys_request(app: Flask) -> Iterator[None]:
    """A request that differs from nobody's in whatever a template or filter could read."""
    reference = accounts.open_session(make_account().id, "a test", second_factor=False)
    headers = {"Accept-Language": "hi", "HX-Request": "true", "Host": "other.example", "Referer": "http://x.example/"}
    with app.test_request_context("/orders/track?q=mine", headers=headers):
        session.update({"_user_id": reference, web_session.CART: "my-cart", web_session.RECENTLY_VIEWED: [1, 2]})
        g.csrf_token = "my-token"
        yield


@pytest.mark.parametrize("is_wished", [False, True])
def test_a_card_is_drawn_alike_whoever_asks_for_it(app: Flask, is_wished: bool) -> None:
    cards = all_cards()
    wished = [card.id for card in cards] if is_wished else []
    with somebodys_request(app):
        macro: Any = app.jinja_env.get_template("catalog/_product_card.html").module.product_card  # type: ignore[attr-defined]
        by_them = [macro(card, "newest", 3, is_wished, True) for card in cards]
        assert fragments.render_cards(cards, "newest", 3, wished) == "".join(by_them)
        assert "my-token" in by_them[0]


def test_filters_are_drawn_alike_whoever_asks_for_them(app: Flask) -> None:
    listing = catalog_listing.browse(BrowseCriteria(words="tea", brands=("Samaya",), rating=4, in_stock=True))
    with somebodys_request(app):
        macro: Any = app.jinja_env.get_template("catalog/_facets.html").module.facets  # type: ignore[attr-defined]
        by_them = macro(listing.criteria, listing.facets, "/products")
        assert fragments.render_facets(listing, "/products") == by_them


@pytest.mark.parametrize("template", CACHED)
def test_cached_templates_use_no_request_data(app: Flask, template: str) -> None:
    environment, to_read, named = app.jinja_env, [template], set()
    for name in to_read:
        assert environment.loader is not None
        tree = environment.parse(environment.loader.get_source(environment, name)[0])
        named |= {node.name for node in tree.find_all(nodes.Name)}
        to_read += [found for found in meta.find_referenced_templates(tree) if found and found not in to_read]
    with app.test_request_context():
        offered: dict[str, Any] = {}
        app.update_template_context(offered)
    assert {"request", "g", "wished", "person"} <= offered.keys()
    assert named & (offered.keys() | environment.globals.keys()) <= SAME_FOR_ALL


def test_an_anonymous_request_has_no_visitor_data(app: Flask) -> None:
    with somebodys_request(app):
        g.mine = "secret"

        def look() -> tuple[Any, ...]:
            return dict(session), "mine" in g, web_session.current_account(), request.path, request.headers.get("Host")

        assert run_anonymously(app, look) == ({}, False, None, "/", "localhost")
        assert (session[web_session.CART], g.mine, request.path) == ("my-cart", "secret", "/orders/track")


# ------------------------------------------------------------------------------------------- what changes


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"name": "Brass Mug"}, "Brass Mug"),
        ({"brand": "Smithy"}, "Smithy"),
        ({"price": 123_45}, "₹123.45"),
        ({"compare_at_price": 999_00}, "₹999"),
        ({"stock": 2}, "Only 2 left"),
        ({"stock": 0}, "Sold out"),
        ({"average_rating": 3, "review_count": 7}, "3.0"),
        ({"option_name": "Size"}, "Choose options"),
        (
            {"picture": "/media/0123456789abcdef0123456789abcdef-320.webp"},
            "/media/0123456789abcdef0123456789abcdef-320.webp",
        ),
        ({"slug": "brass-mug"}, "-brass-mug"),
    ],
)
def test_a_change_is_shown_at_once(pages: Pages, change: dict[str, Any], shown: str) -> None:
    mug = make_product(category="books")
    card = f"#grid-{mug.id}"
    assert shown not in str(pages.get(LISTING).one(card))
    with transaction("catalog") as catalogue:
        catalogue.execute(update(Product).where(Product.id == mug.id).values(**change))
    assert shown in str(pages.get(LISTING).one(card))


def test_a_shop_below_a_path_has_addresses_of_its_own(app: Flask) -> None:
    mug = make_product()
    for root in ("", "/shop", ""):
        with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": root}):
            html = fragments.render_cards([mug], "grid", 2, ())
        assert f'href="{root}/product/{mug.id}-' in html
        assert f'action="{root}/cart/lines"' in html


def test_no_more_is_cached_than_there_is_room_for(app: Flask) -> None:
    cards = all_cards()
    small = app.extensions["fragment_cache"] = FragmentCache(app, max_characters=10_000)
    with app.test_request_context():
        assert fragments.render_cards(cards, "grid", 2, ()).count("<article") == len(cards)
        assert fragments.render_cards(cards, "grid", 2, ()).count("<article") == len(cards)
    assert 0 < small.store.size <= 10_000


def test_a_changed_template_is_shown_in_development(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.jinja_env, "auto_reload", True)
    with app.test_request_context():
        assert "Clay Mug" in fragments.render_cards([make_product()], "grid", 2, ())
    assert not app.extensions["fragment_cache"].store.values()
