"""Fallbacks of a search without results: corrected spelling, words joined or split, most of the words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from storefront.catalog import listing as catalog_listing
from storefront.catalog import products
from storefront.catalog.search import fallback
from storefront.catalog.search.synonyms import read_query
from storefront.catalog.values import BrowseCriteria
from storefront.catalog.values.search import RelaxedQuery
from storefront.cli.demo.catalogue import read
from tests.conftest import ENGINES, rolled_back
from tests.factories.catalog import make_product
from tests.isolated_shop import own_shop
from tests.page_client import Page, Pages, counted_selects

NAMES = {number: product["name"] for number, product in enumerate(read()["products"], start=1)}


@pytest.fixture(scope="module", params=ENGINES)
def _furnished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A shop with more products, committed: the full-text index of MariaDB has no uncommitted rows."""
    with own_shop(request.param, tmp_path_factory.mktemp("furnished")) as app:
        with app.app_context():
            for name in (
                "Cotton T-Shirt",
                "Linen V Neck",
                "Ebook Stand",
                "Redwood Box",
                "Vermilion Zither",
                "Vermilion Bowl",
            ):
                make_product(name=name)
            for number in range(30):
                make_product(name=f"Zanzibar Lamp {number}", brand="Zed", stock=number % 2)
            hidden = make_product(name="Xylophone")
            products.admin.set_published([hidden.id], False, actor="tests")
        yield app


@pytest.fixture
def furnished(_furnished: Flask) -> Iterator[Flask]:
    with rolled_back(_furnished):
        yield _furnished


@pytest.fixture
def aisles(furnished: Flask) -> Pages:
    """A browser of the furnished shop."""
    return Pages(furnished)


def relax(typed: str) -> RelaxedQuery | None:
    return fallback.relax(typed, read_query(typed))


def shown(typed: str) -> list[str]:
    return [card.name for card in catalog_listing.browse(BrowseCriteria(words=typed)).cards]


def names(page: Page) -> list[str]:
    return [" ".join(name.get_text().split()) for name in page.all("#listing .product-card__name")]


# ------------------------------------------------------------------------------------ near spellings

SLIPS = [
    ("hedphones", "headphones", 3),
    ("Hedphones", "headphones", 3),
    ("iphnoe", "iphone", 1),  # two letters swapped
    ("lampp", "lamp", None),  # one too many; no name of a product has the word itself
    ("lipstik", "lipstick", 15),  # one missing
    ("teapott", "teapot", 18),
    ("sony headphnes", "sony headphones", 3),  # one wrong word of several
    ("Headphnes Sony", "headphones sony", 3),
    ("evlyn hugo", "evelyn hugo", 6),
    ("ehadphones", "headphones", 3),  # the first two letters swapped
    ("héadphnes", "headphones", 3),
    ("the hedphones", "headphones", 3),
]


@pytest.mark.parametrize(("typed", "respelt", "first"), SLIPS)
def test_a_typing_error_is_corrected_and_matching_products_are_shown(
    app: Flask, typed: str, respelt: str, first: int | None
) -> None:
    listing = catalog_listing.browse(BrowseCriteria(words=typed))
    assert listing.relaxed is not None
    assert (listing.relaxed.respelt, listing.relaxed.is_partial) == (respelt, False)
    assert first is None or listing.cards[0].name == NAMES[first]
    assert [card.name for card in listing.cards] == shown(respelt)
    assert listing.criteria.words == typed


@pytest.mark.parametrize(
    "typed",
    [
        "tv",  # too short to guess
        "xyz",
        "mint",  # "mini" would be another word
        "shirt",  # and so is "short"
        "tshirt",  # "thirty" is not nearly the same
        "t shirt",  # no "t short"
        "xyzzyx",
        "SKU-SNY-99",  # codes and numbers are not words
        "wh-1000xm6",
        "sku-kab-rein",
        "1001xm5",
        "8901234567890",
        "x" * 500,
        "",
        "%",
    ],
)
def test_unlikely_corrections_are_not_made(app: Flask, typed: str) -> None:
    assert relax(typed) is None


