"""Search: the same words find the same products on both engines, and anything typed is treated as words only."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.catalog import listing as catalog_listing
from storefront.catalog.models import SearchWord
from storefront.catalog.search import engine, query
from storefront.catalog.search.words import words_of
from storefront.catalog.values import BrowseCriteria, Sort
from storefront.cli.demo.catalogue import read
from storefront.db.session import read_session, transaction
from tests.page_client import Pages

PRODUCTS = read()["products"]
NAMES = {number: product["name"] for number, product in enumerate(PRODUCTS, start=1)}


def found(words: str) -> list[str]:
    """List the names of products that match all words; fallbacks are tested in test_fallback.py."""
    listing = catalog_listing.browse(BrowseCriteria(words=words))
    return [] if listing.relaxed else [card.name for card in listing.cards]


@pytest.mark.parametrize("number", [1, 3, 5, 13, 44, 49, 68])
def test_a_sku_finds_its_product_first(app: Flask, number: int) -> None:
    product = PRODUCTS[number - 1]
    for sku in [product["sku"], *(variant["sku"] for variant in product["variants"])]:
        assert found(sku)[0] == product["name"], sku
        assert found(f" {sku.lower()} ")[0] == product["name"]


@pytest.mark.parametrize("number", [1, 5, 13])
def test_a_barcode_finds_its_product_first(app: Flask, number: int) -> None:
    product = PRODUCTS[number - 1]
    for variant in product["variants"]:
        assert found(variant["barcode"])[0] == product["name"], variant["barcode"]


# The words typed, the first product and the number of results: the same on both engines.
CASES = [
    ("headphones", 3, 1),
    ("HEADPHONES", 3, 1),
    ("headph", 3, 1),  # the beginning of a word
    ("Sony headphones", 3, 1),
    ("headphones sony", 3, 1),  # in any order
    ("sony teapot", None, 0),  # every word must be found
    ("wh-1000xm5", 3, 1),  # with its hyphen, without it, and with a blank
    ("wh1000xm5", 3, 1),
    ("wh 1000", 3, 1),
    ("two-tone", 47, 1),
    ("twotone", 47, 1),
    ("4k", 4, 1),  # short words
    ("4K QLED", 4, 1),
    ("65 4k", 4, 1),
    ("uk", 5, 3),
    ("the seven", 6, 2),  # words too common for MySQL's own index
    ("a short history of salt", 19, 1),
    ("look in thirty days", 43, 1),
    ("Chef's knife", 30, 1),
    ("rain, mostly", 49, 1),
    ("Lohar & Daughters", 24, 1),
    ("iPhone 15", 1, 1),
    ("sálť", 19, 2),  # accents are not needed, nor in the way
    ("\uff54eapot", 18, 1),  # a wide t
    ("glowcare", 9, 1),  # a brand
    ("evelyn  hugo\tatria", 6, 1),
    ("nothing of the kind", None, 0),
]


@pytest.mark.parametrize(("typed", "first", "count"), CASES)
def test_words_find_the_same_products_on_both_engines(app: Flask, typed: str, first: int | None, count: int) -> None:
    names = found(typed)
    assert names[:1] == ([NAMES[first]] if first else [])
    assert len(names) == count


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [("samaya", {46, 48, 50}), ("kabini press", {13, 31, 49}), ("pro max", {1, 2}), ("rose", {27, 51, 67})],
)
def test_words_of_many_products_find_all_of_them(app: Flask, typed: str, numbers: set[int]) -> None:
    assert set(found(typed)) == {NAMES[number] for number in numbers}


@pytest.mark.parametrize("department", ["Electronics", "Beauty"])
def test_the_name_of_a_department_finds_its_products(app: Flask, department: str) -> None:
    in_department = {product["name"] for product in PRODUCTS if department in product["categories"]}
    assert set(found(department)) >= in_department


def test_words_in_the_name_rank_higher(app: Flask) -> None:
    assert found("camera")[0] == "Lantern 35 Rangefinder Camera"
    assert found("salt")[0] == "A Short History of Salt"


@pytest.mark.parametrize(
    "typed",
    [
        '"headphones"',
        '"headphones',
        "headphones*",
        "+headphones",
        "-headphones",
        "(headphones",
        "headphones) ~<>@",
        "^headphones",
        "headphones %",
        "headphones _",
        "headphones';--",
        "\\headphones\\",
        "{headphones}",
        "headphones 🎧",
    ],
)
def test_punctuation_around_words_is_ignored(app: Flask, typed: str) -> None:
    assert found(typed) == [NAMES[3]]


@pytest.mark.parametrize(
    "typed",
    [
        "headphones OR teapot",
        "headphones AND teapot",
        "headphones NOT teapot",
        "NEAR(headphones teapot)",
        "name:headphones",
        "'; DROP TABLE products; --",
        "1 OR 1=1",
        "%headphones%teapot%",
        "x" * 500,
        " ".join(["headphones"] * 7 + ["teapot"]),
    ],
)
def test_operators_and_statements_are_searched_as_words(app: Flask, typed: str) -> None:
    assert found(typed) == []
    assert catalog_listing.browse(BrowseCriteria()).total == len(PRODUCTS)


@pytest.mark.parametrize("typed", ["", "   ", "%", "_", '"', "'", "*", "+-", "()", "🎧", "--", "\\", "&&"])
def test_a_query_without_words_does_not_restrict(app: Flask, typed: str) -> None:
    assert catalog_listing.browse(BrowseCriteria(words=typed)).total == len(PRODUCTS)


@pytest.mark.parametrize("query", ["%ED%A0%80", "%00", "%FF%FE", "te%00apot", "%C3%28"])
def test_invalid_bytes_are_no_error(pages: Pages, query: str) -> None:
    pages.get(f"/products?q={query}")
    pages.get(f"/search/suggestions?q={query}", htmx=True)


def test_facets_count_the_results_of_the_search(app: Flask) -> None:
    listing = catalog_listing.browse(BrowseCriteria(words="samaya", in_stock=True))
    counts = {facet.name: {c.value: c.count for c in facet.choices if c.count} for facet in listing.facets}
    assert counts["category"] == {"electronics": 1, "sports": 2}
    assert counts["brand"] == {"Samaya": 2}
    assert counts["price"] == {"under-1000": 1, "5000-20000": 1}
    assert counts["stock"] == {"1": 2}
    assert listing.total == 2


def test_search_results_can_be_sorted(app: Flask) -> None:
    cheapest = catalog_listing.browse(BrowseCriteria(words="samaya", sort=Sort.PRICE_LOW))
    assert [card.id for card in cheapest.cards] == [50, 48, 46]


def suggested(typed: str) -> list[str]:
    return [suggestion.name for suggestion in catalog_listing.suggest(typed)[0]]


def test_suggestions_while_typing(app: Flask) -> None:
    assert suggested("headp") == [NAMES[3]]
    assert suggested("kabini")[:1] != []
    assert len(suggested("the")) == 6


@pytest.mark.parametrize("typed", ["", "h", " h ", "%", "xyzzyx"])
def test_short_or_unknown_words_suggest_nothing(app: Flask, typed: str) -> None:
    assert catalog_listing.suggest(typed) == ([], None)


def test_a_sku_is_suggested_first(app: Flask) -> None:
    assert suggested("sku-kab-rain")[0] == "Rain, Mostly"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Sony WH-1000XM5", ["sony", "wh", "1000xm5", "wh1000xm5"]),
        ("Café Crème, 4K!", ["cafe", "creme", "4k", "4", "k"]),
        ("two-tone two-tone", ["two", "tone", "two", "tone", "twotone"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("snake_case", ["snake", "case"]),
        ("…", []),
    ],
)
def test_texts_are_split_into_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_a_query_is_limited_to_eight_words_of_forty_letters() -> None:
    assert query.parse_query("a1 b1 c1 d1 e1 f1 g1 h1 i1 j1") == [tuple(f"{letter}1" for letter in "abcdefgh")]
    assert query.parse_query("x" * 100) == [("x" * 40,)]


@pytest.mark.parametrize(
    ("typed", "sought"),
    [("shoes", "shoe"), ("dresses", "dress"), ("brushes", "brush"), ("glass", "glass"), ("gas", "gas"), ("4ks", "4ks")],
)
def test_a_plural_is_searched_by_its_singular(typed: str, sought: str) -> None:
    assert query.parse_query(typed) == [(sought,)]


def test_a_word_that_another_product_brings_at_the_same_moment_is_no_error(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction("catalog") as session, monkeypatch.context() as patch:
        patch.setattr(session, "scalars", lambda _: [])  # what is known was read before the other one wrote
        engine._learn(session, {"quincunx"})
        engine._learn(session, {"quincunx", "bowl"})
    found = select(SearchWord.word).where(SearchWord.word.in_(["quincunx", "bowl"]))
    assert sorted(read_session().scalars(found)) == ["bowl", "quincunx"]
