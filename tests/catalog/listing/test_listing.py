"""Listings: products, order and facet counts, compared with counts in plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from storefront.catalog import listing as catalog_listing
from storefront.catalog.listing.filters import PRICE_BANDS
from storefront.catalog.listing.listing import BRANDS_SHOWN
from storefront.catalog.values import BrowseCriteria, Facet, Listing, Sort, UnknownCategory
from storefront.cli.demo.catalogue import read, slug_of
from storefront.db.session import db
from storefront.pages.catalog.forms import active_filters, browse_url, criteria_from
from tests.factories.catalog import make_product
from tests.page_client import Pages, counted_selects


@dataclass(frozen=True)
class DemoProduct:
    """The values of a demo product that listings filter and sort by."""

    id: int
    name: str
    brand: str
    categories: tuple[str, ...]
    price: Decimal
    rating: Decimal
    in_stock: bool
    popularity: int


def _demo_products() -> Iterator[DemoProduct]:
    for number, row in enumerate(read()["products"], start=1):
        ratings = [review["rating"] for review in row["reviews"]]
        average = Decimal(sum(ratings)) / len(ratings) if ratings else Decimal(0)
        yield DemoProduct(
            id=number,
            name=row["name"],
            brand=row["brand"],
            categories=tuple(slug_of(name) for name in row["categories"]),
            price=min(Decimal(variant["price"]) for variant in row["variants"]),
            rating=average.quantize(Decimal("0.01"), ROUND_HALF_UP),
            in_stock=any(variant["stock"] for variant in row["variants"]),
            popularity=row["loved"],
        )


DEMO_PRODUCTS = tuple(_demo_products())
BOUNDS = {
    "under-1000": (0, 1000),
    "1000-5000": (1000, 5000),
    "5000-20000": (5000, 20000),
    "20000-50000": (20000, 50000),
    "over-50000": (50000, 10**9),
}


def in_band(product: DemoProduct, band: str) -> bool:
    low, high = BOUNDS[band]
    return low <= product.price < high


def matching(criteria: BrowseCriteria, *, ignoring: str = "") -> list[DemoProduct]:
    """List the demo products that a listing should show.

    :param ignoring: a facet whose choice does not count
    """
    wanted = {
        "category": lambda g: criteria.category is None or criteria.category in g.categories,
        "brand": lambda g: not criteria.brands or g.brand in criteria.brands,
        "price": lambda g: not criteria.price_bands or any(in_band(g, band) for band in criteria.price_bands),
        "rating": lambda g: criteria.rating is None or g.rating >= criteria.rating,
        "stock": lambda g: not criteria.in_stock or g.in_stock,
    }
    return [g for g in DEMO_PRODUCTS if all(fits(g) for facet, fits in wanted.items() if facet != ignoring)]


def expected_counts(criteria: BrowseCriteria, among: Container[int] | None = None) -> dict[str, Counter[str]]:
    """Count the products of each choice of each facet, given the choices of the other facets.

    :param among: ids of the products that a search finds; None without a search
    """

    def count(facet: str, values: Any) -> Counter[str]:
        found = [g for g in matching(criteria, ignoring=facet) if among is None or g.id in among]
        return Counter(value for g in found for value in values(g))

    return {
        "category": count("category", lambda g: g.categories),
        "brand": count("brand", lambda g: [g.brand]),
        "price": count("price", lambda g: [band for band in BOUNDS if in_band(g, band)]),
        "rating": count("rating", lambda g: [str(least) for least in (4, 3, 2) if g.rating >= least]),
        "stock": count("stock", lambda g: ["1"] if g.in_stock else []),
    }


def listed_ids(criteria: BrowseCriteria) -> list[int]:
    """List the ids of all pages of a listing, in order."""
    first = catalog_listing.browse(criteria)
    pages = [catalog_listing.browse(replace(criteria, page=page)) for page in range(1, first.page_count + 1)]
    return [card.id for page in pages for card in page.cards]


def facet(listing: Listing, name: str) -> Facet:
    return next(facet for facet in listing.facets if facet.name == name)


WORDS = "co"  # the beginning of words of many products

CASES = [
    BrowseCriteria(),
    BrowseCriteria(category="fashion"),
    BrowseCriteria(brands=("Samaya",)),
    BrowseCriteria(brands=("Samaya", "Kagazi"), in_stock=True),
    BrowseCriteria(category="books", brands=("Kagazi",)),
    BrowseCriteria(price_bands=("under-1000", "over-50000")),
    BrowseCriteria(rating=4),
    BrowseCriteria(category="sports", rating=3, in_stock=True),
    BrowseCriteria(category="home-living", price_bands=("1000-5000",), rating=2, in_stock=True),
    BrowseCriteria(brands=("Aavya", "Norr"), price_bands=("1000-5000", "5000-20000"), rating=4),
    BrowseCriteria(brands=("No Such Brand",), in_stock=True),
]


def in_words(criteria: BrowseCriteria) -> str:
    """Describe the criteria that differ from the defaults, as the id of a test case."""
    usual = asdict(BrowseCriteria())
    return " ".join(f"{name}={value}" for name, value in asdict(criteria).items() if value != usual[name]) or "all"


@pytest.mark.parametrize("criteria", CASES, ids=in_words)
def test_a_listing_shows_exactly_the_matching_products(app: Flask, criteria: BrowseCriteria) -> None:
    expected = matching(criteria)
    assert catalog_listing.browse(criteria).total == len(expected)
    assert sorted(listed_ids(criteria)) == [product.id for product in expected]


@pytest.mark.parametrize("criteria", CASES, ids=in_words)
def test_every_facet_choice_has_the_number_of_products_it_would_show(app: Flask, criteria: BrowseCriteria) -> None:
    check_counts(catalog_listing.browse(criteria), expected_counts(criteria))


@pytest.mark.parametrize("criteria", CASES, ids=in_words)
def test_the_facets_of_a_search_have_the_number_of_products_they_would_show(
    app: Flask, criteria: BrowseCriteria
) -> None:
    found = set(listed_ids(BrowseCriteria(words=WORDS)))
    assert len(found) > len(DEMO_PRODUCTS) / 4
    listing = catalog_listing.browse(replace(criteria, words=WORDS))
    assert listing.total == len({g.id for g in matching(criteria)} & found)
    if listing.total:  # else words are left out, and those that are left are counted
        check_counts(listing, expected_counts(criteria, among=found))


def check_counts(listing: Listing, expected: dict[str, Counter[str]]) -> None:
    assert [facet.name for facet in listing.facets] == [
        name for name in expected if name != "brand" or expected["brand"] or listing.criteria.brands
    ]
    for facet_ in listing.facets:
        counts = {choice.value: choice.count for choice in facet_.choices}
        assert counts == {value: expected[facet_.name][value] for value in counts}, facet_.name


def test_a_facet_ignores_its_own_choice_and_applies_the_others(app: Flask) -> None:
    listing = catalog_listing.browse(BrowseCriteria(category="books", brands=("Kagazi",)))
    counts = {choice.label: choice.count for choice in facet(listing, "brand").choices}
    assert counts["Kabini Press"] == 3  # also while only Kagazi is chosen
    assert counts.keys() & {"Apple", "Sony"} == set()  # which make no books
    departments = {choice.value: choice.count for choice in facet(listing, "category").choices}
    assert (departments["books"], departments["home-living"], departments["beauty"]) == (3, 1, 0)


def test_the_most_common_brands_are_offered_and_every_chosen_one(app: Flask) -> None:
    everything = facet(catalog_listing.browse(BrowseCriteria()), "brand").choices
    assert len(everything) == BRANDS_SHOWN
    assert [choice.label for choice in everything] == sorted((c.label for c in everything), key=str.casefold)
    assert {choice.label for choice in everything} >= {"Samaya", "Kagazi", "Aavya", "Deodar Outfitters"}
    rare = facet(catalog_listing.browse(BrowseCriteria(brands=("Manduka",))), "brand").choices
    assert [(choice.label, choice.count) for choice in rare if choice.chosen] == [("Manduka", 1)]
    assert len(rare) == BRANDS_SHOWN + 1


def test_price_bands_meet_without_gap_or_overlap(app: Flask) -> None:
    bounds = [(low, high) for _, low, high in PRICE_BANDS.values()]
    assert bounds[0][0] == 0
    assert bounds[-1][1] is None
    assert [high for _, high in bounds[:-1]] == [low for low, _ in bounds[1:]]


def test_a_price_on_the_bound_belongs_to_the_upper_band(app: Flask) -> None:
    cheap, dear = make_product(price="999.99", brand="Bound"), make_product(price=1000, brand="Bound")
    mine = BrowseCriteria(brands=("Bound",))
    assert listed_ids(replace(mine, price_bands=("under-1000",))) == [cheap.id]
    assert listed_ids(replace(mine, price_bands=("1000-5000",))) == [dear.id]


ORDERS = {
    Sort.DEFAULT: lambda g: (-g.popularity, -g.id),
    Sort.PRICE_LOW: lambda g: (g.price, g.id),
    Sort.PRICE_HIGH: lambda g: (-g.price, -g.id),
    Sort.RATING: lambda g: (-g.rating, -g.id),
    Sort.NEWEST: lambda g: -g.id,
}


@pytest.mark.parametrize("category", [None, "fashion"])
@pytest.mark.parametrize("sort", Sort)
def test_every_sort_order_holds_over_all_pages(app: Flask, sort: Sort, category: str | None) -> None:
    criteria = BrowseCriteria(sort=sort, category=category)
    assert listed_ids(criteria) == [product.id for product in sorted(matching(criteria), key=ORDERS[sort])]


def test_pages_have_the_positions_of_their_products(app: Flask) -> None:
    last = catalog_listing.browse(BrowseCriteria(page=3))
    assert (last.page_count, len(last.cards), last.first, last.last) == (3, 68 - 2 * 24, 49, 68)


def test_a_page_past_the_end_is_the_last_one(app: Flask) -> None:
    listing = catalog_listing.browse(BrowseCriteria(page=1000))
    assert listing.criteria.page == 3
    assert [card.id for card in listing.cards] == listed_ids(BrowseCriteria())[-20:]


def test_an_empty_listing_has_one_empty_page(app: Flask) -> None:
    listing = catalog_listing.browse(BrowseCriteria(brands=("No Such Brand",), page=7))
    assert (listing.total, listing.page_count, listing.criteria.page, listing.cards) == (0, 1, 1, ())
    assert (listing.first, listing.last) == (0, 0)


def test_an_unknown_category_is_refused(app: Flask) -> None:
    with pytest.raises(UnknownCategory):
        catalog_listing.browse(BrowseCriteria(category="toys"))


def test_every_listing_takes_the_same_number_of_selects(app: Flask) -> None:
    costs = []
    for criteria in [*CASES, BrowseCriteria(page=3), BrowseCriteria(words="the", brands=("Samaya",))]:
        with counted_selects() as counter:
            catalog_listing.browse(criteria)
        costs.append(counter["selects"] - bool(criteria.words))  # one for synonyms, where there is no cache
    assert max(costs) <= 5


@pytest.mark.parametrize(
    ("query", "criteria"),
    [
        ({}, BrowseCriteria()),
        ({"q": "  tea  "}, BrowseCriteria(words="tea")),
        ({"q": "te\0a\t" + "x" * 200}, BrowseCriteria(words="te a " + "x" * 95)),
        ({"sort": "price-low", "page": "2"}, BrowseCriteria(sort=Sort.PRICE_LOW, page=2)),
        ({"sort": "cheapest", "page": "two", "rating": "9", "stock": "yes"}, BrowseCriteria()),
        ({"page": "-3"}, BrowseCriteria()),
        ({"page": "99999999999999999999"}, BrowseCriteria(page=1_000_000)),
        ({"page": "1e3", "rating": "4.5"}, BrowseCriteria()),
        ({"rating": "3", "stock": "1"}, BrowseCriteria(rating=3, in_stock=True)),
        ({"price": ["over-50000", "free", "under-1000"]}, BrowseCriteria(price_bands=("under-1000", "over-50000"))),
        ({"brand": ["Norr", "", "Norr", "Sony"]}, BrowseCriteria(brands=("Norr", "Sony"))),
        ({"category": "books"}, BrowseCriteria(category="books")),
        ({"category": ""}, BrowseCriteria()),
    ],
)
def test_invalid_query_strings_fall_back_to_defaults(query: dict[str, Any], criteria: BrowseCriteria) -> None:
    assert criteria_from(MultiDict(query)) == criteria


@pytest.mark.parametrize(
    "criteria", [*CASES, BrowseCriteria(words="salt & tea", sort=Sort.RATING, page=2)], ids=in_words
)
def test_the_url_of_a_listing_parses_to_the_same_criteria(app: Flask, criteria: BrowseCriteria) -> None:
    with app.test_request_context():
        url = browse_url(criteria, page=criteria.page)
    with app.test_request_context(url) as context:
        slug = (context.request.view_args or {}).get("slug")
        assert criteria_from(context.request.args, category=slug) == criteria


def test_any_change_except_of_the_page_starts_at_the_first_page(app: Flask) -> None:
    with app.test_request_context():
        assert "page" not in browse_url(BrowseCriteria(page=3), sort=Sort.NEWEST)
        assert "page=2" in browse_url(BrowseCriteria(page=3), page=2)


def test_every_filter_can_be_removed_alone(app: Flask) -> None:
    criteria = BrowseCriteria(
        category="sports", brands=("Samaya", "Gali Ball Co."), price_bands=("under-1000",), rating=3, in_stock=True
    )
    with app.test_request_context():
        chips = dict(active_filters(catalog_listing.browse(criteria)))
    assert list(chips) == ["Samaya", "Gali Ball Co.", "Under ₹1,000", "3 stars and up", "In stock"]
    assert chips["Samaya"] == "/category/sports?brand=Gali+Ball+Co.&price=under-1000&rating=3&stock=1"
    assert chips["In stock"] == "/category/sports?brand=Samaya&brand=Gali+Ball+Co.&price=under-1000&rating=3"


def test_no_index_of_products_begins_with_a_column_every_listing_filters_by() -> None:
    """MariaDB would use such an index for the cards, and read all products on sale each time."""
    first = {next(iter(index.columns)).name for index in db.metadatas["catalog"].tables["products"].indexes}
    assert "active" not in first


ALIKE = ("A B", "A-B", "a b", "Levi's", "LEVI'S", "Levi’s", "😀", "😎", "Größe", "Grosse", "more", "L" * 200)


@pytest.mark.parametrize("brand", ALIKE)
def test_brands_that_a_database_takes_for_equal_are_counted_and_chosen_apart(app: Flask, brand: str) -> None:
    """C13."""
    made = {name: make_product(brand=name, category="books").id for name in ALIKE}
    criteria = criteria_from(MultiDict([("category", "books"), ("brand", brand)]))
    listing = catalog_listing.browse(criteria)
    assert [card.id for card in listing.cards] == [made[brand]]
    (facet,) = [each for each in listing.facets if each.name == "brand"]
    assert {choice.value: choice.count for choice in facet.choices if choice.chosen} == {brand: 1}


def test_brands_that_are_spelled_alike_have_ids_of_their_own(pages: Pages) -> None:
    """C13: `pages` refuses a page on which two elements have one id."""
    for name in ALIKE:
        make_product(brand=name, category="books")
    shown = pages.get("/category/books?" + urlencode([("brand", name) for name in ALIKE]))
    boxes = [box for box in shown.all("input[name=brand]") if box["value"] in ALIKE]
    counts = {str(box["value"]): shown.one(f"label[for='{box['id']}'] .facet__count").get_text() for box in boxes}
    assert counts == dict.fromkeys(ALIKE, "1 product")