@pytest.mark.parametrize("typed", ["headphones", "head", "4k", "the seven", "samaya"])
def test_words_with_results_are_not_corrected(app: Flask, typed: str) -> None:
    assert catalog_listing.browse(BrowseCriteria(words=typed)).relaxed is None
    assert catalog_listing.browse(BrowseCriteria(words=typed, brands=("No Such Brand",))).relaxed is None
    assert relax(typed) is None


def test_words_of_products_off_sale_are_not_proposed(furnished: Flask) -> None:
    assert relax("zanzibarr") is not None
    assert relax("xylophne") is None


# ------------------------------------------------------------------------------- most of the words


@pytest.mark.parametrize(
    ("typed", "first"), [("yoga mat blue", 8), ("red dress", 11), ("4k tv", 4), ("headphones xyzzyx tv", 3)]
)
def test_products_with_most_of_the_words_are_shown_first(app: Flask, typed: str, first: int) -> None:
    listing = catalog_listing.browse(BrowseCriteria(words=typed))
    assert listing.relaxed is not None
    assert (listing.relaxed.respelt, listing.relaxed.is_partial) == ("", True)
    assert listing.cards[0].name == NAMES[first]


def test_any_of_the_words_is_better_than_nothing(app: Flask) -> None:
    assert set(shown("sony teapot")) == {NAMES[3], NAMES[18]}


def test_two_words_of_three_come_before_one_of_three(furnished: Flask) -> None:
    assert shown("vermilion zither teapot") == ["Vermilion Zither"]


def test_a_short_word_matches_whole_words_when_others_may_be_missing(furnished: Flask) -> None:
    assert "Redwood Box" not in shown("red dress")


@pytest.mark.parametrize("typed", ["teapot about", "teapot 7zz", "teapot q"])
def test_stop_words_are_not_searched_alone(app: Flask, typed: str) -> None:
    assert shown(typed) == [NAMES[18]]


def test_a_typing_error_among_words_that_no_product_has_together(app: Flask) -> None:
    relaxed = relax("evlyn hugo teapot")
    assert relaxed is not None
    assert (relaxed.respelt, relaxed.is_partial) == ("evelyn hugo teapot", True)
    assert shown("evlyn hugo teapot") == [NAMES[6]]


# --------------------------------------------------------------------------------- joined and parted


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("Cotton T-Shirt", ["tshirt", "t-shirt", "t shirt", "T-Shirts", "cotton tshirt", "t shirt cotton"]),
        ("Linen V Neck", ["vneck", "v-neck", "v neck", "linen vneck"]),
        ("Ebook Stand", ["ebook", "e-book", "e book", "e-books", "stand for e book"]),
    ],
)
def test_joined_split_and_hyphenated_words_match_alike(furnished: Flask, name: str, ways: list[str]) -> None:
    assert {way: shown(way) for way in ways} == {way: [name] for way in ways}


@pytest.mark.parametrize(
    ("typed", "number"), [("head phones", 3), ("yogamat", 8), ("tea-pot", 18), ("tooth-brush", 45), ("yoga-mat", 8)]
)
def test_words_are_joined_and_split(app: Flask, typed: str, number: int) -> None:
    assert shown(typed)[0] == NAMES[number]


# --------------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize("htmx", [False, True])
def test_a_page_shows_the_corrected_spelling(pages: Pages, htmx: bool) -> None:
    page = pages.get("/products?q=hedphones", htmx=htmx)
    hint = " ".join(page.one("#listing .listing__hint").get_text().split())
    assert hint == "Showing results for headphones. No results for “hedphones”."
    assert names(page) == [NAMES[3]]


def test_a_page_tells_that_words_are_missing(pages: Pages) -> None:
    page = pages.get("/products?q=yoga+mat+blue")
    hint = page.one(".listing__hint").get_text().strip()
    assert hint == "No products match all of these words. These match some of them."
    assert page.one("#search-words")["value"] == "yoga mat blue"


