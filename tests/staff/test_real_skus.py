"""D9: SKUs with blanks, & and # can be made on pages and by the API, and work in URLs, forms, files and searches."""

from __future__ import annotations

import csv
import io
from urllib.parse import parse_qs, urlsplit

import pytest

from storefront.accounts.values import Role
from storefront.cart import service as cart
from storefront.catalog.values import Sku
from storefront.orders import service as orders
from tests.api.client import Api
from tests.factories.accounts import make_staff
from tests.factories.products import category_id, record_of
from tests.factories.shopping import make_draft, place
from tests.factories.stock import row_of
from tests.page_client import Pages

REAL = ["AB 12 & 3", "#4711/b", "50% off?x=1", "Größe 42"]


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ADMIN, email="keeper@example.com"))
    return pages


def create(staff_pages: Pages, sku: str, **more: str) -> int:
    """Create a product of two variants, the second with this SKU.

    :return: its id
    """
    values = {
        "sku": f"P {sku}",
        "name": "Enamel Mug",
        "category": str(category_id("home-living")),
        "option_name": "Size",
        "variant-0-sku": f"{sku} S",
        "variant-0-option": "S",
        "variant-0-price": "499.50",
        "variant-0-stock": "7",
        **more,
    }
    page = staff_pages.submit(staff_pages.get("/staff/products/new"), "#product-form", press="variant", **values)
    second = {"variant-1-sku": sku, "variant-1-option": "M", "variant-1-price": "499.50", "variant-1-stock": "7"}
    done = staff_pages.submit(page, "#product-form", **second)
    return int(done.url.rpartition("/")[2])


@pytest.mark.parametrize("sku", REAL)
def test_a_real_sku_works_everywhere(staff_pages: Pages, sku: str) -> None:
    product = create(staff_pages, sku)
    assert [variant.sku for variant in record_of(product).variants] == [f"{sku} S", sku]
    (row,) = [a for a in staff_pages.get("/staff/stock?sort=sku").all("th a") if a.get_text() == sku]
    assert parse_qs(urlsplit(str(row["href"])).query) == {"sku": [sku]}
    page = staff_pages.get(str(row["href"]))
    assert page.one("input[name=sku][checked]")["value"] == sku
    staff_pages.submit(page, "#add-line", sku=sku)
    assert "Enamel Mug" in staff_pages.get("/cart").words
    assert scanned(staff_pages, sku) == 9
    response = staff_pages.client.get("/staff/stock.csv")
    rows = csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig")))
    assert sku in {line["sku"].removeprefix("'") for line in rows}


def scanned(staff_pages: Pages, sku: str) -> int:
    """Receive two units by scanning the SKU.

    :return: units on hand afterwards
    """
    asked = staff_pages.submit(staff_pages.get("/staff/stock/scan"), "#scan-code", code=sku)
    staff_pages.submit(asked, "#scan-quantity", quantity="2")
    return row_of(sku).on_hand


def test_an_order_of_a_real_sku_is_found_by_it_and_printed(staff_pages: Pages) -> None:
    sku = REAL[0]
    create(staff_pages, sku)
    cart.add_line("a-cart", Sku(sku), 1)
    outcome = place(make_draft("a-cart"), "a-cart")
    assert outcome.order_id is not None
    found = staff_pages.get("/staff/orders?q=AB+12+%26+3&show=all")
    assert outcome.order_id in found.words
    assert sku in staff_pages.get(f"/staff/orders/packing-slips?order={outcome.order_id}").words
    assert orders.get_order(outcome.order_id).items[0].sku == sku


@pytest.mark.parametrize("sku", ["---", "a" * 101, "A\u200bB"])
def test_the_refusal_says_what_the_hint_says(staff_pages: Pages, sku: str) -> None:
    page = staff_pages.get("/staff/products/new")
    hint = page.one("#sku-hint").get_text().partition(". It cannot")[0]
    refused = staff_pages.submit(page, "#product-form", status=422, sku=sku)
    words = refused.one("#sku-problem").get_text()
    assert words.startswith(hint) or "at most 100 characters" in words


def test_the_api_takes_a_real_sku(api: Api, stock_keeper: Api) -> None:
    for sku in REAL:
        sent = {"sku": sku, "name": "Enamel mug", "brand": "Kiln", "price": 599.5, "stock": 4}
        created = stock_keeper.post("/api/products", json=sent)
        assert api.get(f"/api/products/{created.json['id']}").json["sku"] == sku
