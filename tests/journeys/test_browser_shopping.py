"""Finding, ordering and tracking products, with and without JavaScript, at phone and desktop width."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewShopper
from tests.live_server import eventually
from tests.shopper import CANDLE, MAIL, RAZOR, Shopper, Window

pytestmark = pytest.mark.browser

# JavaScript on and off on each engine and at each width; every journey checks that pages fit both widths.
EVERYWHERE = [Window("sqlite", True, 390), Window("sqlite", False, 1280)]
EVERYWHERE += [Window("mariadb", True, 1280), Window("mariadb", False, 390)]
BOTH_WAYS = [Window("sqlite", True, 1280), Window("sqlite", False, 390)]

everywhere = pytest.mark.parametrize("shopper", EVERYWHERE, indirect=True, ids=str)
both_ways = pytest.mark.parametrize("shopper", BOTH_WAYS, indirect=True, ids=str)


@everywhere
def test_a_guest_finds_a_product_orders_it_and_tracks_the_order(shopper: Shopper, new_shopper: NewShopper) -> None:
    shopper.open("/")
    shopper.sees("Good things, honestly priced.")
    find_and_choose_a_dress(shopper)
    shopper.add_to_cart(1)
    change_the_cart(shopper)
    shopper.go_through_checkout("Cash on delivery")
    shopper.place_order()
    number = shopper.reads_order_number()
    expect(shopper.page.locator(".order-items")).to_contain_text("Indigo Day Dress")

    at_home = new_shopper(shopper.window)
    track(at_home, number)
    read_the_confirmation(at_home, number)


def find_and_choose_a_dress(shopper: Shopper) -> None:
    shopper.search("dress")
    shopper.filter("In stock")
    shopper.link("Indigo Day Dress").first.click()
    shopper.sees("Indigo Day Dress", shot="product")
    expect(shopper.page.get_by_label("XS")).to_be_disabled()
    shopper.page.locator(".option", has_text=re.compile(r"^\s*M\s*$")).click()
    expect(shopper.page.get_by_role("radio", name="M", exact=True)).to_be_checked()


def change_the_cart(shopper: Shopper) -> None:
    """Increase the quantity, type a quantity, remove the line and undo."""
    shopper.go_to_cart()
    line = shopper.line("Indigo Day Dress")
    expect(line).to_contain_text("M")
    line.get_by_role("button", name="One more").click()
    expect(shopper.badge).to_have_text("Cart 2")
    shopper.type_quantity("Indigo Day Dress", "3")
    expect(shopper.badge).to_have_text("Cart 3")
    expect(line.locator("output")).to_have_text("₹10,497")
    line.get_by_role("button", name="Remove").click()
    expect(shopper.badge).to_have_text("Cart")
    shopper.take_picture("cart-undo")
    shopper.button(re.compile("^Undo")).click()
    expect(shopper.badge).to_have_text("Cart 3")
    expect(line.locator("output")).to_have_text("₹10,497")


def track(shopper: Shopper, number: str) -> None:
    shopper.open("/track")
    shopper.sees("Track an order")
    shopper.fill_in({"Order number": number, "E-mail address": MAIL.upper()})
    shopper.button("Track").click()
    shopper.sees(f"Order {number}", shot="order-tracked")
    expect(shopper.page.locator("#timeline")).to_contain_text("Confirmed")


def read_the_confirmation(shopper: Shopper, number: str) -> None:
    """Read the confirmation e-mail on the development shop's mail page."""

    def has_arrived() -> bool:
        shopper.open("/dev/mail")
        return shopper.link(f"Your order {number}").is_visible()

    eventually(has_arrived, f"the confirmation of {number}", within=60)
    shopper.sees("E-mails of this development shop", shot="mailbox")
    shopper.link(f"Your order {number}").click()
    shopper.sees(f"Your order {number}", shot="mail")
    expect(shopper.page.locator("pre")).to_contain_text("Indigo Day Dress")
    shopper.link("View HTML version").click()
    shopper.sees("Thank you, Asha", shot="mail-html")