def test_a_search_with_results_shows_no_hint(pages: Pages) -> None:
    assert not pages.get("/products?q=headphones").all(".listing__hint")


@pytest.mark.parametrize("htmx", [False, True])
def test_filters_apply_to_fallback_results(aisles: Pages, htmx: bool) -> None:
    page = aisles.submit(aisles.get("/products?q=zanzibarr"), "#filters", htmx=htmx, stock="1", sort="newest")
    assert "q=zanzibarr" in page.url
    assert names(page) == [f"Zanzibar Lamp {number}" for number in range(29, 0, -2)]
    assert "Showing results for zanzibar" in page.words
    wider = aisles.get(str(page.all(".chip")[1]["href"]), htmx=htmx)
    assert "30 products" in wider.words


def test_fallback_results_have_pages(aisles: Pages) -> None:
    first = aisles.get("/products?q=zanzibarr")
    second = aisles.get(str(first.one("#page-next")["href"]))
    assert second.url == "/products?q=zanzibarr&page=2"
    assert (len(names(first)), len(names(second))) == (24, 6)
    assert len({*names(first), *names(second)}) == 30
    assert names(aisles.get(str(second.one("#page-prev")["href"]))) == names(first)


def test_a_filter_without_results_is_reported_for_a_corrected_spelling_too(pages: Pages) -> None:
    page = pages.get("/products?q=hedphones&brand=No+Such+Brand")
    assert not page.all(".listing__hint")
    assert names(pages.get(str(page.one(".empty .btn")["href"]))) == [NAMES[3]]


def test_a_department_without_results_links_to_all_departments(pages: Pages) -> None:
    assert names(pages.get("/category/electronics?q=hedphones")) == [NAMES[3]]
    page = pages.get("/category/books?q=hedphones")
    assert not page.all(".listing__hint")
    assert names(pages.get(str(page.one(".empty p a")["href"]))) == [NAMES[3]]


@pytest.mark.parametrize("typed", ["hedphonez<b>", "xyzzyx", "yoga mat <script>"])
def test_typed_markup_is_shown_as_text(pages: Pages, typed: str) -> None:
    page = pages.submit(pages.get("/"), ".search", q=typed)
    assert page.one("#search-words")["value"] == typed


# --------------------------------------------------------------------------------------- suggestions


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("hedphones", "Showing results for headphones. No results for “hedphones”. See all"),
        ("yoga mat blue", "No products match all of these words. These match some of them. See all"),
        ("xyzzyx", "No suggestions. Search for “xyzzyx”"),
    ],
)
def test_suggestions_use_the_same_fallbacks(pages: Pages, typed: str, text: str) -> None:
    page = pages.get(f"/search/suggestions?q={typed}", htmx=True)
    assert " ".join(page.one("#suggestion-all").get_text().split()) == text
    offered = [name.get_text() for name in page.all(".suggestion__name")]
    assert offered == shown(typed)


# ------------------------------------------------------------------------------------------ promises


def test_the_api_finds_only_products_with_every_word(app: Flask) -> None:
    client = app.test_client()
    for typed in ("hedphones", "yoga mat blue", "4k tv", "yogamat"):
        assert client.get(f"/api/products?q={typed}").json == []
    found = client.get("/api/products?q=headphones").get_json()
    assert [product["name"] for product in found] == [NAMES[3]]


@pytest.mark.parametrize(
    "typed",
    ["hedphones sonny iphnoe lipstik teapott kashmirr yogga matte", "red " * 8, "abcdefghijklmn", "q w e r t y"],
)
def test_fallbacks_take_a_fixed_number_of_selects(app: Flask, typed: str) -> None:
    alternatives = read_query(typed)
    with counted_selects() as counter:
        fallback.relax(typed, alternatives)
    assert counter["selects"] <= 5
