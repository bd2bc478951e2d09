"""C8: a page that the browser kept shows the cart, the wishlist and the account as they are now."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.factories.accounts import make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import fill_cart
from tests.journeys.in_process import show
from tests.page_client import Pages

pytestmark = pytest.mark.browser

# Playwright turns the cache of kept pages off.
BACK = """() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))"""


def test_a_page_kept_by_the_browser_is_refreshed(browser: Browser, pages: Pages) -> None:
    page = browser.new_page()
    mug = make_product()
    url = f"/product/{mug.id}-{mug.slug}"
    show(page, pages, url)
    heart, badge = page.locator(".wishlist-toggle__button").first, page.locator("#cart-badge")
    expect(badge).to_have_text("Cart")
    badge.focus()

    account = make_account(name="Asha Rao")
    pages.sign_in(account)
    fill_cart(pages, mug, 3)
    pages.submit(pages.get(url), ".wishlist-toggle--words")
    page.evaluate(BACK)

    expect(badge).to_have_text("Cart 3")
    expect(badge).to_be_focused()
    expect(page.locator("#wishes-badge .badge")).to_have_text("1")
    expect(heart).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#account-link")).to_have_text(account.greeting)
    page.close()
