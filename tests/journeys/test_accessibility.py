"""Accessibility of the shop: axe rules, keyboard operation, reflow and the dark colour scheme."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Locator, Page, expect

from tests.journeys.conftest import Shops, shoppers_of
from tests.shopper import ADDRESS, CANDLE, CONTACT, HEIGHTS, Shopper, Window

pytestmark = pytest.mark.browser

MAX_STOPS = 120  # of the Tab key on a page

# Whether the focused control is in the viewport and has a visible outline.
FOCUS = """() => {
  const control = document.activeElement;
  const around = [control, control.parentElement, control.closest("label"), control.closest("form")];
  const drawn = around.flatMap((part) => (part ? [[part, null], [part, "::before"], [part, "::after"]] : []));
  const box = control.getBoundingClientRect();
  return {
    name: `${control.tagName} ${control.id} ${control.textContent.trim().slice(0, 40)}`,
    inSight: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    ringed: drawn.some(([part, pseudo]) => getComputedStyle(part, pseudo).outlineStyle !== "none"),
  };
}"""


@pytest.fixture(scope="module")
def buyer(shops: Shops, browser: Browser) -> Iterator[Shopper]:
    """A shopper who placed an order and is at the review step of a second one."""
    with shoppers_of(shops, browser) as make:
        buyer = make(Window(), may_inject=True)
        buyer.reach_review(CANDLE, pay_by="Cash on delivery")
        buyer.place_order()
        buyer.reads_order_number()
        buyer.reach_review(CANDLE, pay_by="Cash on delivery")
        yield buyer


PAGES = {
    "home": "/",
    "department": "/category/books",
    "filtered": "/category/books?brand=Kabini+Press&stock=1",
    "another spelling": "/products?q=lamplihgter",
    "nothing found": "/products?q=xyzzyx",
    "product": "/product/11-indigo-day-dress",
    "product with pictures": "/product/16-lantern-35-rangefinder-camera",
    "product sold out": "/product/40-round-one-game-controller",
    "cart": "/cart",
    "contact": "/checkout/contact",
    "delivery": "/checkout/delivery",
    "payment": "/checkout/payment",
    "review": "/checkout/review",
    "orders": "/orders",
    "track": "/track",
    "api": "/api/docs",
    "mailbox": "/dev/mail",
    "not found": "/no-such-page",
}


def assert_accessible(shopper: Shopper, shot: str) -> None:
    """Assert that axe finds no serious violation and nothing overflows, at both widths, in light and dark colours."""
    shopper.page.evaluate(AXE_SCRIPT)
    violations: set[str] = set()
    for width, height in HEIGHTS.items():
        shopper.page.set_viewport_size({"width": width, "height": height})
        shopper.fits()
        shopper.take_picture(shot)
        violations |= {f"{width} light: {text}" for text in axe_violations(shopper.page, "light")}
        violations |= {f"{width} dark: {text}" for text in axe_violations(shopper.page, "dark", "color-contrast")}
    assert not violations, "\n".join(sorted(violations))


def axe_violations(page: Page, scheme: Literal["light", "dark"], *rules: str) -> Iterator[str]:
    """Yield serious violations that axe finds by these rules, or by all."""
    page.emulate_media(color_scheme=scheme)
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    for violation in page.evaluate("options => axe.run(options)", options)["violations"]:
        if violation["impact"] in {"serious", "critical"}:
            for node in violation["nodes"]:
                yield f"{violation['id']}, {violation['help']}: {' '.join(map(str, node['target']))}"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(buyer: Shopper, name: str) -> None:
    buyer.allow(404)
    buyer.open(PAGES[name])
    assert_accessible(buyer, name)


def test_an_order_page_is_accessible(buyer: Shopper) -> None:
    buyer.open("/orders")
    buyer.page.locator(".order-list__number a").click()
    buyer.sees(re.compile("^Order "), shot="order-known")
    assert_accessible(buyer, "order-known")


def submit_invalid_contact(shopper: Shopper) -> None:
    shopper.open("/checkout/contact")
    shopper.fill_in({"E-mail address": "asha at home"})
    shopper.button("Continue to delivery").click()
    shopper.page.get_by_role("alert").wait_for()


def submit_invalid_quantity(shopper: Shopper) -> None:
    shopper.open("/cart")
    shopper.page.get_by_label("Quantity of").first.fill("0")
    shopper.page.locator("form.cart-line__quantity").first.evaluate("form => { form.noValidate = true }")
    shopper.page.keyboard.press("Enter")
    shopper.page.locator(".cart-line").get_by_role("alert").wait_for()


def add_from_card(shopper: Shopper) -> None:
    shopper.open("/category/books")
    shopper.button(re.compile("^Add to cart")).first.click()
    expect(shopper.page.locator("#announcement")).to_contain_text("added to your cart")


def remove_line(shopper: Shopper) -> None:
    shopper.open("/cart")
    shopper.button(re.compile("^Remove")).last.click()
    shopper.button(re.compile("^Undo")).wait_for()


def type_search(shopper: Shopper) -> None:
    shopper.open("/")
    shopper.page.get_by_role("combobox").press_sequentially("lam")
    shopper.page.get_by_role("option").first.wait_for()
    shopper.page.keyboard.press("ArrowDown")


def pay_with_declined_card(shopper: Shopper) -> None:
    shopper.open("/checkout/payment")
    shopper.choose_payment("Test card that is declined")
    shopper.place_order()
    shopper.page.get_by_role("alert").wait_for()


STATES: dict[str, Callable[[Shopper], None]] = {
    "invalid form": submit_invalid_contact,
    "invalid quantity": submit_invalid_quantity,
    "added to cart": add_from_card,
    "line removed": remove_line,
    "suggestions": type_search,
    "card declined": pay_with_declined_card,
}


@pytest.mark.parametrize("state", STATES)
def test_a_state_of_a_page_is_accessible(buyer: Shopper, state: str) -> None:
    buyer.allow(422)
    buyer.page.set_viewport_size({"width": 1280, "height": 900})
    STATES[state](buyer)
    assert_accessible(buyer, state)


def test_the_payment_confirmation_is_accessible(buyer: Shopper) -> None:
    buyer.open("/checkout/payment")
    buyer.choose_payment("Test card that asks for confirmation")
    buyer.place_order()
    buyer.sees(re.compile("^Confirm your payment"), shot="bank")
    assert_accessible(buyer, "bank")
    buyer.open("/checkout")
    buyer.sees("Your bank asks you to confirm", shot="checkout-placing-bank")
    assert_accessible(buyer, "checkout-placing-bank")
    buyer.button("Pay another way").click()
    buyer.sees("How would you like to pay?", shot="checkout-declined")


def tab_to(shopper: Shopper, control: Locator, *, backwards: bool = False) -> None:
    """Press Tab until a control has the focus; every stop must be in the viewport and have a visible outline."""
    for _ in range(MAX_STOPS):
        shopper.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        stop = shopper.page.evaluate(FOCUS)
        assert stop["inSight"], f"the focus is out of sight on {stop['name']}"
        assert stop["ringed"], f"no outline around {stop['name']}"
        if control.evaluate("control => control === document.activeElement"):
            return
    pytest.fail(f"Tab does not reach {control}")


def press(shopper: Shopper, control: Locator) -> None:
    tab_to(shopper, control)
    shopper.page.keyboard.press("Enter")


def test_the_first_tab_stop_is_the_skip_link(shopper: Shopper) -> None:
    shopper.open("/")
    press(shopper, shopper.link("Skip to main content"))
    expect(shopper.page.locator("main")).to_be_focused()
    tab_to(shopper, shopper.link("Shop all products"))


def test_an_order_can_be_placed_by_keyboard(shopper: Shopper) -> None:
    find_by_keyboard(shopper)
    fill_the_cart_by_keyboard(shopper)
    check_out_by_keyboard(shopper)
    shopper.reads_order_number()


def find_by_keyboard(shopper: Shopper) -> None:
    keyboard = shopper.page.keyboard
    shopper.open("/")
    tab_to(shopper, shopper.page.locator("#search-words"))
    keyboard.type("lamplighter")
    keyboard.press("Enter")
    shopper.sees("Results for “lamplighter”", shot="search-lamplighter")
    press(shopper, shopper.link("The Lamplighter of Fort Kochi").first)
    shopper.sees("The Lamplighter of Fort Kochi", shot="product-three-options")


def fill_the_cart_by_keyboard(shopper: Shopper) -> None:
    keyboard = shopper.page.keyboard
    options = shopper.page.get_by_role("radio")
    tab_to(shopper, options.first)
    keyboard.press("ArrowDown")
    expect(options.nth(1)).to_be_checked()
    press(shopper, shopper.button("Add to cart").first)
    expect(shopper.badge).to_have_text("Cart 1")
    tab_to(shopper, shopper.badge, backwards=True)
    keyboard.press("Enter")
    shopper.sees("Your cart")
    press(shopper, shopper.button("One more"))
    expect(shopper.badge).to_have_text("Cart 2")
    press(shopper, shopper.link("Check out"))


def check_out_by_keyboard(shopper: Shopper) -> None:
    keyboard = shopper.page.keyboard
    for heading, fields in (("How can we reach you?", CONTACT), ("Shipping address", ADDRESS)):
        shopper.sees(heading)
        for label, text in fields.items():
            tab_to(shopper, shopper.page.get_by_label(label, exact=True))
            keyboard.type(text)
        keyboard.press("Enter")
    shopper.sees("How would you like to pay?")
    tab_to(shopper, shopper.page.get_by_role("radio").first)
    keyboard.press("Space")
    press(shopper, shopper.button("Continue to review"))
    shopper.sees("Review and place the order")
    press(shopper, shopper.button(re.compile("^Place order")))


@pytest.mark.parametrize("shopper", [Window(has_script=False, width=390)], indirect=True, ids=str)
def test_no_page_overflows_a_phone_without_javascript(shopper: Shopper) -> None:
    shopper.allow(404)
    for name, path in PAGES.items():
        if "checkout" not in path:  # needs a cart; covered by the journeys
            shopper.open(path)
            assert shopper.page.locator("h1").count() == 1, name
            shopper.fits()
