"""A shopper with a real browser: finds elements by their visible text and records every error of the browser."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Request, Response, WebError, expect

HEIGHTS = {390: 844, 1280: 900}
TIMEOUT = 15_000  # milliseconds for an element to appear, generous for a busy machine
SHOTS = os.environ.get("SHOTS")  # folder for screenshots of all visited pages

# The console message for every unsuccessful response; the responses themselves are recorded with their status.
STATUS_NOISE = "Failed to load resource"
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`violates the policy ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""

LOAD_PICTURES = """() => Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().catch(() => null);
}))"""

CANDLE = "/product/64-beeswax-pillar-candle"  # 140 in stock, without options
RAZOR = "/product/33-single-blade-razor"  # 4 in stock
MAIL = "asha.rao@example.com"
CONTACT = {"E-mail address": MAIL, "Phone number": "98765 43210"}
ADDRESS = {
    "Full name": "Asha Rao",
    "Address": "12 Prabhat Road",
    "City": "Pune",
    "State": "Maharashtra",
    "PIN code": "411004",
}


expect.set_options(timeout=TIMEOUT)


@dataclass(frozen=True)
class Window:
    """The browser window's width and JavaScript setting, and the database engine of the shop behind it."""

    engine: str = "sqlite"
    has_script: bool = True
    width: int = 1280

    @property
    def is_phone(self) -> bool:
        return self.width < 600

    def __str__(self) -> str:
        return f"{self.engine}-{'script' if self.has_script else 'no-script'}-{self.width}"


