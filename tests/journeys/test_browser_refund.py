"""Staff refund a part of an order by keyboard, and the customer sees the refund."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewShopper, Shops
from tests.journeys.staff_user import sign_in_staff
from tests.live_server import eventually
from tests.shopper import Shopper, Window

pytestmark = pytest.mark.browser

WINDOWS = [Window(), Window("mariadb", has_script=False, width=390)]
SOAP = "/product/27-rose-and-neem-soap"  # ordered by no other journey
SOAP_SKU, NAME = "SKU-NEE-ROSE", "Rose and Neem Soap"


def buy_three(shopper: Shopper) -> str:
    """Order three units.

    :return: the order number
    """
    shopper.put_in_cart(SOAP)
    shopper.go_to_cart()
    shopper.type_quantity(NAME, "3")
    expect(shopper.badge).to_have_text("Cart 3")
    shopper.go_through_checkout("Test card that succeeds")
    shopper.place_order()
    return shopper.reads_order_number()


def on_hand(clerk: Shopper) -> int:
    clerk.open(f"/staff/stock?q={SOAP_SKU}")
    return int(clerk.page.locator(f'[aria-label$="ledger of {SOAP_SKU}"]').inner_text())


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_one_unit_of_three_is_refunded(new_shopper: NewShopper, shops: Shops, window: Window) -> None:
    shopper = new_shopper(window)
    number = buy_three(shopper)
    clerk, _ = sign_in_staff(shops(window.engine), new_shopper, window, "admin")
    before = on_hand(clerk)

    clerk.open("/staff/orders")
    clerk.types(number, into=clerk.page.locator("#admin-words"), then="Enter")
    clerk.presses(clerk.link(number))
    clerk.sees(f"Order {number}")
    clerk.types("1", into=clerk.page.locator("#refund").get_by_label(NAME))
    clerk.presses(clerk.page.locator("#refund-restock"), "Space")
    clerk.presses(clerk.button("Calculate amount"))
    worth = clerk.page.locator("#refund-worth strong")
    expect(worth).to_contain_text("₹")
    amount = worth.inner_text()
    clerk.presses(clerk.page.locator("#refund-go"))
    expect(clerk.page.locator("#refund")).to_contain_text("of 2")
    expect(clerk.page.locator("[aria-labelledby=order-refunds]")).to_contain_text(f"{amount} of")
    clerk.fits()

    shopper.open(f"/orders/{number}")
    expect(shopper.page.locator("main")).to_contain_text(amount)
    expect(shopper.page.locator("#timeline")).to_contain_text(f"1 × {NAME}")
    shopper.fits()

    def is_restocked() -> bool:
        return on_hand(clerk) == before + 1

    eventually(is_restocked, "the unit to be restocked")
    assert shops(window.engine).faults() == []
