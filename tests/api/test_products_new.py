"""Creating products by API."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from storefront.catalog.models import Category, product_search
from storefront.db.session import read_session
from tests.api.client import Api, assert_refused
from tests.api.product_payloads import assert_is_product, movements
from tests.factories.catalog import make_product
from tests.factories.products import change, coded, record_of, variants

MUG = {"sku": "API-MUG", "name": "Enamel mug", "brand": "Kiln", "price": 599.5, "stock": 4}


def test_staff_create_a_product(api: Api, stock_keeper: Api) -> None:
    books, beauty = (
        read_session().scalar(sa.select(Category.id).where(Category.slug == s)) for s in ("books", "beauty")
    )
    sent = {**MUG, "description": "For camping.", "specifications": {"Colour": "Blue"}, "categoryIds": [beauty, books]}
    created = stock_keeper.post("/api/products", json=sent)
    assert created.status_code == 200
    assert_is_product(created.json, reviews=0)
    product = api.get(f"/api/products/{created.json['id']}").json
    assert product == created.json
    assert (product["price"], product["stock"], product["description"]) == (599.5, 4, "For camping.")
    assert (product["specifications"], product["categories"]) == ({"Colour": "Blue"}, ["Beauty", "Books"])
    found_by = read_session().scalar(
        sa.select(product_search.c.words).where(product_search.c.product_id == product["id"])
    )
    assert {"enamel", "mug", "kiln", "beauty", "camping"} <= set(str(found_by).split())
    assert movements(product["id"]) == [(4, 4, "initial")]


def test_a_product_without_a_category_gets_the_default_one(stock_keeper: Api) -> None:
    for number, nothing in enumerate(({}, {"categoryIds": None}, {"categoryIds": []})):
        response = stock_keeper.post("/api/products", json={**MUG, "sku": f"API-{number}", **nothing})
        assert response.json["categories"] == ["Other"]
    assert stock_keeper.get("/").status_code == 200
    assert stock_keeper.get("/category/other").status_code == 200


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_optional_values_may_be_missing_null_or_blank(stock_keeper: Api, nothing: str | None) -> None:
    response = stock_keeper.post("/api/products", json={**MUG, "description": nothing, "specifications": None})
    assert (response.status_code, response.json["description"]) == (200, "")


def test_a_sku_is_unique(stock_keeper: Api) -> None:
    for sku in ("SKU-APL-IP15PM", make_product(options=(("S", 1),)).sku + "-S"):
        response = stock_keeper.post("/api/products", json={**MUG, "sku": sku})
        assert_refused(response, 409, "DUPLICATE_SKU")


def test_a_sku_is_nobodys_barcode(api: Api, stock_keeper: Api) -> None:
    """D5: in whichever spelling; and the search finds a product by each of them."""
    mug = make_product()
    change(mug.id, variants=variants(record_of(mug.id), only=coded("012345678905")))
    for spelling in ("012345678905", "0012345678905", "00012345678905"):
        response = stock_keeper.post("/api/products", json={**MUG, "sku": spelling})
        assert_refused(response, 409, "DUPLICATE_SKU")
        assert [product["id"] for product in api.get(f"/api/products?search={spelling}").json] == [mug.id]
        assert mug.name in stock_keeper.get(f"/products?q={spelling}").text


def test_a_sku_is_unique_regardless_of_case(stock_keeper: Api) -> None:
    assert stock_keeper.post("/api/products", json={**MUG, "sku": "a mug"}).status_code == 200
    assert_refused(stock_keeper.post("/api/products", json={**MUG, "sku": "a mug"}), 409, "DUPLICATE_SKU")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price": 0}, "price"),
        ({"price": -1}, "price"),
        ({"price": "599"}, "price"),
        ({"price": True}, "price"),
        ({"price": 1.005}, "price"),
        ({"price": 1e12}, "price"),
        ({"stock": -1}, "stock"),
        ({"stock": 1.5}, "stock"),
        ({"stock": "4"}, "stock"),
        ({"stock": 2**31}, "stock"),
        ({"sku": ""}, "sku"),
        ({"sku": None}, "sku"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "N" * 501}, "name"),
        ({"currency": "USD"}, "currency"),
        ({"description": 7}, "description"),
        ({"specifications": {"Colour": 7}}, "specifications.Colour"),
        ({"specifications": {"Größe": "1", "grösse": "2"}}, "specifications"),
        ({"specifications": []}, "specifications"),
        ({"categoryIds": [999_999]}, "categoryIds"),
        ({"categoryIds": ["1"]}, "categoryIds[0]"),
        ({"categoryIds": 1}, "categoryIds"),
    ],
)
def test_an_invalid_product_is_refused(stock_keeper: Api, changes: dict[str, Any], field: str) -> None:
    error = assert_refused(stock_keeper.post("/api/products", json={**MUG, **changes}), 400, "VALIDATION_ERROR")
    assert [detail["field"] for detail in error["details"]] == [field]


@pytest.mark.parametrize("price", ["1e400", "-1e400", "NaN", "Infinity"])
def test_an_invalid_price_is_refused(stock_keeper: Api, price: str) -> None:
    body = json.dumps(MUG).replace("599.5", price)
    assert stock_keeper.post("/api/products", data=body, content_type="application/json").status_code == 400


@pytest.mark.parametrize("field", ["sku", "name", "brand", "price", "stock"])
def test_missing_members_of_a_product_are_named(stock_keeper: Api, field: str) -> None:
    body = {name: value for name, value in MUG.items() if name != field}
    error = assert_refused(stock_keeper.post("/api/products", json=body), 400, "VALIDATION_ERROR")
    assert error["message"] == f"{field} is required"
