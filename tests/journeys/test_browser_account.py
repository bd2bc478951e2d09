"""The account pages in a real browser, and an order with a saved address and payment method."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from storefront.accounts import service as accounts
from storefront.core.addresses import PostalAddress
from tests.factories.accounts import PASSWORD, make_account
from tests.isolated_shop import shop_at
from tests.journeys.conftest import NewShopper, Shops, shoppers_of
from tests.journeys.test_accessibility import assert_accessible
from tests.shopper import CANDLE, Shopper, Window
from tests.times import machine_time

pytestmark = pytest.mark.browser

HOME = PostalAddress("Asha Rao", "+91 98765 43210", "12 Prabhat Road", "", "Pune", "Maharashtra", "411004", "India")
WORK = PostalAddress("Asha Rao, office", "+91 98765 43210", "Tower B", "", "Mumbai", "Maharashtra", "400013", "India")
PAGES = {
    "account": "/account",
    "profile": "/account/profile",
    "addresses": "/account/addresses",
    "address": "/account/addresses/new",
    "ways to pay": "/account/payment-methods",
    "data": "/account/data",
    "deletion": "/account/deletion",
    "own orders": "/orders",
    "delivery": "/checkout/delivery",
    "payment": "/checkout/payment",
}


def open_account(shops: Shops, engine: str, email: str) -> None:
    """Create an account with two addresses and a UPI id."""
    shop = shops(engine)
    with machine_time(), shop_at(shop.database_url, shop.folder) as app, app.app_context():
        user = make_account(email=email, phone=None).id
        accounts.add_address(user, HOME)
        accounts.add_address(user, WORK)
        accounts.add_method(user, "UPI", "asha@okbank")


def sign_in(shopper: Shopper, email: str) -> None:
    shopper.open("/login?next=/account")
    shopper.page.locator("main input[name=identifier]").fill(email)
    shopper.page.locator("main input[type=password]").fill(PASSWORD)
    shopper.page.locator("main form button[type=submit]").first.click()
    shopper.sees("Hello, Asha Rao")


def buy_with_saved_data(shopper: Shopper) -> str:
    """Place an order with a saved address and UPI id.

    :return: the order number
    """
    shopper.put_in_cart(CANDLE)
    shopper.go_to_cart()
    shopper.link("Check out").click()
    shopper.sees("How can we reach you?")
    shopper.fill_in({"Phone number": "98765 43210"})
    shopper.button("Continue to delivery").click()
    shopper.sees("Shipping address", shot="delivery-saved")
    shopper.page.get_by_label("Asha Rao, office").check()
    shopper.button("Continue to payment").click()
    shopper.choose_payment("UPI ash***@okbank")
    shopper.place_order()
    return shopper.reads_order_number()


@pytest.mark.parametrize(
    "window", [Window(), Window(has_script=False, width=390), Window("mariadb", has_script=False)], ids=str
)
def test_a_customer_orders_with_saved_address_and_payment_method(
    new_shopper: NewShopper, shops: Shops, window: Window
) -> None:
    email = f"asha-{window}@example.com"
    open_account(shops, window.engine, email)
    shopper = new_shopper(window)
    sign_in(shopper, email)
    number = buy_with_saved_data(shopper)
    shopper.open("/orders")
    shopper.sees("Order history", shot="orders-own")
    shopper.link(number).click()
    shopper.sees(re.compile(f"^Order {number}"), shot="order-own")
    assert "Tower B" in shopper.page.locator("#delivery-address").inner_text()
    shopper.link("Invoice").click()
    shopper.sees(re.compile(r"^Invoice \d{4}-\d{6}$"), shot="invoice")
    shopper.open(f"/orders/{number}")
    shopper.button("Buy again").click()
    shopper.sees("Your cart")
    assert shopper.badge.inner_text().split()[-1] == "1"


@pytest.fixture(scope="module")
def owner(shops: Shops, browser: Browser) -> Iterator[Shopper]:
    """A signed-in customer who placed an order and is at the payment step of a second one."""
    open_account(shops, "sqlite", "asha-pages@example.com")
    with shoppers_of(shops, browser) as make:
        owner = make(Window(), may_inject=True)
        sign_in(owner, "asha-pages@example.com")
        buy_with_saved_data(owner)
        owner.put_in_cart(CANDLE)
        owner.open("/checkout")
        owner.fill_in({"Phone number": "98765 43210"})
        owner.button("Continue to delivery").click()
        owner.button("Continue to payment").click()
        owner.sees("How would you like to pay?")
        yield owner


@pytest.mark.parametrize("name", PAGES)
def test_an_account_page_is_accessible(owner: Shopper, name: str) -> None:
    owner.open(PAGES[name])
    assert_accessible(owner, f"account-{name}")


def test_an_invoice_is_accessible(owner: Shopper) -> None:
    owner.open("/orders")
    owner.page.locator(".order-list__number a").first.click()
    owner.link("Invoice").click()
    owner.sees(re.compile("^Invoice "))
    assert_accessible(owner, "invoice")