@both_ways
def test_after_a_declined_card_the_cart_is_kept_and_another_method_succeeds(shopper: Shopper) -> None:
    shopper.reach_review(CANDLE, pay_by="Test card that is declined")
    shopper.place_order()
    expect(shopper.page.get_by_role("alert")).to_contain_text("Nothing was charged and your cart is kept")
    shopper.sees("How would you like to pay?", shot="checkout-declined")
    expect(shopper.page.locator("#checkout-summary")).to_contain_text("1 product")
    shopper.choose_payment("Cash on delivery")
    shopper.place_order()
    shopper.reads_order_number()


@both_ways
def test_a_card_payment_is_confirmed_on_the_providers_page(shopper: Shopper) -> None:
    shopper.reach_review(CANDLE, pay_by="Test card that asks for confirmation")
    shopper.place_order()
    shopper.sees(re.compile("Confirm your payment of ₹"), shot="bank")
    shopper.button("Approve the payment").click()
    shopper.reads_order_number()


@both_ways
def test_an_unconfirmed_payment_can_be_replaced_by_another_method(shopper: Shopper) -> None:
    shopper.reach_review(CANDLE, pay_by="Test card that asks for confirmation")
    shopper.place_order()
    shopper.sees(re.compile("Confirm your payment of ₹"), shot="bank")
    shopper.open("/checkout")
    shopper.sees("Your bank asks you to confirm", shot="checkout-placing-bank")
    shopper.button("Pay another way").click()
    shopper.choose_payment("Test card that succeeds")
    shopper.place_order()
    shopper.reads_order_number()


@both_ways
def test_a_late_payment_shows_a_page_that_continues_by_itself(shopper: Shopper) -> None:
    shopper.reach_review(CANDLE, pay_by="Test card that answers late")
    shopper.place_order()
    shopper.sees("We are checking your payment", shot="checkout-placing")
    shopper.reads_order_number()


@both_ways
def test_a_double_click_makes_one_order(shopper: Shopper) -> None:
    shopper.reach_review(CANDLE, pay_by="Cash on delivery")
    shopper.button(re.compile("^Place order")).dblclick()
    number = shopper.reads_order_number()
    shopper.open("/orders")
    shopper.sees("Your orders")
    expect(shopper.page.locator(".order-list__number")).to_have_text([number])


@both_ways
def test_too_large_a_quantity_is_refused_beside_the_field_of_the_cart(shopper: Shopper) -> None:
    shopper.allow(422)
    shopper.put_in_cart(RAZOR)
    shopper.go_to_cart()
    shopper.type_quantity("Single Blade Razor", "50")
    line = shopper.line("Single Blade Razor")
    expect(line.get_by_role("alert")).to_have_text("Only 4 left")
    expect(line.get_by_label("Quantity of")).to_have_value("50")
    expect(line.get_by_label("Quantity of")).to_have_accessible_description("Only 4 left")
    if not shopper.window.has_script:  # with JavaScript the focus has moved on and stays there
        expect(line.get_by_label("Quantity of")).to_be_focused()
    shopper.sees("Your cart", shot="cart-refused")


@both_ways
def test_too_large_a_quantity_is_refused_beside_the_field_of_the_product(shopper: Shopper) -> None:
    shopper.allow(422)
    shopper.open(RAZOR)
    shopper.page.get_by_label("Quantity").fill("50")
    shopper.button("Add to cart").first.click()
    expect(shopper.page.locator("#add-line").get_by_role("alert")).to_have_text("Only 4 left")
    expect(shopper.page.get_by_label("Quantity")).to_have_value("50")
    with_focus = "Add to cart" if shopper.window.has_script else "Quantity"
    expect(shopper.page.locator("#add-line :focus")).to_have_accessible_name(with_focus)
    shopper.sees("Single Blade Razor", shot="product-refused")


@both_ways
def test_an_invalid_checkout_field_shows_its_error_and_other_values_are_kept(shopper: Shopper) -> None:
    shopper.allow(422)
    shopper.put_in_cart(CANDLE)
    shopper.open("/checkout/contact")
    shopper.fill_in({"E-mail address": "asha at home", "Phone number": "98765 43210"})
    shopper.button("Continue to delivery").click()
    mail = shopper.page.get_by_label("E-mail address", exact=True)
    expect(mail).to_have_accessible_description(re.compile("does not look like an e-mail address"))
    expect(mail).to_have_value("asha at home")
    expect(shopper.page.get_by_role("alert")).to_be_focused()
    shopper.sees("How can we reach you?", shot="checkout-contact-refused")
