"""The checkout on two devices, in two tabs, and in the browser that a bank leads back to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from storefront.accounts.values import Account
from storefront.cart import service as cart
from storefront.catalog.values import ProductCard
from storefront.orders import service as orders
from tests.checkout.purchase import at_step, no_database, raising
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import EMAIL, check_out, fill_cart, press_order
from tests.fakes import Clock
from tests.page_client import Page, Pages

FORM = "form.checkout__form"
ORDER = "form.checkout-submit__form"


@pytest.fixture
def mug(app: Flask) -> ProductCard:
    return make_product(name="Clay Mug", price=500, stock=2)


@pytest.fixture
def asha(app: Flask) -> Account:
    return make_account(phone="+919876543210")


def device(app: Flask, account: Account) -> Pages:
    pages = Pages(app)
    pages.sign_in(account)
    return pages


@pytest.fixture
def phone(app: Flask, asha: Account, mug: ProductCard) -> Pages:
    """A device of an account with the last two mugs in the cart."""
    pages = device(app, asha)
    fill_cart(pages, mug, 2)
    return pages


@pytest.fixture
def laptop(app: Flask, asha: Account, phone: Pages) -> Pages:
    return device(app, asha)


def sign_in(pages: Pages, account: Account) -> Page:
    return pages.submit(pages.get("/login"), "main form", identifier=account.email or "", password=PASSWORD)


def shown_as_ordered(page: Page) -> bool:
    return "This cart was ordered already" in page.words


# ------------------------------------------------------------------------------------------------ two devices


def test_who_orders_second_is_told_so_and_shown_the_first_order(phone: Pages, laptop: Pages) -> None:
    """A1: both have the review before them."""
    here, there = check_out(phone, payment="sandbox-success"), check_out(laptop)
    first = press_order(here, phone)
    second = press_order(there, laptop)
    assert shown_as_ordered(second)
    assert second.one(".order-number").get_text() == first.one(".order-number").get_text()
    assert len(laptop.get("/orders").all(".order-list__order")) == 1


def test_an_order_that_waits_at_the_bank_is_shown_to_the_other_device(phone: Pages, laptop: Pages) -> None:
    """A1: it has reserved the last units; they are not "sold out"."""
    there = check_out(laptop)
    bank = press_order(check_out(phone, payment="sandbox-confirm"), phone)
    second = press_order(there, laptop)
    assert second.url.startswith("/checkout/placing/")
    assert shown_as_ordered(second)
    for url in ("/checkout", "/checkout/review"):
        assert laptop.get(url).url == second.url
    placed = phone.submit(bank, "form.sandbox__form", press="approve")
    assert laptop.get(second.url).one(".order-number").get_text() == placed.one(".order-number").get_text()
    assert len(laptop.get("/orders").all(".order-list__order")) == 1


def test_the_other_device_can_give_up_the_payment_and_order_instead(phone: Pages, laptop: Pages) -> None:
    """A1: "Pay another way" lets the cart go."""
    there = check_out(laptop)
    bank = press_order(check_out(phone, payment="sandbox-confirm"), phone)
    laptop.submit(press_order(there, laptop), "main form")
    assert press_order(laptop.get("/checkout/review"), laptop).url.startswith("/orders/ORD-")
    late = phone.submit(bank, "form.sandbox__form", press="approve")
    assert not late.url.startswith("/orders/")
    assert len(laptop.get("/orders").all(".order-list__order")) == 1


# --------------------------------------------------------------------------------------------------- two tabs

CHANGES: dict[str, Callable[[Pages], Page]] = {
    "contact details": lambda tab: tab.submit(tab.get("/checkout/contact"), FORM, email="ravi@example.com"),
    "delivery": lambda tab: tab.submit(tab.get("/checkout/delivery"), FORM, line1="13 Hill Road"),
    "payment method": lambda tab: tab.submit(tab.get("/checkout/payment"), FORM, option="sandbox-success"),
}


@pytest.mark.parametrize("part", CHANGES)
def test_an_old_review_does_not_order_what_another_tab_entered(pages: Pages, mug: ProductCard, part: str) -> None:
    """A2: the page comes anew, names what is different and shows it."""
    fill_cart(pages, mug, 1)
    old = check_out(pages)
    newest = CHANGES[part](pages)
    again = press_order(old, pages, status=409)
    assert f"Changed since you opened the page: {part}." in again.words
    assert again.one("#entered").get_text() == newest.one("#entered").get_text()
    assert press_order(again, pages).url.startswith("/orders/ORD-")


def test_a_review_that_was_ordered_with_other_contents_leads_to_its_order(pages: Pages, mug: ProductCard) -> None:
    """A2: the old tab's button, after the other tab has ordered."""
    fill_cart(pages, mug, 1)
    old = check_out(pages)
    placed = press_order(CHANGES["delivery"](pages), pages)
    refused = press_order(old, pages, status=422)
    assert "Nothing was ordered again" in refused.words
    assert pages.get(str(refused.one("main a.btn")["href"])).url == placed.url


# ------------------------------------------------------------------------------------------- an order under way


