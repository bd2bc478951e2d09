"""robots.txt and the sitemap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from xml.etree import ElementTree

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from storefront.catalog import listing, products
from storefront.catalog import service as catalog
from storefront.catalog.listing import sitemap
from storefront.catalog.products import NewProduct, NewVariant
from storefront.catalog.values import BrowseCriteria, Sku
from tests.factories.catalog import make_product, rupees
from tests.page_client import Pages, counted_selects
from tests.routes import PAGES

ORIGIN = "https://shop.example"
SCHEMA = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
LISTED = {"catalog.home", "catalog.products", "catalog.category", "catalog.product"}


@pytest.fixture(autouse=True)
def origin(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_ORIGIN", ORIGIN)


def fetch(pages: Pages, url: str, status: int = 200, **headers: str) -> TestResponse:
    response = pages.client.get(url, headers=headers)
    assert response.status_code == status, url
    return response


def addresses(pages: Pages, url: str, kind: str = "url") -> list[str]:
    """List the URLs in a file of the sitemap, without the shop's origin."""
    response = fetch(pages, url)
    assert response.mimetype == "application/xml"
    document = ElementTree.fromstring(response.data)  # noqa: S314 - our own
    found = [str(loc.text) for loc in document.iterfind(f"{SCHEMA}{kind}/{SCHEMA}loc")]
    assert all(address.startswith(f"{ORIGIN}/") for address in found)
    return [address.removeprefix(ORIGIN) for address in found]


def everything(pages: Pages) -> Iterator[str]:
    for file in addresses(pages, "/sitemap.xml", "sitemap"):
        yield from addresses(pages, file)


def on_sale() -> list[str]:
    """List the pages of all products in the shop's own listing."""
    cards = {}
    for page in range(1, listing.browse(BrowseCriteria()).page_count + 1):
        cards |= {card.id: card for card in listing.browse(BrowseCriteria(page=page)).cards}
    return [f"/product/{card.id}-{card.slug}" for _, card in sorted(cards.items())]


# ---------------------------------------------------------------------------------------- the sitemap


def test_the_sitemap_lists_exactly_the_products_on_sale(pages: Pages) -> None:
    make_product()
    listed = list(everything(pages))
    listings = ["/", "/products", *(f"/category/{department.slug}" for department in catalog.departments())]
    assert listed == [*listings, *on_sale()]


def test_every_file_of_the_index_exists(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "IDS_OF_PART", 10)
    files = addresses(pages, "/sitemap.xml", "sitemap")
    assert files[:3] == ["/sitemaps/listings.xml", "/sitemaps/products-0.xml", "/sitemaps/products-1.xml"]
    assert [product for file in files[1:] for product in addresses(pages, file)] == on_sale()
    assert max(len(addresses(pages, file)) for file in files[1:]) == 10


def test_a_product_taken_off_sale_leaves_the_sitemap(pages: Pages) -> None:
    mug = make_product()
    assert f"/product/{mug.id}-{mug.slug}" in everything(pages)
    products.admin.set_published([mug.id], False, actor="tests")
    assert f"/product/{mug.id}-{mug.slug}" not in everything(pages)


def test_every_listed_page_has_its_own_canonical_url(pages: Pages) -> None:
    listed = [*addresses(pages, "/sitemaps/listings.xml"), *addresses(pages, "/sitemaps/products-0.xml")[::10]]
    for url in listed:
        assert pages.get(url).one('link[rel="canonical"]')["href"] == ORIGIN + url


def test_ampersands_are_escaped(pages: Pages) -> None:
    sku = Sku("TEST-SALT")
    (number,) = products.add_products(
        [
            NewProduct(
                sku=sku,
                name="Salt & Pepper",
                brand="Kiln",
                description="",
                categories=("home-living",),
                variants=(NewVariant(sku, "", rupees(5), 1),),
                published_on=date(2026, 11, 1),
                slug="salt&pepper",
            )
        ],
        actor="tests",
    )
    assert f"/product/{number}-salt&pepper" in everything(pages)


def test_each_file_takes_one_select(pages: Pages) -> None:
    for url in ("/sitemap.xml", "/sitemaps/listings.xml", "/sitemaps/products-0.xml", "/robots.txt"):
        with counted_selects() as counter:
            fetch(pages, url)
        assert counter["selects"] <= 1, url


@pytest.mark.parametrize("url", ["/sitemap.xml", "/sitemaps/listings.xml", "/sitemaps/products-0.xml", "/robots.txt"])
def test_files_are_cached_for_an_hour_and_revalidated(pages: Pages, url: str) -> None:
    first = fetch(pages, url)
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert "Cookie" not in first.vary
    assert fetch(pages, url, 304, **{"If-None-Match": first.headers["ETag"]}).data == b""


def test_a_changed_file_is_sent_again(pages: Pages) -> None:
    before = fetch(pages, "/sitemaps/products-0.xml").headers["ETag"]
    make_product()
    fetch(pages, "/sitemaps/products-0.xml", **{"If-None-Match": before})


@pytest.mark.parametrize("part", ["200000", "214748", "214749", "99999999999999999999", "-1", "x"])
def test_an_empty_part_is_not_found(pages: Pages, part: str) -> None:
    fetch(pages, f"/sitemaps/products-{part}.xml", 404)


# ---------------------------------------------------------------------------------------- robots.txt


@pytest.fixture
def is_disallowed(pages: Pages) -> Callable[[str], bool]:
    """Return a function that tells whether robots.txt disallows a URL, by the rules of RFC 9309 without Allow."""
    lines = fetch(pages, "/robots.txt").text.splitlines()
    assert lines[0] == "User-agent: *"
    refused = [line.removeprefix("Disallow: ") for line in lines if line.startswith("Disallow: ")]
    patterns = [re.compile(re.escape(path).replace(r"\*", ".*")) for path in refused]
    return lambda url: any(pattern.match(url) for pattern in patterns)


def test_robots_txt_names_the_sitemap(pages: Pages) -> None:
    assert f"Sitemap: {ORIGIN}/sitemap.xml" in fetch(pages, "/robots.txt").text.splitlines()


@pytest.mark.parametrize("endpoint", PAGES)
def test_pages_that_are_not_indexed_are_disallowed(
    pages: Pages, is_disallowed: Callable[[str], bool], endpoint: str
) -> None:
    url = {"catalog.products": "/products", "catalog.suggestions": "/search/suggestions?q=tea"}.get(endpoint)
    assert is_disallowed(url or PAGES[endpoint](pages)) is (endpoint not in LISTED)


@pytest.mark.parametrize(
    "url",
    [
        "/products?page=2",
        "/category/books?page=2",
        "/product/14-kashmir-willow-bat?sku=SKU-MDN-WILLOW-6",
        "/product/14-kashmir-willow-bat?stars=5",
        "/static/js/app.js?v=1",
        "/media/" + "0" * 32 + "-320.webp",
        "/sitemaps/products-0.xml",
    ],
)
def test_assets_are_allowed(is_disallowed: Callable[[str], bool], url: str) -> None:
    assert not is_disallowed(url)


@pytest.mark.parametrize("query", ["q=tea", "page=2&sort=newest", "brand=Kiln", "price=under-1000", "stock=1&rating=4"])
@pytest.mark.parametrize("path", ["/products", "/category/books"])
def test_searches_and_filters_are_disallowed(is_disallowed: Callable[[str], bool], path: str, query: str) -> None:
    assert is_disallowed(f"{path}?{query}")
