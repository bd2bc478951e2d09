"""A member of the staff with a real browser who uses only the keyboard."""

from __future__ import annotations

import itertools

from playwright.sync_api import expect

from tests.journeys.conftest import NewShopper
from tests.journeys.test_browser_client import read_code
from tests.live_server import LiveShop
from tests.shopper import Shopper, Window

_numbers = itertools.count(1)


def sign_in_staff(shop: LiveShop, new_shopper: NewShopper, window: Window, role: str) -> tuple[Shopper, str]:
    """Create a staff account and sign in by keyboard, with the code from the e-mail.

    :return: the browser and the e-mail address
    """
    email = f"clerk-{next(_numbers)}-{window}@example.com"
    output = shop.flask("staff", "create", "--email", email, "--role", role, "--name", "Meera", "--generate")
    clerk = new_shopper(window)
    clerk.open("/login?next=/staff")
    clerk.sees("Sign in")
    clerk.types(email, into=clerk.page.get_by_label("E-mail address or phone number", exact=True))
    password = output.strip().rpartition(" ")[2]
    clerk.types(password, into=clerk.page.get_by_label("Password", exact=True), then="Enter")
    clerk.sees("Enter the code")
    code = read_code(new_shopper(window), email)
    clerk.types(code, into=clerk.page.get_by_label("Code", exact=True), then="Enter")
    expect(clerk.page.locator(".staff-header__who")).to_contain_text("Meera")
    return clerk, email
