"""Registration, wishlist, password reset and account deletion in a real browser, with and without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewShopper, Shops
from tests.journeys.test_browser_client import read_code
from tests.secret_scan import PASSWORDS, leaks_of
from tests.shopper import ADDRESS, CANDLE, Shopper, Window

pytestmark = pytest.mark.browser

WINDOWS = [
    Window(width=390),
    Window("mariadb", has_script=False),
    pytest.param(Window(), marks=pytest.mark.long),
    pytest.param(Window("mariadb", has_script=False, width=390), marks=pytest.mark.long),
]
FIRST_PASSWORD, SECOND_PASSWORD = PASSWORDS
IDENTIFIER = "E-mail address or phone number"


def code_for(shopper: Shopper, new_shopper: NewShopper, email: str, *, letters: int = 1) -> str:
    return read_code(new_shopper(shopper.window), email, letters=letters)


def register(shopper: Shopper, new_shopper: NewShopper, email: str) -> None:
    """Create an account with the code from the e-mail."""
    shopper.open("/register")
    shopper.sees("Create account")
    shopper.fill_in({"Your name": "Asha Rao", IDENTIFIER: email, "Password": FIRST_PASSWORD})
    shopper.button("Send code").click()
    shopper.sees("Enter the code")
    shopper.fill_in({"Code": code_for(shopper, new_shopper, email)})
    shopper.button("Create account").click()


def sign_in(shopper: Shopper, email: str, password: str) -> None:
    shopper.open("/login")
    shopper.sees("Sign in")
    shopper.fill_in({IDENTIFIER: email, "Password": password})
    shopper.page.locator("main").get_by_role("button", name="Sign in").click()


def sign_out(shopper: Shopper) -> None:
    shopper.open("/account")
    shopper.button("Sign out").first.click()
    shopper.open("/login")
    shopper.sees("Sign in")


def move_candle_from_wishlist_to_cart(shopper: Shopper, *, units: int) -> None:
    """Add a product to the wishlist and move it to the cart.

    :param units: expected in the cart afterwards
    """
    shopper.open(CANDLE)
    toggle = shopper.page.locator("main .wishlist-toggle__button").first
    toggle.click()
    expect(shopper.page.locator("main .wishlist-toggle__button").first).to_have_attribute("aria-pressed", "true")
    shopper.open("/wishlist")
    shopper.sees("Your wishlist")
    shopper.button(re.compile("^Move to cart")).click()
    expect(shopper.badge).to_have_text(f"Cart {units}")


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_guest_registers_resets_the_password_and_deletes_the_account(
    new_shopper: NewShopper, shops: Shops, window: Window
) -> None:
    email = f"member-{window}@example.com"
    shopper = new_shopper(window)
    register(shopper, new_shopper, email)
    shopper.open("/account")
    shopper.sees("Hello, Asha Rao")
    sign_out(shopper)

    shopper.put_in_cart(CANDLE)  # as a guest
    sign_in(shopper, email, FIRST_PASSWORD)
    expect(shopper.badge).to_have_text("Cart 1")
    move_candle_from_wishlist_to_cart(shopper, units=2)

    shopper.open("/account/addresses/new")
    shopper.fill_in({**ADDRESS, "Phone number": "98765 43210"})
    shopper.page.locator("main form.account-form button[type=submit]:not([name=change_country])").first.click()
    shopper.sees("Addresses")
    expect(shopper.page.locator("main")).to_contain_text("12 Prabhat Road")
    sign_out(shopper)

    shopper.open("/password/forgotten")
    shopper.fill_in({IDENTIFIER: email})
    shopper.button("Send code").click()
    shopper.sees("Enter the code and a new password")
    shopper.fill_in({"Code": code_for(shopper, new_shopper, email, letters=2), "New password": SECOND_PASSWORD})
    shopper.button("Change password").click()
    shopper.sees("Sign in")
    shopper.allow(422)
    sign_in(shopper, email, FIRST_PASSWORD)
    expect(shopper.page.locator("main")).to_contain_text("do not match")
    sign_in(shopper, email, SECOND_PASSWORD)

    shopper.open("/account/deletion")
    shopper.sees("Delete your account")
    shopper.fill_in({"Your password": SECOND_PASSWORD})
    shopper.button("Delete my account").click()
    sign_in(shopper, email, SECOND_PASSWORD)
    expect(shopper.page.locator("main")).to_contain_text("do not match")
    assert list(leaks_of(shops(window.engine))) == []