class Shopper:
    """A person using the shop in a browser.

    :ivar faults: errors of the browser so far: console messages, failed requests, error statuses, foreign origins
    """

    def __init__(self, context: BrowserContext, origin: str, window: Window) -> None:
        self.context, self.origin, self.window = context, origin, window
        self.faults: list[str] = []
        self._allowed: set[int] = set()
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._hear)
        context.on("weberror", self._note_error)
        context.on("requestfailed", self._note_failure)
        context.on("response", self._note_response)
        context.on("request", self._note_request)
        self.page = context.new_page()

    # ---------------------------------------------------------------------------------- faults

    def allow(self, *statuses: int) -> None:
        """Do not count responses with these statuses as faults."""
        self._allowed |= set(statuses)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(STATUS_NOISE):
            self.faults.append(f"console {message.type}: {message.text}")

    def _note_error(self, error: WebError) -> None:
        self.faults.append(f"uncaught: {error.error}")

    def _note_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # superseded by a newer request or page
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._allowed:
            self.faults.append(f"{response.status}: {response.request.method} {response.url}")

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:")):
            self.faults.append(f"left the shop: {request.url}")

    # ------------------------------------------------------------------------------------------ pages

    def open(self, path: str) -> None:
        self.page.goto(self.origin + path)

    def sees(self, heading: str | re.Pattern[str], *, shot: str = "") -> None:
        """Expect a page by its heading; it must fit every window width.

        :param shot: name of the screenshot, the path unless given
        """
        expect(self.page.locator("h1")).to_have_text(heading)
        self.fits()
        self.take_picture(shot or self.page.url.removeprefix(self.origin).partition("?")[0])

    def fits(self) -> None:
        """Assert that the page has no horizontal scrolling at phone and desktop width; the window is restored."""
        original = self.page.viewport_size
        assert original is not None
        for width in sorted(HEIGHTS, key=lambda width: width == original["width"]):  # its own width last
            self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
            wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{self.page.url} is {wide} px wider than {width}"
        self.page.set_viewport_size(original)

    def take_picture(self, name: str) -> None:
        if not SHOTS or not self.window.has_script or self.window.engine != "sqlite":
            return
        self.page.evaluate(LOAD_PICTURES)
        width = (self.page.viewport_size or {})["width"]
        name = re.sub(r"\W+", "-", name).strip("-") or "home"
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            path = Path(SHOTS) / f"{name}-{width}-{scheme}.png"
            self.page.screenshot(path=path, full_page=True, animations="disabled")
        self.page.emulate_media(color_scheme="light")

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("button", name=name)

    def link(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("link", name=name)

    @property
    def badge(self) -> Locator:
        return self.page.locator("#cart-badge")

    @property
    def notice(self) -> Locator:
        """Where the shop reports a result: the live region with JavaScript, a message on the next page without."""
        return self.page.locator("#announcement" if self.window.has_script else "#notices")

    # ----------------------------------------------------------------------------------------- keyboard

    def tab_to(self, target: Locator, *, max_presses: int = 120) -> None:
        """Move the focus to an element with the Tab key, starting from the current focus."""
        expect(target).to_be_visible()
        for _ in range(max_presses):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{max_presses} times Tab on {self.page.url} do not reach {target}")

    def types(self, text: str, *, into: Locator | None = None, then: str = "") -> None:
        """Replace the value of a field.

        :param into: the field, reached by Tab; the focused one unless given
        :param then: key to press afterwards
        """
        if into is not None:
            self.tab_to(into)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        if then:
            self.page.keyboard.press(then)

    def presses(self, target: Locator, key: str = "Enter") -> None:
        """Move the focus to a link or button with Tab and press it."""
        self.tab_to(target)
        self.page.keyboard.press(key)

    # ----------------------------------------------------------------------------------------- shopping

    def search(self, words: str) -> None:
        self.page.get_by_role("searchbox", name="Search products").or_(
            self.page.get_by_role("combobox", name="Search products")
        ).fill(words)
        self.page.locator(".search__button").click()
        self.sees(f"Results for “{words}”", shot="search")

    def filter(self, choice: str) -> None:
        """Select a filter, opening the drawer if there is one, and apply it."""
        filters = self.page.locator("#filters")
        if not filters.is_visible():
            self.page.locator("#facets > summary").click()
            self.take_picture("filters")
        filters.get_by_label(choice).check()
        apply = self.button("Apply filters")
        if apply.is_visible():
            apply.click()
        expect(self.page.locator(".chip", has_text=choice)).to_be_visible()

    def add_to_cart(self, units: int) -> None:
        """Press "Add to cart" on a product page.

        :param units: expected in the cart afterwards
        """
        self.page.locator("#add-line-button").click()
        expect(self.badge).to_have_text(f"Cart {units}")

    def go_to_cart(self) -> None:
        self.badge.click()
        self.sees("Your cart")

    def line(self, name: str) -> Locator:
        return self.page.locator(".cart-line", has_text=name)

    def type_quantity(self, name: str, quantity: str) -> None:
        """Change the quantity of a cart line and leave the field; without JavaScript, press Update."""
        field = self.line(name).get_by_label("Quantity of")
        field.fill(quantity)
        field.press("Tab")
        if not self.window.has_script:
            self.line(name).get_by_role("button", name="Update").click()

    def put_in_cart(self, path: str) -> None:
        self.open(path)
        self.add_to_cart(1)

    # ----------------------------------------------------------------------------------------- checkout

    def fill_in(self, fields: dict[str, str]) -> None:
        for label, text in fields.items():
            self.page.get_by_label(label, exact=True).fill(text)

    def go_through_checkout(self, pay_by: str) -> None:
        """Go from the cart to the review step.

        :param pay_by: label of the payment option
        """
        self.link("Check out").click()
        self.sees("How can we reach you?")
        self.fill_in(CONTACT)
        self.button("Continue to delivery").click()
        self.sees("Shipping address")
        self.fill_in(ADDRESS)
        self.button("Continue to payment").click()
        self.choose_payment(pay_by)

    def reach_review(self, path: str, pay_by: str) -> None:
        """Put one unit of a product into the cart and go to the review step."""
        self.put_in_cart(path)
        self.go_to_cart()
        self.go_through_checkout(pay_by)

    def choose_payment(self, pay_by: str) -> None:
        self.sees("How would you like to pay?")
        self.page.get_by_label(pay_by).check()
        self.button("Continue to review").click()
        self.sees("Review and place the order")

    def place_order(self) -> None:
        self.button(re.compile("^Place order")).click()

    def reads_order_number(self) -> str:
        """The order number on the page of an order that was just placed."""
        self.sees("Thank you, your order is placed", shot="order")
        return self.page.locator(".order-number").first.inner_text()
