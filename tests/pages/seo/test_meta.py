"""Page metadata: canonical URLs, link previews and structured data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from storefront.catalog import listing, media, reviews
from storefront.catalog.reviews import Author, ReviewDraft
from storefront.catalog.values import PAGE_SIZE, BrowseCriteria
from storefront.cli.demo import catalogue
from storefront.web.filters import money
from tests.factories.catalog import make_product, rupees
from tests.hostile_files import picture
from tests.page_client import Page, Pages
from tests.pages.seo.test_views import LISTED, ORIGIN
from tests.routes import PAGES

BAT = "/product/14-kashmir-willow-bat"  # with reviews, sizes, and one size sold out


@pytest.fixture(autouse=True)
def origin(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_ORIGIN", ORIGIN)


def canonical(page: Page) -> str | None:
    links = page.all('link[rel="canonical"]')
    assert len(links) <= 1
    return str(links[0]["href"]) if links else None


def is_indexed(page: Page) -> bool:
    return not page.all('meta[name="robots"][content="noindex"]')


def meta_of(page: Page) -> dict[str, str]:
    """Return the content of meta elements by name or property."""
    tags = page.all("head > meta[content]")
    return {str(tag.get("property") or tag.get("name")): str(tag["content"]) for tag in tags}


def data(page: Page) -> dict[str, Any]:
    """Return the nodes of structured data by type."""
    block = json.loads(page.one('script[type="application/ld+json"]').string or "")
    assert block["@context"] == "https://schema.org"
    return {node["@type"]: node for node in block["@graph"]}


def price_of(page: Page) -> str:
    return page.one("[data-price]").get_text().removeprefix("Now ").strip()


# ---------------------------------------------------------------------------------------- canonical URLs


@pytest.mark.parametrize("endpoint", PAGES)
def test_pages_without_metadata_are_not_indexed(pages: Pages, endpoint: str) -> None:
    url = "/products" if endpoint == "catalog.products" else PAGES[endpoint](pages)
    page = pages.get(url.rstrip("/") or "/")
    is_public = endpoint in LISTED
    assert is_indexed(page) is is_public
    assert (canonical(page) is not None) is is_public


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("/?utm_source=letter", "/"),
        (f"{BAT}?sku=SKU-MDN-WILLOW-6", BAT),
        (f"{BAT}?stars=5&q=bat", BAT),
        ("/products?page=1", "/products"),
        ("/products?page=2&utm_source=letter", "/products?page=2"),
        ("/products?page=999", "/products?page=3"),
        ("/category/books?category=sports", "/category/books"),
    ],
)
def test_a_page_has_one_canonical_url(pages: Pages, url: str, address: str) -> None:
    page = pages.get(url)
    assert canonical(page) == meta_of(page)["og:url"] == ORIGIN + address
    assert is_indexed(page)


def test_each_page_of_a_department_has_a_canonical_url(pages: Pages) -> None:
    for _ in range(PAGE_SIZE):
        make_product(category="books")
    page = pages.get("/category/books?page=2&utm_source=letter")
    assert canonical(page) == f"{ORIGIN}/category/books?page=2"
    assert page.one("head > title").get_text() == "Books, page 2 · marigold"


@pytest.mark.parametrize("query", ["q=the", "brand=Nike", "price=under-1000", "rating=4", "stock=1", "sort=newest"])
@pytest.mark.parametrize("path", ["/products", "/category/fashion"])
def test_a_searched_filtered_or_sorted_listing_is_not_indexed(pages: Pages, path: str, query: str) -> None:
    page = pages.get(f"{path}?{query}&page=2")
    assert (is_indexed(page), canonical(page)) == (False, None)


def test_missing_pages_are_not_indexed(pages: Pages) -> None:
    assert not is_indexed(pages.get("/product/999999-nothing", status=404))


@pytest.mark.parametrize("url", ["/products?page=2", "/category/books?sort=newest", f"{BAT}?stars=5"])
def test_a_fragment_has_no_head(pages: Pages, url: str) -> None:
    part = pages.get(url, htmx=True)
    assert not part.all("meta, link, script")


# ---------------------------------------------------------------------------------------- descriptions and previews


def test_every_indexed_page_has_a_description(pages: Pages) -> None:
    urls = [
        "/",
        "/products",
        "/products?page=2",
        "/category/books",
        "/category/sports",
        BAT,
        "/product/1-apple-iphone-15-pro-max",
    ]
    found = [pages.get(url) for url in urls]
    descriptions = [meta_of(page)["description"] for page in found]
    titles = [page.one("head > title").get_text() for page in found]
    assert len(set(descriptions)) == len(set(titles)) == len(urls)
    assert not {"Good things, honestly priced."} & set(descriptions)
    assert max(len(description) for description in descriptions) <= 160


def test_a_title_has_brand_and_page_number(pages: Pages) -> None:
    assert pages.get(BAT).one("head > title").get_text() == "Kashmir Willow Bat by Maidan Willow · marigold"
    assert pages.get("/product/5-nike-air-max-270").one("head > title").get_text() == "Nike Air Max 270 · marigold"
    assert pages.get("/products?page=2").one("head > title").get_text() == "All products, page 2 · marigold"


def test_a_preview_shows_the_values_of_the_page(pages: Pages) -> None:
    page = pages.get(BAT)
    meta = meta_of(page)
    assert (meta["og:type"], meta["og:site_name"], meta["twitter:card"]) == ("product", "marigold", "summary")
    assert meta["og:title"] == "Kashmir Willow Bat by Maidan Willow"
    assert meta["og:description"] == meta["description"]
    assert money(rupees(meta["product:price:amount"])) == price_of(page)
    assert meta["product:price:currency"] == "INR"
    drawing = str(page.one("#picture-1 img")["src"])
    assert meta["og:image"] == data(page)["Product"]["image"][0] == ORIGIN + drawing
    assert meta["og:image:alt"] == page.one("#picture-1 img")["alt"]


def test_a_preview_shows_a_photo_large(pages: Pages) -> None:
    mug = make_product()
    media.add_picture(mug.id, picture(size=(1600, 1200)), alt="A mug")
    meta = meta_of(pages.get(f"/product/{mug.id}-{mug.slug}"))
    assert meta["og:image"].startswith(f"{ORIGIN}/media/")
    assert (meta["og:image:width"], meta["twitter:card"]) == ("1280", "summary_large_image")


def test_a_preview_without_an_image_shows_the_logo(pages: Pages) -> None:
    mug = make_product()
    meta = meta_of(pages.get(f"/product/{mug.id}-{mug.slug}"))
    assert meta["og:image"].startswith(f"{ORIGIN}/static/icons/icon-512.png")


@pytest.mark.parametrize("url", ["/", "/products", "/category/books", BAT])
def test_the_image_of_a_preview_exists(pages: Pages, url: str) -> None:
    address = meta_of(pages.get(url))["og:image"].removeprefix(ORIGIN)
    with pages.client.get(address) as response:
        assert (response.status_code, response.mimetype.partition("/")[0]) == (200, "image")


# ---------------------------------------------------------------------------------------- structured data


@pytest.mark.parametrize("product", [row["name"] for row in catalogue.read()["products"][1::6]])
def test_structured_offers_have_the_prices_and_availability_of_the_page(pages: Pages, product: str) -> None:
    card = next(card for card in listing.browse(BrowseCriteria(words=product)).cards if card.name == product)
    page = pages.get(f"/product/{card.id}-{card.slug}")
    offers = data(page)["Product"]["offers"]
    for offer in offers if isinstance(offers, list) else [offers]:
        shown = pages.get(offer["url"].removeprefix(ORIGIN))
        assert money(rupees(offer["price"])) == price_of(shown)
        assert offer["priceCurrency"] == "INR"
        assert offer["availability"].endswith("/OutOfStock") is bool(shown.all(".product__stock .stock--out"))


def test_a_product_is_described(pages: Pages) -> None:
    page = pages.get(BAT)
    product = data(page)["Product"]
    assert product["name"] == page.one("h1").get_text()
    assert product["brand"]["name"] == "Maidan Willow"
    assert product["url"] == canonical(page)
    assert [offer["availability"].rpartition("/")[2] for offer in product["offers"]] == [*["InStock"] * 3, "OutOfStock"]


def test_a_product_without_reviews_has_no_structured_rating(pages: Pages) -> None:
    mug = make_product()
    url = f"/product/{mug.id}-{mug.slug}"
    assert "aggregateRating" not in data(pages.get(url))["Product"]
    review = reviews.write_review(mug.id, Author(1, "Asha"), ReviewDraft(4, "Good", "Holds tea."), is_verified=False)
    page = pages.get(url)
    told_of = data(page)["Product"]["aggregateRating"]
    assert (told_of["ratingValue"], told_of["reviewCount"]) == ("4.0", 1)
    assert page.one(".reviews__average strong").get_text() == told_of["ratingValue"]
    reviews.set_review_hidden(review.id, True, actor="tests")
    assert "aggregateRating" not in data(pages.get(url))["Product"]


@pytest.mark.parametrize("url", ["/products", "/category/books", BAT])
def test_structured_breadcrumbs_are_those_of_the_page(pages: Pages, url: str) -> None:
    page = pages.get(url)
    steps = data(page)["BreadcrumbList"]["itemListElement"]
    shown = page.all(".breadcrumb li")
    assert [step["name"] for step in steps] == [step.get_text() for step in shown]
    assert [step["position"] for step in steps] == [*range(1, len(shown) + 1)]
    links = [ORIGIN + str(link["href"]) for step in shown for link in step.select("a")]
    assert [step["item"] for step in steps] == [*links, canonical(page)]


def test_the_home_page_describes_the_shop_and_its_search(pages: Pages) -> None:
    found = data(pages.get("/"))
    assert found["Organization"]["name"] == found["WebSite"]["name"] == "marigold"
    template = found["WebSite"]["potentialAction"]["target"]["urlTemplate"]
    results = pages.get(template.removeprefix(ORIGIN).replace("{search_term_string}", "teapot"))
    assert results.one("h1").get_text() == "Results for “teapot”"


def test_text_cannot_break_out_of_structured_data(pages: Pages) -> None:
    name = "Mug </script><script>alert(1)</script><!-- &amp; 'q' \"q\" \u2028"
    mug = make_product(name=name, brand="</title><b>")
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    assert data(page)["Product"]["name"] == name
    assert meta_of(page)["og:title"] == f"{name} by </title><b>"
    assert len(page.all("head script:not([src])")) == 1
    assert "alert(1)</script>" not in page.response.text
