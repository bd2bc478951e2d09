"""The shop for those who use a keyboard, a screen reader, large print or dark colours."""

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

MAX_STOPS = 120  # presses of Tab that a page may take

# What the browser knows of the control that has the focus: is it in sight, and is a ring drawn around it?
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
    """One who placed an order, and stands at the review of a second."""
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


def has_no_barriers(shopper: Shopper, shot: str) -> None:
    """axe finds nothing serious, and nothing is wider than the window: at both widths, in light and in dark."""
    shopper.page.evaluate(AXE_SCRIPT)
    found: set[str] = set()
    for width, height in HEIGHTS.items():
        shopper.page.set_viewport_size({"width": width, "height": height})
        shopper.fits()
        shopper.take_picture(shot)
        found |= {f"{width} light: {barrier}" for barrier in barriers(shopper.page, "light")}
        found |= {f"{width} dark: {barrier}" for barrier in barriers(shopper.page, "dark", "color-contrast")}
    assert not found, "\n".join(sorted(found))


def barriers(page: Page, scheme: Literal["light", "dark"], *rules: str) -> Iterator[str]:
    """What axe finds by these rules, or by all."""
    page.emulate_media(color_scheme=scheme)
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    for violation in page.evaluate("options => axe.run(options)", options)["violations"]:
        if violation["impact"] in {"serious", "critical"}:
            for node in violation["nodes"]:
                yield f"{violation['id']}, {violation['help']}: {' '.join(map(str, node['target']))}"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_barriers(buyer: Shopper, name: str) -> None:
    buyer.allow(404)
    buyer.open(PAGES[name])
    has_no_barriers(buyer, name)


def test_the_page_of_an_order_has_no_barriers(buyer: Shopper) -> None:
    buyer.open("/orders")
    buyer.page.locator(".order-list__number a").click()
    buyer.sees(re.compile("^Order "), shot="order-known")
    has_no_barriers(buyer, "order-known")


def refuse_contact(shopper: Shopper) -> None:
    shopper.open("/checkout/contact")
    shopper.fill_in({"E-mail address": "asha at home"})
    shopper.button("Continue to delivery").click()
    shopper.page.get_by_role("alert").wait_for()


def refuse_quantity(shopper: Shopper) -> None:
    shopper.open("/cart")
    shopper.page.get_by_label("Quantity of").first.fill("0")
    shopper.page.locator("form.cart-line__quantity").first.evaluate("form => { form.noValidate = true }")
    shopper.page.keyboard.press("Enter")
    shopper.page.locator(".cart-line").get_by_role("alert").wait_for()


def add_from_a_card(shopper: Shopper) -> None:
    shopper.open("/category/books")
    shopper.button(re.compile("^Add to cart")).first.click()
    expect(shopper.page.locator("#announcement")).to_contain_text("added to your cart")


def remove_a_line(shopper: Shopper) -> None:
    shopper.open("/cart")
    shopper.button(re.compile("^Remove")).last.click()
    shopper.button(re.compile("^Undo")).wait_for()


def type_a_search(shopper: Shopper) -> None:
    shopper.open("/")
    shopper.page.get_by_role("combobox").press_sequentially("lam")
    shopper.page.get_by_role("option").first.wait_for()
    shopper.page.keyboard.press("ArrowDown")


def be_declined(shopper: Shopper) -> None:
    shopper.open("/checkout/payment")
    shopper.choose_payment("Test card that is declined")
    shopper.place_order()
    shopper.page.get_by_role("alert").wait_for()


MOMENTS: dict[str, Callable[[Shopper], None]] = {
    "a form refused": refuse_contact,
    "a quantity refused": refuse_quantity,
    "a card just added": add_from_a_card,
    "a line just removed": remove_a_line,
    "suggestions": type_a_search,
    "a card declined": be_declined,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_within_a_page_has_no_barriers(buyer: Shopper, moment: str) -> None:
    buyer.allow(422)
    buyer.page.set_viewport_size({"width": 1280, "height": 900})
    MOMENTS[moment](buyer)
    has_no_barriers(buyer, moment)


def test_the_way_to_the_bank_and_back_has_no_barriers(buyer: Shopper) -> None:
    buyer.open("/checkout/payment")
    buyer.choose_payment("Test card that asks for confirmation")
    buyer.place_order()
    buyer.sees(re.compile("^Confirm your payment"), shot="bank")
    has_no_barriers(buyer, "bank")
    buyer.open("/checkout")
    buyer.sees("Your bank asks you to confirm", shot="checkout-placing-bank")
    has_no_barriers(buyer, "checkout-placing-bank")
    buyer.button("Pay another way").click()
    buyer.sees("How would you like to pay?", shot="checkout-declined")


def tab_to(shopper: Shopper, control: Locator, *, backwards: bool = False) -> None:
    """Press Tab until the control has the focus; every stop on the way is in sight and ringed."""
    for _ in range(MAX_STOPS):
        shopper.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        stop = shopper.page.evaluate(FOCUS)
        assert stop["inSight"], f"the focus is out of sight on {stop['name']}"
        assert stop["ringed"], f"no ring around {stop['name']}"
        if control.evaluate("control => control === document.activeElement"):
            return
    pytest.fail(f"Tab does not reach {control}")


def press(shopper: Shopper, control: Locator) -> None:
    tab_to(shopper, control)
    shopper.page.keyboard.press("Enter")


def test_the_first_stop_skips_to_the_content(shopper: Shopper) -> None:
    shopper.open("/")
    press(shopper, shopper.link("Skip to main content"))
    expect(shopper.page.locator("main")).to_be_focused()
    tab_to(shopper, shopper.link("Shop all products"))


def test_a_keyboard_is_enough_to_buy(shopper: Shopper) -> None:
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
    for heading, fields in (("How can we reach you?", CONTACT), ("Where should it go?", ADDRESS)):
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
def test_nothing_is_wider_than_a_phone_without_javascript_either(shopper: Shopper) -> None:
    shopper.allow(404)
    for name, path in PAGES.items():
        if "checkout" not in path:  # which needs a cart; the journeys go there
            shopper.open(path)
            assert shopper.page.locator("h1").count() == 1, name
            shopper.fits()
