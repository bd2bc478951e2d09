"""Home page, listings, suggestions and product pages."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.catalog import listing
from storefront.catalog.values import BrowseCriteria, Sort
from storefront.cli.demo import generator
from tests.factories.catalog import make_product
from tests.page_client import Page, Pages

EVELYN = "/product/6-the-seven-husbands-of-evelyn-hugo"
BAT = "/product/14-kashmir-willow-bat"  # with reviews, sizes, and one size sold out


def names(page: Page) -> list[str]:
    return [" ".join(name.get_text().split()) for name in page.all("#listing .product-card__name")]


def test_the_home_page_shows_departments_and_products(pages: Pages) -> None:
    page = pages.get("/")
    assert [tile.get_text().strip() for tile in page.all(".department-tile")][:2] == ["Electronics", "Fashion"]
    assert len(page.all("#loved-cards .product-card")) == 8
    assert len(page.all("#newest-cards .product-card")) == 8


def test_the_home_page_shows_recently_viewed_products(pages: Pages) -> None:
    assert not pages.get("/").all("#seen-title")
    pages.get(EVELYN)
    pages.get(BAT)
    seen = pages.get("/").one("#seen-cards")
    assert [name.get_text().strip() for name in seen.select(".product-card__name")] == [
        "Kashmir Willow Bat",
        "The Seven Husbands of Evelyn Hugo",
    ]


# ---------------------------------------------------------------------------------------- listings


def test_all_products_are_paged_by_plain_links(pages: Pages) -> None:
    first = pages.get("/products")
    assert "68 products , 1 to 24 shown" in first.words
    second = pages.get(str(first.one("#page-next")["href"]))
    assert second.url == "/products?page=2"
    assert len(names(second)) == 24
    assert not set(names(first)) & set(names(second))
    assert second.one('[aria-current="page"][id^=page]').get_text().split() == ["Page", "2"]


@pytest.mark.parametrize("htmx", [False, True])
def test_a_filter_narrows_the_listing(pages: Pages, htmx: bool) -> None:
    page = pages.submit(pages.get("/category/sports"), "#filters", htmx=htmx, stock="1", rating="4", sort="price-low")
    criteria = BrowseCriteria(category="sports", in_stock=True, rating=4, sort=Sort.PRICE_LOW)
    assert names(page) == [card.name for card in listing.browse(criteria).cards]
    assert bool(page.all("h1")) is not htmx
    assert page.one("#listing")
    assert [" ".join(chip.get_text().split()) for chip in page.all(".chip")] == [
        "Remove 4 stars and up",
        "Remove In stock",
        "Clear all",
    ]


def test_a_filter_is_removed_by_its_chip(pages: Pages) -> None:
    page = pages.get("/category/sports?stock=1&rating=4")
    wider = pages.get(str(page.all(".chip")[0]["href"]))
    assert wider.url == "/category/sports?stock=1"


def test_the_sort_keeps_the_filters(pages: Pages) -> None:
    page = pages.submit(pages.get("/products?brand=Samaya&q=watch"), "#filters", sort="price-high")
    assert "brand=Samaya" in page.url
    assert "q=watch" in page.url
    assert page.one("#sort option[selected]")["value"] == "price-high"


@pytest.mark.parametrize(
    "query",
    [
        "sort=cheapest",
        "page=0",
        "page=abc",
        "page=-1",
        "page=9999999999999999999999",
        "rating=11",
        "price=free",
        "stock=maybe",
        "category=toys",
        "brand=",
        "brand=%00",
        "q=%00",
        "no=such&thing",
        "sort=price-low&sort=rating",
    ],
)
def test_invalid_values_fall_back_to_defaults(pages: Pages, query: str) -> None:
    page = pages.get(f"/products?{query}")
    assert page.one("#listing")


def test_a_page_past_the_end_is_the_last_one(pages: Pages) -> None:
    assert names(pages.get("/products?page=77")) == names(pages.get("/products?page=3"))


def test_filters_without_results_can_be_cleared(pages: Pages) -> None:
    page = pages.get("/products?brand=No+Such+Brand&stock=1")
    assert "No products match these filters" in page.words
    assert len(names(pages.get(str(page.one(".empty .btn")["href"])))) == 24


def test_an_unknown_department_is_not_found(pages: Pages) -> None:
    pages.get("/category/toys", status=404)


def test_a_department_chosen_in_a_search_redirects_to_its_page(pages: Pages) -> None:
    page = pages.get("/products?category=books&q=salt&page=1")
    assert page.url == "/category/books?q=salt"


@pytest.mark.parametrize("words", ["teapot", '"><script>alert(1)</script>', "{{ 7*7 }}", "100% wool' OR 1=1"])
def test_search_results_show_the_words(pages: Pages, words: str) -> None:
    page = pages.submit(pages.get("/"), ".search", q=words)
    assert page.one("h1").get_text() == f"Results for “{words}”"
    assert page.one("#search-words")["value"] == words


# ------------------------------------------------------------------------------------- suggestions


def test_suggestions_are_links_to_products_and_to_the_search(pages: Pages) -> None:
    page = pages.get("/search/suggestions?q=headp", htmx=True)
    links = [str(link["href"]) for link in page.all("#suggestions a")]
    assert links == ["/product/3-sony-wh-1000xm5-headphones", "/products?q=headp"]


def test_suggestions_without_words_are_hidden(pages: Pages) -> None:
    assert pages.get("/search/suggestions?q=", htmx=True).one("#suggestions").has_attr("hidden")


def test_suggestions_without_htmx_redirect_to_the_search(pages: Pages) -> None:
    assert pages.get("/search/suggestions?q=headp").url == "/products?q=headp"


# ----------------------------------------------------------------------------------------- product


def test_a_product_is_shown(pages: Pages) -> None:
    mug = make_product(name="Clay Mug", price="349.25")
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    assert page.one("[data-price]").get_text() == "₹349.25"
    assert "Arrives Sun 29 Nov" in page.words  # seven days from the fixed noon
    assert "No reviews yet" in page.words


@pytest.mark.parametrize("slug", ["wrong", "the-seven-husbands", "x" * 300])
def test_an_outdated_slug_redirects_permanently(pages: Pages, slug: str) -> None:
    response = pages.client.get(f"/product/6-{slug}?stars=5")
    assert (response.status_code, response.headers["Location"]) == (301, f"{EVELYN}?stars=5")


@pytest.mark.parametrize(
    "asked",
    ["endpoint=x", "_method=PUT", "_scheme=javascript&_external=1", "slug=a&product_id=7", "sku=a%26b&sku=c", "%ff"],
)
def test_a_redirect_keeps_the_query_string(pages: Pages, asked: str) -> None:
    response = pages.client.get(f"/product/6-wrong?{asked}")
    assert (response.status_code, response.headers["Location"]) == (301, f"{EVELYN}?{asked}")


@pytest.mark.parametrize("path", ["999999-mug", "0-mug", "6", "six-mug", "-6-mug", "9" * 40 + "-mug"])
def test_an_unknown_product_is_not_found(pages: Pages, path: str) -> None:
    pages.get(f"/product/{path}", status=404)


def test_the_first_available_option_is_selected(pages: Pages) -> None:
    mug = make_product(options=(("Blue", 0), ("Green", 3), ("Red", 9)))
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    chosen = page.one("input[name=sku][checked]")
    assert chosen["value"] == f"{mug.sku}-Green"
    assert [option["value"] for option in page.all("input[name=sku][disabled]")] == [f"{mug.sku}-Blue"]
    assert "Only 3 left" in page.words


def test_an_option_can_be_linked_to(pages: Pages) -> None:
    mug = make_product(options=(("Blue", 5), ("Green", 5)))
    page = pages.get(f"/product/{mug.id}-{mug.slug}?sku={mug.sku}-Green")
    assert page.one("input[name=sku][checked]")["value"] == f"{mug.sku}-Green"


def test_a_sold_out_product_cannot_be_added(pages: Pages) -> None:
    mug = make_product(stock=0)
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    assert "Sold out" in page.one("#add-line").get_text()
    assert not page.all("#add-line button[type=submit]")
    assert "Arrives" not in page.words


@pytest.mark.parametrize("htmx", [False, True])
def test_reviews_are_filtered_by_a_bar_of_the_histogram(pages: Pages, htmx: bool) -> None:
    everything = pages.get(BAT)
    bar = next(bar for bar in everything.all("a.histogram__row"))
    page = pages.get(str(bar["href"]), htmx=htmx)
    count = int(page.one(f"#{bar['id']} .histogram__count").get_text())
    assert 0 < len(page.all(".review")) == count < len(everything.all(".review"))
    assert bool(page.all("h1")) is not htmx
    back = pages.get(str(page.one("#stars-all")["href"]), htmx=htmx)
    assert len(back.all(".review")) == len(everything.all(".review"))


@pytest.mark.parametrize("stars", ["0", "6", "-1", "five", "5.0", ""])
def test_an_invalid_rating_shows_every_review(pages: Pages, stars: str) -> None:
    assert len(pages.get(f"{BAT}?stars={stars}").all(".review")) == len(pages.get(BAT).all(".review"))


@pytest.mark.parametrize("name", ["<b>Mug</b>", "Mug & “Pot”", "{{ 7*7 }}"])
def test_a_product_name_is_escaped(pages: Pages, name: str) -> None:
    mug = make_product(name=name)
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    assert page.one("h1").get_text() == name


# ----------------------------------------------------------------------------------------- budgets


@pytest.mark.parametrize("url", ["/", "/products", "/category/books", "/products?q=the&brand=Samaya", BAT, "/cart"])
def test_a_page_takes_no_more_selects_in_a_larger_shop(app: Flask, pages: Pages, url: str) -> None:
    small = pages.get(url).selects
    assert list(generator.load(200)) == [200]
    assert pages.get(url).selects == small  # and `Pages` holds every page to its budget
