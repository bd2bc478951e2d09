"""Products as the legacy client reads them: contract sections 2.2.5 and 2.3, cases 12 to 15."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.api import products
from storefront.catalog.models import Category, Product
from storefront.db.session import read_session, transaction
from tests.api.client import Api, assert_refused
from tests.api.product_payloads import add_reviews, assert_is_product, change, ids
from tests.factories.catalog import make_product

pytestmark = pytest.mark.both_engines


@pytest.mark.parametrize("path", ["/api/products", "/api/products/"])
def test_the_list_is_every_product_on_sale_as_a_bare_array_by_id(api: Api, path: str) -> None:
    response = api.get(path)
    listed = response.json
    assert [product["id"] for product in listed] == list(range(1, 69))
    assert response.headers["X-Total-Count"] == "68"
    assert "Link" not in response.headers
    assert response.headers["Cache-Control"] == "no-cache"
    for product in listed:
        assert_is_product(product, reviews=3)


def test_a_product_has_the_legacy_format(api: Api) -> None:
    product = api.get("/api/products/1").json
    assert_is_product(product, reviews=100)
    assert (product["sku"], product["name"], product["brand"]) == ("SKU-APL-IP15PM", "Apple iPhone 15 Pro Max", "Apple")
    assert (product["price"], product["stock"], product["stockStatus"]) == (134999.0, 45, "IN_STOCK")
    assert product["specifications"]["Color"] == "Natural Titanium"
    assert product["categories"] == ["Electronics"]
    assert product["imageUrls"][0] == "http://localhost:9090/api/products/image/1"
    assert (product["averageRating"], product["reviewCount"]) == (4.5, 2)
    assert [review["createdAt"] for review in product["reviews"]] == [
        "2024-01-15T10:12:00.000Z",
        "2024-01-10T09:00:00.000Z",
    ]


def test_every_image_url_works(api: Api) -> None:
    make_product()
    urls = {url for product in api.get("/api/products").json for url in product["imageUrls"]}
    assert "http://localhost:9090/api/products/image/placeholder" in urls
    for url in urls:
        with api.get(url.removeprefix("http://localhost:9090")) as response:
            assert (response.status_code, response.mimetype) == (200, "image/webp"), url


@pytest.mark.parametrize(
    ("stock", "availability", "shown"),
    [(0, "OUT_OF_STOCK", "OUT_OF_STOCK"), (1, "IN_STOCK", "LOW_STOCK"), (5, "IN_STOCK", "LOW_STOCK"),
     (6, "IN_STOCK", "IN_STOCK")],
)  # fmt: skip
def test_low_stock_is_available(api: Api, stock: int, availability: str, shown: str) -> None:
    product = api.get(f"/api/products/{make_product(stock=stock).id}").json
    assert (product["stock"], product["availabilityStatus"], product["stockStatus"]) == (stock, availability, shown)


def test_a_preorder_is_marked(api: Api) -> None:
    soon, gone = make_product(stock=3).id, make_product(stock=0).id
    change(soon, availability_status="PREORDER")
    change(gone, availability_status="PREORDER")
    assert api.get(f"/api/products/{soon}").json["availabilityStatus"] == "PREORDER"
    assert api.get(f"/api/products/{soon}").json["stockStatus"] == "PREORDER"
    assert api.get(f"/api/products/{gone}").json["availabilityStatus"] == "OUT_OF_STOCK"


def test_a_minimal_product_has_empty_values_and_no_nulls(api: Api) -> None:
    bare = make_product(brand="").id
    change(bare, description="")
    product = api.get(f"/api/products/{bare}").json
    assert (product["brand"], product["description"], product["specifications"]) == ("", "", {})
    assert (product["averageRating"], product["reviewCount"], product["reviews"]) == (0, 0, [])


def test_the_main_category_comes_first(api: Api) -> None:
    listed = {product["id"]: product["categories"] for product in api.get("/api/products").json}
    several = [product for product in listed if len(listed[product]) > 1]
    named = sa.select(Product.id, Category.name).join(Category, Category.id == Product.main_category_id)
    main = {row.id: row.name for row in read_session().execute(named.where(Product.id.in_(several)))}
    assert several
    assert {product: listed[product][0] for product in several} == main


def test_lists_have_three_reviews_details_a_hundred_and_all_are_counted(api: Api) -> None:
    loved = make_product().id
    add_reviews(loved, 103)
    change(loved, review_count=103, average_rating=4)
    listed = next(product for product in api.get("/api/products").json if product["id"] == loved)
    detail = api.get(f"/api/products/{loved}").json
    assert (len(listed["reviews"]), len(detail["reviews"])) == (3, 100)
    assert listed["reviewCount"] == detail["reviewCount"] == 103
    moments = [review["createdAt"] for review in detail["reviews"]]
    assert moments == sorted(moments, reverse=True)
    assert listed["reviews"] == detail["reviews"][:3]
    assert len(api.get(f"/api/products/{loved}/reviews").json) == 103


@pytest.mark.parametrize("name", ["", "  "])
def test_an_author_without_a_name_is_anonymous(api: Api, name: str) -> None:
    product = make_product().id
    add_reviews(product, 1, user_name=name)
    assert api.get(f"/api/products/{product}").json["reviews"][0]["userName"] == "Anonymous User"


def test_text_is_neither_interpreted_nor_changed(api: Api, stock_keeper: Api) -> None:
    words = "<script>alert(1)</script> “₹” 🫖 & co"
    sent = {"sku": "ODD-1", "name": words, "brand": words, "price": 1, "stock": 1, "specifications": {words: words}}
    created = stock_keeper.post("/api/products", json=sent).json
    product = api.get(f"/api/products/{created['id']}").json
    assert (product["name"], product["brand"], product["specifications"]) == (words, words, {words: words})


@pytest.mark.parametrize("which", ["0", "999999", "9007199254740992", "9999999999999999"])
def test_an_unknown_product_is_not_found(api: Api, which: str) -> None:
    assert_refused(api.get(f"/api/products/{which}"), 404, "PRODUCT_NOT_FOUND")


@pytest.mark.parametrize("rest", ["", "/reviews", "/reviews/avg", "/reviews/average-rating", "/reviews/count"])
def test_a_product_off_sale_is_not_found(api: Api, rest: str) -> None:
    gone = make_product().id
    change(gone, active=False)
    assert_refused(api.get(f"/api/products/{gone}{rest}"), 404, "PRODUCT_NOT_FOUND")
    assert gone not in {product["id"] for product in api.get("/api/products").json}


def test_an_empty_shop_has_an_empty_list(app: Flask, api: Api) -> None:
    with transaction("catalog") as session:
        session.execute(sa.update(Product).values(active=False))
    response = api.get("/api/products")
    assert (response.json, response.headers["X-Total-Count"]) == ([], "0")


def test_a_list_can_be_filtered(api: Api) -> None:
    cheap, dear = make_product(price="99.50", brand="Oddly"), make_product(price=100, brand="Oddly", category="books")
    assert ids(api, "brand=Oddly") == [cheap.id, dear.id]
    assert ids(api, "brand=Oddly&maxPrice=99.5") == [cheap.id]
    assert ids(api, "brand=Oddly&minPrice=99.51") == [dear.id]
    assert ids(api, "brand=Oddly&category=books") == [dear.id]
    assert ids(api, "brand=Oddly&search=") == [cheap.id, dear.id]


@pytest.mark.parametrize("category", ["Home & Living", "home-living", "home-&-living", "HOME & LIVING"])
def test_a_category_is_chosen_by_name_or_slug(api: Api, category: str) -> None:
    response = api.get("/api/products", query_string={"category": category})
    assert response.json
    assert all("Home & Living" in product["categories"] for product in response.json)


def test_an_unknown_category_has_no_products(api: Api) -> None:
    assert ids(api, "category=toys") == []


@pytest.mark.parametrize("name", ["search", "q"])
def test_a_list_can_be_searched(api: Api, name: str) -> None:
    assert 3 in ids(api, f"{name}=headphones")
    assert ids(api, f"{name}=lamplihgter") == []


def test_a_list_can_be_sorted(api: Api) -> None:
    def column(sort: str, name: str) -> list[Any]:
        return [product[name] for product in api.get(f"/api/products?sort={sort}").json]

    assert column("default", "id") == sorted(column("default", "id"))
    assert column("newest", "id") == sorted(column("newest", "id"), reverse=True)
    assert column("price-low", "price") == sorted(column("price-low", "price"))
    assert column("price-high", "price") == sorted(column("price-high", "price"), reverse=True)
    assert column("rating", "averageRating") == sorted(column("rating", "averageRating"), reverse=True)


def test_all_pages_together_are_the_whole_list(api: Api) -> None:
    url: str | None = "/api/products?page=0&size=30&sort=price-low"
    found: list[int] = []
    while url is not None:
        response = api.get(url)
        assert response.headers["X-Total-Count"] == "68"
        found += [product["id"] for product in response.json]
        link = re.fullmatch(r'<http://localhost:9090(.+)>; rel="next"', response.headers.get("Link", ""))
        url = link[1] if link else None
    assert found == ids(api, "sort=price-low")


def test_a_page_has_twenty_products_and_one_after_the_last_none(api: Api) -> None:
    assert ids(api, "page=1") == list(range(21, 41))
    assert ids(api, "page=99") == []
    assert api.get("/api/products?page=99").headers["X-Total-Count"] == "68"


def test_the_link_to_the_next_page_keeps_the_filters(api: Api) -> None:
    others = "endpoint=x&_method=PATCH&_external=1&_scheme=ftp&_anchor=a&brand=&note=a%26b"
    link = api.get(f"/api/products?{others}&page=0&size=1").headers["Link"]
    assert link == f'<http://localhost:9090/api/products?{others}&page=1&size=1>; rel="next"'


def test_an_unpaged_list_that_is_too_long_links_to_the_next_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "MAX_UNPAGED", 40)
    monkeypatch.setattr(products, "NEXT_PAGE_SIZE", 20)
    response = api.get("/api/products")
    assert len(response.json) == 40
    assert response.headers["Link"] == '<http://localhost:9090/api/products?page=2&size=20>; rel="next"'


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=-1", "page"),
        ("page=1.0", "page"),
        ("page=x", "page"),
        ("size=0", "size"),
        ("size=101", "size"),
        ("sort=cheap", "sort"),
        ("minPrice=-1", "minPrice"),
        ("minPrice=NaN", "minPrice"),
        ("maxPrice=1e300", "maxPrice"),
        ("maxPrice=1e3000000", "maxPrice"),
        ("search=" + "x" * 201, "search"),
    ],
)
def test_an_invalid_filter_is_named(api: Api, query: str, field: str) -> None:
    error = assert_refused(api.get(f"/api/products?{query}"), 400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in error["details"]] == [field]
