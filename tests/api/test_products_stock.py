"""Products by id, and checking and reducing their stock: contract case 57."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storefront.catalog import inventory
from storefront.catalog.values import Hold
from tests.api.client import Api, assert_refused
from tests.api.product_payloads import change, movements
from tests.factories.catalog import make_product


@pytest.mark.parametrize("path", ["/api/products/batch", "/products/batch", "/products/batch/"])
def test_products_by_id_in_the_requested_order(api: Api, path: str) -> None:
    gone = make_product().id
    change(gone, active=False)
    found = api.post(path, json=[3, 2, 3, 999_999, gone]).json
    assert [product["id"] for product in found] == [3, 2]
    assert found[1] == {
        "id": 2,
        "sku": "SKU-APL-MB16M3",
        "name": "MacBook Pro 16 M3 Max",
        "price": 349999.0,
        "currency": "INR",
        "available": True,
        "stock": 12,
    }


def test_an_empty_batch_is_empty_and_a_large_one_is_refused(api: Api) -> None:
    assert api.post("/api/products/batch", json=[]).json == []
    assert len(api.post("/api/products/batch", json=list(range(1, 101))).json) == 68
    assert_refused(api.post("/api/products/batch", json=list(range(1, 102))), 400, "VALIDATION_ERROR")


def test_an_id_may_be_written_with_a_decimal_point(api: Api) -> None:
    response = api.post("/api/products/batch", data="[2.0]", content_type="application/json")
    assert [product["id"] for product in response.json] == [2]


@pytest.mark.parametrize("body", [{}, "1", 1, None, [0], [-1], [True], ["1"], [1.5], [[1]], [2**53]])
def test_a_batch_that_is_no_list_of_ids_is_refused(api: Api, body: Any) -> None:
    response = api.post("/api/products/batch", data=json.dumps(body), content_type="application/json")
    assert_refused(response, 400, "VALIDATION_ERROR")


def test_check_stock_answers_whether_a_quantity_is_available(api: Api) -> None:
    product = make_product(stock=3).id
    assert [api.get(f"/api/products/{product}/check-stock?quantity={n}").json for n in (1, 3, 4)] == [True, True, False]
    assert api.get("/api/products/999999/check-stock?quantity=1").json is False
    change(product, active=False)
    assert api.get(f"/api/products/{product}/check-stock?quantity=1").json is False


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "abc", "", "1e2", "+1", "٣", str(2**31)])
def test_a_quantity_is_a_whole_number_of_one_or_more(api: Api, stock_keeper: Api, quantity: str) -> None:
    asked = {"quantity": quantity}
    assert_refused(api.get("/api/products/1/check-stock", query_string=asked), 400, "VALIDATION_ERROR")
    assert_refused(stock_keeper.put("/api/products/1/reduce-stock", query_string=asked), 400, "VALIDATION_ERROR")
    assert_refused(api.get("/api/products/1/check-stock"), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("path", ["/api/products/{}/reduce-stock", "/products/{}/reduce-stock"])
def test_reduced_stock_is_in_the_ledger(stock_keeper: Api, path: str) -> None:
    product = make_product(stock=5).id
    response = stock_keeper.put(f"{path.format(product)}?quantity=2")
    assert (response.status_code, response.json) == (200, "Stock reduced successfully")
    assert stock_keeper.get(f"/api/products/{product}").json["stock"] == 3
    assert movements(product) == [(5, 5, "initial"), (-2, 3, "api")]


def test_stock_is_not_reduced_below_zero(stock_keeper: Api) -> None:
    product = make_product(stock=2)
    error = assert_refused(
        stock_keeper.put(f"/api/products/{product.id}/reduce-stock?quantity=3"), 409, "INSUFFICIENT_STOCK"
    )
    assert error["message"] == "Only 2 left of Clay Mug"
    assert movements(product.id) == [(2, 2, "initial")]
    assert_refused(stock_keeper.put("/api/products/999999/reduce-stock?quantity=1"), 404, "PRODUCT_NOT_FOUND")


def test_reserved_units_are_not_reduced(stock_keeper: Api) -> None:
    product = make_product(stock=3)
    inventory.reserve("a-checkout", [Hold(product.sku, 2)])
    url = f"/api/products/{product.id}/reduce-stock?quantity="
    assert_refused(stock_keeper.put(f"{url}2"), 409, "INSUFFICIENT_STOCK")
    assert stock_keeper.put(f"{url}1").status_code == 200


def test_one_variant_gives_all_units(stock_keeper: Api) -> None:
    product = make_product(options=(("S", 1), ("M", 4))).id
    url = f"/api/products/{product}/reduce-stock?quantity="
    assert stock_keeper.put(f"{url}3").status_code == 200
    assert_refused(stock_keeper.put(f"{url}2"), 409, "INSUFFICIENT_STOCK")
    assert stock_keeper.get(f"/api/products/{product}").json["stock"] == 2


def test_a_repeated_reduction_counts_once(stock_keeper: Api) -> None:
    product = make_product(stock=5).id
    url = f"/api/products/{product}/reduce-stock?quantity="
    headers = {**stock_keeper.headers, "Idempotency-Key": "a-delivery"}
    assert [stock_keeper.put(f"{url}2", headers=headers).status_code for _ in range(3)] == [200, 200, 200]
    assert stock_keeper.get(f"/api/products/{product}").json["stock"] == 3
    assert_refused(stock_keeper.put(f"{url}1", headers=headers), 400, "VALIDATION_ERROR")
    long = {**headers, "Idempotency-Key": "x" * 256}
    assert_refused(stock_keeper.put(f"{url}1", headers=long), 400, "VALIDATION_ERROR")
