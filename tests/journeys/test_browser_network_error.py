"""An htmx request that fails in the network shows an accurate error; the page is unchanged and can be retried."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.journeys.conftest import NewShopper, Shops
from tests.journeys.staff_user import sign_in_staff
from tests.shopper import CANDLE, Shopper, Window

pytestmark = pytest.mark.browser

BOOKS = "/category/books"
IN_STOCK = re.compile(r"^\s*In stock")
OIL = "SKU-NRY-COCO-500"


def cut(route: Route) -> None:
    route.abort("connectionreset")


def answer_bad_gateway(route: Route) -> None:
    route.fulfill(status=502, content_type="text/html", body="<html><h1>Bad Gateway</h1></html>")


def lose_the_answer(route: Route) -> None:
    route.fetch()
    route.abort("connectionreset")


@contextmanager
def network_fault(shopper: Shopper, fault: Callable[[Route], None]) -> Iterator[None]:
    """Apply a fault to htmx requests within the block; the browser's errors meanwhile are expected."""

    def handle(route: Route) -> None:
        if route.request.headers.get("hx-request"):
            fault(route)
        else:
            route.continue_()

    shopper.page.route("**/*", handle)
    yield
    shopper.page.unroute("**/*", handle)
    shopper.faults.clear()


def alert(shopper: Shopper) -> Locator:
    return shopper.page.locator("#notices").get_by_role("alert")


@pytest.mark.parametrize("happens", [cut, answer_bad_gateway])
def test_a_failed_filter_shows_an_error_and_is_unchecked(shopper: Shopper, happens: Callable[[Route], None]) -> None:
    shopper.open(BOOKS)
    tick = shopper.page.get_by_label(IN_STOCK)
    with network_fault(shopper, happens):
        tick.click()
        expect(alert(shopper)).to_have_text("The shop could not be reachedNothing on this page has changed. Try again.")
        expect(tick).not_to_be_checked()
        expect(shopper.page.locator(".listing__count strong")).to_have_text("12 products")
    shopper.take_picture("unreached-read")
    tick.check()
    expect(shopper.page.locator(".listing__count strong")).to_have_text("11 products")
    expect(alert(shopper)).to_have_count(0)


@pytest.mark.parametrize("happens", [cut, answer_bad_gateway])
def test_a_failed_write_claims_neither_success_nor_failure(shopper: Shopper, happens: Callable[[Route], None]) -> None:
    shopper.open(CANDLE)
    button = shopper.button("Add to cart").first
    with network_fault(shopper, happens):
        button.click()
        expect(alert(shopper)).to_contain_text("We cannot tell whether this was saved. Check before you try again.")
        expect(alert(shopper)).to_be_in_viewport()
        expect(shopper.page.get_by_text("Bad Gateway")).to_have_count(0)
        expect(button).to_be_focused()
    button.click()
    expect(shopper.badge).to_have_text("Cart 1")
    expect(alert(shopper)).to_have_count(0)


def test_failed_suggestions_show_no_error(shopper: Shopper) -> None:
    shopper.open("/")
    with network_fault(shopper, cut):
        with shopper.page.expect_event("requestfailed"):
            shopper.page.locator("#search-words").press_sequentially("tea")
        expect(alert(shopper)).to_have_count(0)
    expect(shopper.page.locator("#search-words")).to_have_value("tea")


def test_a_stock_change_sent_again_after_a_lost_answer_counts_once(new_shopper: NewShopper, shops: Shops) -> None:
    window = Window()
    clerk, _ = sign_in_staff(shops(window.engine), new_shopper, window, "stock")
    clerk.open(f"/staff/stock?q={OIL}")
    row = clerk.page.locator(".admin-row", has=clerk.page.locator(".admin-row__sku", has_text=OIL))
    on_hand = row.locator(".admin-row__ledger")
    before = int(on_hand.inner_text().replace(",", ""))
    field = row.locator(".admin-field--change")
    field.fill("+3")
    with network_fault(clerk, lose_the_answer):
        field.press("Enter")
        expect(alert(clerk)).to_contain_text("This may not be saved")
        expect(field).to_have_value("+3")
        clerk.take_picture("unreached-desk")
    field.press("Enter")
    expect(on_hand).to_have_text(f"{before + 3:,}")
    expect(alert(clerk)).to_have_count(0)
