"""Staff pack and ship orders by keyboard, with and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewShopper, Shops
from tests.journeys.staff_user import sign_in_staff
from tests.shopper import Window

pytestmark = pytest.mark.browser

WINDOWS = [Window(), Window("mariadb", has_script=False, width=390)]
SKU = "SKU-NIL-SALT-PB"  # ordered by no other journey
BOOK = f"/product/19-a-short-history-of-salt?sku={SKU}"


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_orders_are_selected_packed_and_shipped_with_tracking_numbers(
    new_shopper: NewShopper, shops: Shops, window: Window
) -> None:
    numbers = []
    shopper = new_shopper(window)
    for _ in range(2):
        shopper.reach_review(BOOK, "Cash on delivery")
        shopper.place_order()
        numbers.append(shopper.reads_order_number())

    clerk, email = sign_in_staff(shops(window.engine), new_shopper, window, "orders")
    clerk.open("/staff/orders")
    clerk.sees("Orders")
    clerk.types(SKU, into=clerk.page.locator("#admin-words"), then="Enter")
    expect(clerk.page.locator("tbody .admin-row")).to_have_count(2)
    clerk.presses(clerk.page.locator("#select-all"))
    expect(clerk.page.locator(".admin-choice:checked")).to_have_count(2)
    clerk.presses(clerk.button("Packing slips"))
    clerk.sees("Packing slips")
    expect(clerk.page.locator(".packing-slip")).to_have_count(2)
    clerk.presses(clerk.button("Mark 2 orders as being packed"))
    clerk.sees("Orders")

    clerk.open(f"/staff/orders?q={SKU}&show=processing")
    for place, number in enumerate(numbers):
        clerk.types(f"AWB {place}", into=clerk.page.locator(f"#tracking-{number}"), then="Enter")
    for number in numbers:
        clerk.presses(clerk.page.locator(f"#select-{number}"), "Space")
    clerk.tab_to(clerk.page.locator("#carrier"))
    clerk.page.keyboard.type("Delh")
    clerk.fits()
    clerk.presses(clerk.page.locator("#do-shipped"))
    expect(clerk.notice).to_contain_text("2 orders marked as shipped")

    clerk.open(f"/staff/orders/{numbers[1]}")
    clerk.sees(f"Order {numbers[1]}")
    expect(clerk.page.locator("#timeline")).to_contain_text(email)
    shopper.open(f"/orders/{numbers[1]}")
    expect(shopper.page.locator("#timeline")).to_contain_text("AWB 1")
    expect(shopper.link("Track shipment")).to_have_attribute("href", "https://www.delhivery.com/track/package/AWB%201")
    assert shops(window.engine).faults() == []