@pytest.mark.parametrize("step", ["reserve", "authorise", "create order", "secure", "capture", "sell", "confirm"])
def test_a_step_that_fails_leads_to_the_page_of_the_order_under_way(
    pages: Pages, mug: ProductCard, now: Clock, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A3: no error page; that page goes on by itself."""
    fill_cart(pages, mug, 1)
    review = check_out(pages)
    with monkeypatch.context() as patch:
        at_step(patch, step, raising(no_database()))
        page = press_order(review, pages)
    assert page.url.startswith("/checkout/placing/")
    assert page.one("h1").get_text() == "We are checking your payment"
    assert page.response.headers["Refresh"] == "3"
    now.advance(seconds=3)
    assert pages.get(page.url).url.startswith("/orders/ORD-")
    assert pages.get("/cart").all("#cart-empty")


# ---------------------------------------------------------------------------------------- back from the bank


def waiting_at_bank(pages: Pages, mug: ProductCard) -> tuple[Page, str]:
    """A shopper on the bank's page.

    :return: that page, and the address the bank leads back to
    """
    fill_cart(pages, mug, 1)
    bank = press_order(check_out(pages, payment="sandbox-confirm"), pages)
    return bank, pages.get("/checkout").url


def personal(page: Page) -> bool:
    return any(word in page.response.text for word in ("ORD-", EMAIL, "Asha", "Lake Road", "Clay Mug", "₹"))


def test_another_browser_is_told_what_came_of_the_payment_and_nothing_personal(
    app: Flask, pages: Pages, mug: ProductCard
) -> None:
    """A7: it used to be "There is nothing here"."""
    bank, back = waiting_at_bank(pages, mug)
    other = Pages(app)
    awaited = other.get(back)
    assert awaited.one("h1").get_text() == "We are waiting for your payment"
    assert awaited.response.headers["Refresh"] == "30"
    placed = pages.submit(bank, "form.sandbox__form", press="approve")
    arrived = other.get(back)
    assert arrived.one("h1").get_text() == "Your order is placed"
    assert "Refresh" not in arrived.response.headers
    assert [link["href"] for link in arrived.all("main a")] == [f"/login?next={back}", "/track"]
    assert not personal(awaited)
    assert not personal(arrived)
    assert placed.url.startswith("/orders/ORD-")


def test_the_return_in_another_browser_completes_the_order(app: Flask, pages: Pages, mug: ProductCard) -> None:
    """A7: a bank's app opens the shop in the browser it likes; the first one may never come back."""
    bank, back = waiting_at_bank(pages, mug)
    confirm = bank.one("form.sandbox__form")["action"]
    other = Pages(app)
    page = other.submit(other.get(str(confirm)), "form.sandbox__form", press="approve")
    assert (page.url, page.one("h1").get_text()) == (back, "Your order is placed")
    assert pages.get(back).url.startswith("/orders/ORD-")


def test_a_declined_payment_is_told_to_another_browser(app: Flask, pages: Pages, mug: ProductCard) -> None:
    """A7: and nothing is lost where it was ordered."""
    bank, back = waiting_at_bank(pages, mug)
    pages.submit(bank, "form.sandbox__form", press="decline")
    page = Pages(app).get(back)
    assert page.one("h1").get_text() == "The order was not placed"
    assert not personal(page)


def test_who_signed_out_meanwhile_finds_the_order_by_signing_in(phone: Pages, app: Flask, asha: Account) -> None:
    """A7: the page leads there."""
    bank = press_order(check_out(phone, payment="sandbox-confirm"), phone)
    out = Pages(app)
    page = out.submit(out.get(str(bank.one("form.sandbox__form")["action"])), "form.sandbox__form", press="approve")
    assert page.one("h1").get_text() == "Your order is placed"
    assert not personal(page)
    entrance = out.get(str(page.one("main a[href^='/login']")["href"]))
    placed = out.submit(entrance, "main form", identifier=asha.email or "", password=PASSWORD)
    assert placed.url.startswith("/orders/ORD-")


@pytest.mark.parametrize("pays_first", [False, True])
def test_the_order_of_a_guest_who_signs_in_meanwhile_is_the_accounts(
    app: Flask, pages: Pages, mug: ProductCard, asha: Account, pays_first: bool
) -> None:
    """A7: it was missing in the account's list, and its page was refused."""
    bank, back = waiting_at_bank(pages, mug)
    elsewhere = Pages(app)
    acts = [
        lambda: sign_in(pages, asha),
        lambda: elsewhere.submit(
            elsewhere.get(str(bank.one("form.sandbox__form")["action"])), "form.sandbox__form", press="approve"
        ),
    ]
    for act in reversed(acts) if pays_first else acts:
        act()
    assert pages.get(back).url.startswith("/orders/ORD-")
    (order,) = orders.export_of(asha.id)
    assert order.email == EMAIL
    assert cart.count_units(cart.cart_key_of(asha.id)) == 0


def test_a_draft_is_nobodys_business(app: Flask, pages: Pages, mug: ProductCard) -> None:
    """A7: only what was placed is told of."""
    fill_cart(pages, mug, 1)
    key = str(check_out(pages).one(f"{ORDER} input[name=key]")["value"])
    assert Pages(app).get(f"/checkout/placing/{key}", status=404)
