"""htmx in a real browser: fragments are swapped in place, with the right badge, announcement, focus and URL."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.shopper import CANDLE, CONTACT, RAZOR, Shopper, Window

pytestmark = pytest.mark.browser

BOOKS = "/category/books"
IN_STOCK = re.compile(r"^\s*In stock")


def stay(shopper: Shopper) -> None:
    """Mark the document, so that `has_stayed` can tell whether it was replaced by a reload or a link."""
    shopper.page.evaluate("window.isStill = true")


def has_stayed(shopper: Shopper) -> bool:
    return bool(shopper.page.evaluate("window.isStill === true"))


def count(shopper: Shopper) -> Locator:
    return shopper.page.locator(".listing__count strong")


def is_whole_page(shopper: Shopper) -> None:
    """Assert that every part of a page exists exactly once."""
    for part in ("h1", "#header", "#footer", "main", "#listing, #reviews"):
        expect(shopper.page.locator(part)).to_have_count(1)


def test_another_country_shows_its_fields_and_keeps_what_was_typed(shopper: Shopper) -> None:
    page = shopper.page
    shopper.put_in_cart(CANDLE)
    shopper.open("/checkout")
    shopper.fill_in(CONTACT)
    shopper.button("Continue to delivery").click()
    shopper.sees("Shipping address")
    stay(shopper)
    page.get_by_label("Full name", exact=True).fill("Jonas Weber")
    country = page.get_by_label("Country", exact=True)
    country.focus()
    country.select_option("Germany")
    expect(page.get_by_label("State", exact=True)).to_have_count(0)
    expect(country).to_have_value("Germany")
    expect(country).to_be_focused()
    expect(page.get_by_label("Full name", exact=True)).to_have_value("Jonas Weber")
    country.select_option("India")
    expect(page.get_by_label("State", exact=True)).to_be_visible()
    assert has_stayed(shopper)


def test_adding_from_a_card_updates_badge_and_announcement_in_place(shopper: Shopper) -> None:
    shopper.open("/category/home-living")
    stay(shopper)
    button = shopper.button("Add to cart : Beeswax Pillar Candle")
    button.click()
    expect(shopper.badge).to_have_text("Cart 1")
    expect(shopper.page.locator("#announcement")).to_have_text("Beeswax Pillar Candle added to your cart View cart")
    expect(button).to_be_focused()
    expect(button.locator("svg")).to_be_visible()
    assert has_stayed(shopper)
    assert shopper.page.url.endswith("/category/home-living")
    shopper.take_picture("listing-added")


def test_a_card_shown_twice_on_a_page_is_added_by_the_one_pressed(shopper: Shopper) -> None:
    """The home page may show a product in several rows: their ids must differ."""
    shopper.open("/category/beauty")
    shopper.page.locator(f'a[href="{RAZOR}"]').first.click()  # from within the shop, so that it is remembered
    expect(shopper.page.get_by_role("heading", level=1)).to_have_text("Single Blade Razor")
    shopper.open("/")
    button = shopper.page.locator("#add-seen-33-button")
    button.click()
    expect(shopper.badge).to_have_text("Cart 1")
    expect(button).to_be_focused()


def test_too_large_a_quantity_is_refused_on_the_card(shopper: Shopper) -> None:
    shopper.allow(422)
    shopper.open(RAZOR)
    shopper.page.get_by_label("Quantity").fill("4")
    shopper.add_to_cart(4)
    shopper.open("/category/beauty")
    stay(shopper)
    card = shopper.page.locator(".product-card", has_text="Single Blade Razor")
    card.get_by_role("button", name="Add to cart").click()
    expect(card.get_by_role("alert")).to_have_text("Only 4 left")
    expect(card.get_by_role("button", name="Add to cart")).to_be_focused()
    assert has_stayed(shopper)


def test_choosing_a_variant_shows_its_price_and_stock_and_adds_it(shopper: Shopper) -> None:
    shopper.open("/product/62-cold-pressed-coconut-oil")
    shopper.page.get_by_role("radio", name=re.compile("^500 ml")).check()
    expect(shopper.page.locator("[data-price]")).to_have_text("₹690")
    shopper.button("One more").click()
    shopper.add_to_cart(2)
    expect(shopper.button("Add to cart").first).to_be_focused()
    shopper.go_to_cart()
    expect(shopper.line("Cold-Pressed Coconut Oil")).to_contain_text("500 ml")


def test_a_filter_swaps_the_listing_and_pushes_its_url(shopper: Shopper) -> None:
    shopper.open(BOOKS)
    stay(shopper)
    expect(count(shopper)).to_have_text("12 products")
    shopper.page.get_by_label(IN_STOCK).check()
    expect(count(shopper)).to_have_text("11 products")
    expect(shopper.page).to_have_url(f"{shopper.origin}{BOOKS}?stock=1")
    expect(shopper.page.get_by_label(IN_STOCK)).to_be_focused()
    expect(shopper.page.locator("#announcement")).to_have_text("11 products")
    assert has_stayed(shopper)
    is_whole_page(shopper)


def test_the_back_button_restores_the_page_with_the_previous_listing(shopper: Shopper) -> None:
    shopper.open(BOOKS)
    shopper.page.get_by_label("Kabini Press").check()
    expect(count(shopper)).to_have_text("3 products")
    shopper.page.get_by_label("Kagazi").check()
    expect(count(shopper)).to_have_text("6 products")

    shopper.page.go_back()
    expect(count(shopper)).to_have_text("3 products")
    expect(shopper.page.get_by_label("Kagazi")).not_to_be_checked()
    is_whole_page(shopper)
    shopper.page.go_back()
    expect(count(shopper)).to_have_text("12 products")
    expect(shopper.page.get_by_label("Kabini Press")).not_to_be_checked()
    is_whole_page(shopper)
    shopper.page.go_forward()
    expect(count(shopper)).to_have_text("3 products")
    is_whole_page(shopper)


def test_going_back_from_a_product_restores_the_filtered_listing(shopper: Shopper) -> None:
    shopper.open(BOOKS)
    shopper.page.get_by_label("Kabini Press").check()
    expect(count(shopper)).to_have_text("3 products")
    shopper.link("Evening Trains").click()
    shopper.sees("Evening Trains", shot="product-book")
    shopper.page.go_back()
    expect(count(shopper)).to_have_text("3 products")
    expect(shopper.page.get_by_label("Kabini Press")).to_be_checked()
    is_whole_page(shopper)


def tick(label: str) -> Callable[[Shopper], None]:
    return lambda shopper: shopper.page.get_by_label(label).check()


def press(selector: str) -> Callable[[Shopper], None]:
    return lambda shopper: shopper.page.locator(selector).click()


def sort_by_price(shopper: Shopper) -> None:
    shopper.page.get_by_label("Sort by").select_option("Price, low to high")


PUSHED = {
    "a brand": (BOOKS, tick("Kabini Press"), "?brand=Kabini+Press"),
    "a price": (BOOKS, tick("Under ₹1,000"), "?price=under-1000"),
    "a rating": (BOOKS, tick("4 stars and up"), "?rating=4"),
    "an order": (BOOKS, sort_by_price, "?sort=price-low"),
    "the next page": ("/products", press("#page-next"), "?page=2"),
    "a chip taken away": (f"{BOOKS}?stock=1&rating=4", press("#chip-1"), "?stock=1"),
    "all filters cleared": (f"{BOOKS}?stock=1&rating=4", press("#chip-all"), ""),
    "a filter of a search": ("/products?q=cotton", tick("Paanv"), "?q=cotton&brand=Paanv"),
    "reviews by stars": ("/product/11-indigo-day-dress", press("#stars-5"), "?stars=5"),
}


@pytest.mark.parametrize("pushed", PUSHED)
def test_every_pushed_url_is_a_whole_page_when_reloaded_or_opened(shopper: Shopper, pushed: str) -> None:
    start, action, query = PUSHED[pushed]
    shopper.open(start)
    stay(shopper)
    action(shopper)
    url = re.compile(re.escape(start.partition("?")[0] + query) + r"(#\w+)?$")
    expect(shopper.page).to_have_url(url)
    swapped = shopper.page.locator("#listing, #reviews")
    expect(swapped).not_to_have_class(re.compile("htmx"))
    assert has_stayed(shopper)
    shown = swapped.inner_text()
    shopper.page.reload()
    assert not has_stayed(shopper)
    is_whole_page(shopper)
    expect(swapped).to_have_text(shown, use_inner_text=True)


@pytest.mark.parametrize("shopper", [Window(), Window(width=390)], indirect=True, ids=str)
def test_suggestions_appear_while_typing_and_arrow_keys_choose_one(shopper: Shopper) -> None:
    shopper.open("/")
    field = shopper.page.get_by_role("combobox", name="Search products")
    field.press_sequentially("lam")
    options = shopper.page.get_by_role("option")
    expect(options.first).to_contain_text("The Lamplighter of Fort Kochi")
    expect(field).to_have_attribute("aria-expanded", "true")
    shopper.fits()
    shopper.take_picture("suggestions")
    field.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "suggestion-1")
    expect(field).to_be_focused()
    field.press("Enter")
    shopper.sees("The Lamplighter of Fort Kochi", shot="product-three-options")


def test_escape_closes_the_suggestions_and_keeps_the_words(shopper: Shopper) -> None:
    shopper.open("/")
    field = shopper.page.get_by_role("combobox", name="Search products")
    field.press_sequentially("lam")
    expect(shopper.page.get_by_role("listbox")).to_be_visible()
    field.press("Escape")
    expect(shopper.page.get_by_role("listbox")).to_be_hidden()
    expect(field).to_have_value("lam")
    expect(field).to_have_attribute("aria-expanded", "false")
    field.press("ArrowDown")
    expect(shopper.page.get_by_role("listbox")).to_be_visible()
    field.press("ArrowUp")
    expect(shopper.page.get_by_role("option").last).to_have_attribute("aria-selected", "true")
    field.press("Escape")
    field.press("Enter")
    shopper.sees("Results for “lam”", shot="search-lam")


def test_quantities_change_in_place_and_keep_the_focus(shopper: Shopper) -> None:
    shopper.put_in_cart(CANDLE)
    shopper.go_to_cart()
    stay(shopper)
    more = shopper.button(re.compile("^.?One more"))
    more.click()
    expect(shopper.badge).to_have_text("Cart 2")
    expect(more).to_be_focused()
    expect(shopper.page.locator("#announcement")).to_have_text("Beeswax Pillar Candle: quantity 2")
    shopper.type_quantity("Beeswax Pillar Candle", "5")
    expect(shopper.badge).to_have_text("Cart 5")
    expect(more).to_be_focused()
    expect(shopper.page.locator(".cart-line output")).to_have_text("₹745")
    assert has_stayed(shopper)


def test_removing_a_line_focuses_undo_and_undoing_focuses_the_lines(shopper: Shopper) -> None:
    shopper.put_in_cart(CANDLE)
    shopper.go_to_cart()
    stay(shopper)
    shopper.button("Remove").click()
    expect(shopper.button(re.compile("^Undo"))).to_be_focused()
    expect(shopper.badge).to_have_text("Cart")
    shopper.page.keyboard.press("Enter")
    expect(shopper.badge).to_have_text("Cart 1")
    expect(shopper.page.locator(".cart__lines")).to_be_focused()
    assert has_stayed(shopper)


def test_removing_a_line_that_another_tab_removed_shows_an_error(shopper: Shopper) -> None:
    shopper.allow(404)
    shopper.put_in_cart(CANDLE)
    shopper.go_to_cart()
    other_tab = shopper.context.new_page()
    other_tab.goto(f"{shopper.origin}/cart")
    other_tab.get_by_role("button", name="Remove").click()
    expect(other_tab.get_by_role("button", name=re.compile("^Undo"))).to_be_visible()
    shopper.button("Remove").click()
    expect(shopper.page.locator("#notices").get_by_role("alert")).to_contain_text("Page not found")
    expect(shopper.page.locator("#problem")).to_be_focused()
