"""Accessibility of the staff pages: axe rules, keyboard operation, reflow and the dark colour scheme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask, url_for
from playwright.sync_api import Browser

from storefront import create_app
from storefront.staff.navigation import SECTIONS
from tests.conftest import make_config
from tests.journeys.conftest import Shops, shoppers_of
from tests.journeys.staff_user import sign_in_staff
from tests.journeys.test_accessibility import assert_accessible, press, tab_to
from tests.shopper import CANDLE, Shopper, Window

pytestmark = pytest.mark.browser

DESKS = [page.endpoint for section in SECTIONS for page in section.pages]
A_LONG_NAME = "counts-of-the-whole-of-the-shelves-in-the-hall-behind-the-yard-2026-11-22-final.csv"


@pytest.fixture(scope="module")
def admin(shops: Shops, browser: Browser) -> Iterator[Shopper]:
    """An admin, in a shop with an order."""
    with shoppers_of(shops, browser) as make:
        buyer = make(Window())
        buyer.reach_review(CANDLE, pay_by="Cash on delivery")
        buyer.place_order()
        buyer.reads_order_number()
        admin, _ = sign_in_staff(shops("sqlite"), lambda window: make(window, may_inject=True), Window(), "admin")
        admin.allow(422)  # the bulk change page without products
        yield admin


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """An application that builds the URLs of endpoints."""
    folder = tmp_path_factory.mktemp("addresses")
    return create_app(make_config(folder, f"sqlite:///{folder}/{{schema}}.db"))


@pytest.mark.parametrize("endpoint", DESKS)
def test_a_staff_page_is_accessible(admin: Shopper, addresses: Flask, endpoint: str) -> None:
    with addresses.test_request_context():
        path = url_for(endpoint)
    admin.open(path)
    assert_accessible(admin, endpoint)


def first_of(list_of: str, link: str) -> Callable[[Shopper, Path], None]:
    """Open a list and follow its first link."""

    def go(admin: Shopper, folder: Path) -> None:
        admin.open(list_of)
        href = admin.page.locator(link).first.get_attribute("href")
        admin.open(str(href))

    return go


def fold_out(admin: Shopper, folder: Path) -> None:
    admin.open("/staff?days=90")
    admin.page.locator("#sold-table summary").click()


def upload(admin: Shopper, folder: Path) -> None:
    file = folder / A_LONG_NAME
    file.write_text("sku,count\nNO-SUCH-SKU-" + "X" * 50 + ",1\n")
    admin.open("/staff/stock/imports")
    admin.page.locator("#file").set_input_files(file)
    admin.button("Check file").click()
    admin.page.locator("#import").wait_for()


def after_upload(admin: Shopper, folder: Path) -> None:
    upload(admin, folder)
    admin.open("/staff/stock/imports")


def at(path: str) -> Callable[[Shopper, Path], None]:
    return lambda admin, folder: admin.open(path)


def to_order(admin: Shopper, folder: Path, below: str = "") -> None:
    """Open the order that was placed, or a page below it."""
    first_of("/staff/customers?q=asha", "tbody th a[href*='/guest']")(admin, folder)
    order = admin.page.locator("tbody th a[href^='/staff/orders/']").first.get_attribute("href")
    admin.open(f"{order}{below}")


STATES: dict[str, Callable[[Shopper, Path], None]] = {
    "figures as a table": fold_out,
    "customers found": at("/staff/customers?q=example.com"),
    "a customer": first_of("/staff/customers?q=clerk", "tbody th a[href^='/staff/customers/']"),
    "a guest": first_of("/staff/customers?q=asha", "tbody th a[href*='/guest']"),
    "an order": to_order,
    "an invoice": lambda admin, folder: to_order(admin, folder, "/invoice"),
    "returns": at("/staff/returns"),
    "a product": at("/staff/products/11"),
    "a new product": at("/staff/products/new"),
    "many products": at("/staff/products/changes"),
    "a department": first_of("/staff/products/categories", "main a[href^='/staff/products/categories/']"),
    "nothing like it": at("/staff/reviews?q=no+such+words"),
    "a file looked through": upload,
    "files of the past": after_upload,
}


@pytest.mark.parametrize("state", STATES)
def test_a_state_of_a_staff_page_is_accessible(admin: Shopper, tmp_path: Path, state: str) -> None:
    admin.page.set_viewport_size({"width": 1280, "height": 900})
    STATES[state](admin, tmp_path)
    assert_accessible(admin, state)


def test_a_review_is_hidden_and_shown_again_by_keyboard(admin: Shopper) -> None:
    admin.page.set_viewport_size({"width": 1280, "height": 900})
    admin.open("/staff/reviews")
    row = admin.page.locator(".moderated").first
    for done in ("Hidden", "Review shown"):
        # After the first the focus is still on the button, although its row is another.
        tab_to(admin, row.locator("input[name=reason]"), backwards=done == "Review shown")
        admin.page.keyboard.type("Names a person")
        press(admin, row.get_by_role("button"))
        admin.page.get_by_text(done).first.wait_for()
        admin.page.locator(".htmx-request").wait_for(state="detached")
