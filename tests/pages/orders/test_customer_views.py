"""The order pages of a signed-in account: history, invoices, reordering, claiming."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from storefront.accounts.values import Account
from storefront.cart import service as cart
from storefront.catalog.values import ProductCard
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import buy, fill_cart, make_order, make_snapshot, new_checkout_id
from tests.page_client import SAME_ORIGIN, Page, Pages

REORDER_FORM = "form[action^='/cart/orders/']"


@pytest.fixture
def asha(pages: Pages) -> Account:
    account = make_account()
    pages.sign_in(account)
    return account


def order_of(account: Account, name: str = "Clay Mug") -> str:
    return orders.create_order(new_checkout_id(), replace(make_snapshot(name=name), customer_id=account.id))


def listed(page: Page) -> list[str]:
    return [row.get_text(strip=True) for row in page.all(".order-list__number")]


# --------------------------------------------------------------------------------------------------- list


def test_an_account_sees_its_orders_and_finds_one(pages: Pages, asha: Account) -> None:
    mug, pan = order_of(asha, "Clay Mug"), order_of(asha, "Iron Pan")
    page = pages.get("/orders")
    assert listed(page) == [pan, mug]
    assert listed(pages.submit(page, "form.order-search", q="mug")) == [mug]
    nothing = pages.submit(page, "form.order-search", q="teapot <b>")
    assert listed(nothing) == []
    assert "0 orders with “teapot <b>”" in nothing.words


def test_the_orders_of_another_account_are_neither_listed_nor_shown(pages: Pages, asha: Account) -> None:
    number = order_of(make_account())
    assert listed(pages.get("/orders")) == []
    for path in ("", "/invoice"):
        assert pages.get(f"/orders/{number}{path}").url.startswith(f"/track?number={number}")


def test_orders_of_this_browser_are_listed_once_below_those_of_the_account(pages: Pages) -> None:
    asha = make_account()
    guests = buy(pages, make_product()).one(".order-number").get_text()
    known = pages.client
    with known.session_transaction() as session:
        remembered = session["orders"]
    pages.sign_in(asha)
    own = order_of(asha)
    with known.session_transaction() as session:
        session["orders"] = [own, *remembered]
    page = pages.get("/orders")
    assert listed(page) == [own, guests]
    assert page.one("#orders-remembered")


@pytest.mark.parametrize(
    "query", ["page=2", "page=0", "page=x", "page=99999999999999999999", "q=%00", "q=" + "x" * 500]
)
def test_invalid_query_strings_are_accepted(pages: Pages, asha: Account, query: str) -> None:
    order_of(asha)
    assert pages.get(f"/orders?{query}").one("h1").get_text() == "Order history"


def test_pages_of_orders_are_linked(pages: Pages, asha: Account) -> None:
    numbers = [order_of(asha) for _ in range(21)]
    page = pages.get("/orders")
    assert len(listed(page)) == 20
    older = pages.get(str(page.one("a[rel=next]")["href"]))
    assert listed(older) == [numbers[0]]
    assert pages.get(str(older.one("a[rel=prev]")["href"])).url == "/orders?page=1"


def test_an_account_shows_its_last_orders_at_a_glance(pages: Pages, asha: Account) -> None:
    numbers = [order_of(asha) for _ in range(5)]
    page = pages.get("/account")
    assert listed(page) == numbers[:1:-1]
    assert "View all 5 orders" in page.words


# ------------------------------------------------------------------------------------------------- claims


def test_orders_placed_as_a_guest_are_claimed(pages: Pages, asha: Account) -> None:
    guests = make_order(email=str(asha.email).upper())
    page = pages.submit(pages.get("/orders"), "form[action$=claims]")
    assert "1 order was added to your account" in page.words
    assert listed(page) == [guests.id]
    assert page.all("form[action$=claims]") == []


def test_an_unverified_email_address_claims_nothing(pages: Pages) -> None:
    ravi = make_account(verified=False)
    pages.sign_in(ravi)
    order = make_order(email=str(ravi.email))
    page = pages.get("/orders")
    assert page.all("form[action$=claims]") == []
    token = str(pages.get("/account/profile").all("input[name=csrf_token]")[0]["value"])
    answer = pages.client.post("/orders/claims", data={"csrf_token": token}, headers=SAME_ORIGIN)
    assert answer.status_code == 403
    assert orders.get_order(order.id).customer_id is None


# ------------------------------------------------------------------------------------------------ invoices


def test_a_confirmed_order_has_an_invoice(pages: Pages, asha: Account) -> None:
    number = order_of(asha)
    assert "Invoice" not in [link.get_text() for link in pages.get(f"/orders/{number}").all("main a")]
    pages.get(f"/orders/{number}/invoice", status=404)


def test_an_invoice_shows_seller_buyer_items_and_figures(pages: Pages) -> None:
    placed = buy(pages, make_product(name="Clay Mug", price=500), 2)
    page = pages.get(str(placed.one("a[href$=invoice]")["href"]))
    number = placed.one(".order-number").get_text()
    assert page.one("h1").get_text() == "Invoice 2026-000001"
    for words in (
        number,
        "marigold",
        "shop@localhost",
        "Asha Rao",
        "Clay Mug",
        "₹500",
        "₹1,000",
        "₹180",
        "₹1,680",
        "22 Nov 2026",
    ):
        assert words in page.words
    assert "cancelled" not in page.words


def test_the_invoice_of_a_cancelled_order_says_so(pages: Pages) -> None:
    placed = buy(pages, make_product())
    number = placed.one(".order-number").get_text()
    orders.cancel(number, by="you")
    assert "This order was cancelled" in pages.get(f"/orders/{number}/invoice").words


def test_the_invoice_has_the_sellers_address_and_tax_number(
    pages: Pages, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "SHOP_ADDRESS", "1 Market Street | Pune 411001")
    monkeypatch.setitem(app.config, "SHOP_TAX_NUMBER", "27ABCDE1234F1Z5")
    number = buy(pages, make_product()).one(".order-number").get_text()
    words = pages.get(f"/orders/{number}/invoice").words
    assert "1 Market Street Pune 411001" in words
    assert "Tax number 27ABCDE1234F1Z5" in words


# ------------------------------------------------------------------------------------------------ once more


@pytest.fixture
def mug(app: Flask) -> ProductCard:
    return make_product(name="Clay Mug", stock=5)


def test_an_order_can_be_reordered(pages: Pages, mug: ProductCard) -> None:
    placed = buy(pages, mug, 2)
    page = pages.submit(placed, REORDER_FORM)
    assert page.url == "/cart"
    assert "2 products were added to your cart" in page.words


def test_reordering_adds_as_many_units_as_are_available(pages: Pages, mug: ProductCard) -> None:
    placed = buy(pages, mug, 3)
    page = pages.submit(placed, REORDER_FORM)
    assert "Not available: Clay Mug (2 of 3)" in page.words
    again = pages.submit(placed, REORDER_FORM)
    assert "Not available: Clay Mug." in again.words
    with pages.client.session_transaction() as session:
        assert cart.count_units(session["cart"]) == 2


def test_reordering_names_products_that_are_no_longer_sold(pages: Pages, asha: Account) -> None:
    number = order_of(asha, "Old Teapot")
    page = pages.submit(pages.get(f"/orders/{number}"), REORDER_FORM)
    assert "Not available: Old Teapot, Blue." in page.words
    assert page.all("#cart-empty")


def test_the_order_of_another_customer_cannot_be_reordered(pages: Pages, asha: Account, mug: ProductCard) -> None:
    cart_page = fill_cart(pages, mug)
    token = str(cart_page.all("input[name=csrf_token]")[0]["value"])
    for number in (order_of(make_account()), "ORD-000000000000"):
        answer = pages.client.post(f"/cart/orders/{number}", data={"csrf_token": token}, headers=SAME_ORIGIN)
        assert answer.status_code == 404


def test_an_account_can_cancel_its_order(pages: Pages, asha: Account, mug: ProductCard) -> None:
    placed = buy(pages, mug)
    number = placed.one(".order-number").get_text()
    assert orders.get_order(number).customer_id == asha.id
    assert "Your order is cancelled" in pages.submit(placed, "form[action$=cancellation]").words
    assert orders.get_order(number).status is OrderStatus.CANCELLED
