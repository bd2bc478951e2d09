"""C2, C15: pages on phones of 320 and 390 px: nothing overflows, whatever the words, and no word of the shop is cut.

Each page is opened as in tests/routes.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import String, cast, func, update

from storefront.db.session import db, transaction
from tests.journeys.in_process import show
from tests.page_client import Pages
from tests.routes import ROUTES

pytestmark = pytest.mark.browser

LONGEST = 120  # letters of a word, where a column takes more
EMAIL = "w" * 50 + "@" + "w" * 60 + ".example"
# What shoppers, staff and imports write, by table; other texts are the shop's own or have a fixed form.
WRITTEN = {
    "users": ("name",),
    "addresses": ("full_name", "line1", "line2", "city", "state", "postal_code"),
    "payment_methods": ("details", "holder"),
    "sessions": ("device",),
    "categories": ("name", "description"),
    "products": ("name", "brand", "description", "option_name"),
    "variants": ("name", "title"),
    "browse_index": ("brand",),
    "product_specs": ("value",),
    "reviews": ("user_name", "title", "comment"),
    "stock_imports": ("file_name",),
    "orders": (
        "shipping_full_name",
        "shipping_address_line1",
        "shipping_address_line2",
        "shipping_city",
        "shipping_state",
        "shipping_zip_code",
        "payment_details",
    ),
    "order_item": ("sku", "product_name", "variant_name"),
    "order_refunds": ("reason",),
    "order_returns": ("note", "answer"),
}
SKUS = {"variants": "sku", "cart_item": "variant", "wishlist": "variant", "stock_notices": "variant"}

OVERFLOW = """() => {
  const scrolls = (part) => {
    for (let up = part.parentElement; up && up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== "visible") return true;
    return false;
  };
  const out = [...document.body.querySelectorAll("*")].filter((part) => {
    const box = part.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && !part.closest(".visually-hidden") && !scrolls(part);
  });
  const wide = document.documentElement.scrollWidth;
  const fits = wide <= innerWidth && !out.length;
  return fits ? [] : [`${wide} px`, ...out.slice(0, 5).map((part) => part.outerHTML.slice(0, 90))];
}"""

CUT = """() => {
  const cut = [];
  for (const part of document.querySelectorAll("a, button, h1, h2, h3, label, summary, legend")) {
    if (!part.checkVisibility() || part.closest(".visually-hidden, .product-card__name, .breadcrumb, th")) continue;
    const isSeen = part.getBoundingClientRect().width > 1;
    if (isSeen && getComputedStyle(part).overflowX !== "visible" && part.scrollWidth > part.clientWidth + 1)
      cut.push(`cut: ${part.textContent.trim().slice(0, 60)}`);
    const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    for (let text; (text = texts.nextNode()); ) {
      if (text.parentElement.getBoundingClientRect().width <= 1) continue; // hidden from the eye
      for (const word of text.data.matchAll(/[\\p{L}\\p{N}]{2,18}/gu)) {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
        if (lines.size > 1) cut.push(`broken: ${word[0]}`);
      }
    }
  }
  for (const part of document.querySelectorAll("header a, header button")) {
    const isWrapped = part.checkVisibility() && part.getBoundingClientRect().height > 60;
    if (isWrapped) cut.push(`on lines: ${part.textContent.trim()}`);
  }
  return [...new Set(cut)];
}"""

# Pages for shoppers that show the most of what people write.
FULL_OF_WORDS = {
    "account.addresses",
    "cart.show",
    "catalog.product",
    "catalog.products",
    "checkout.review",
    "orders.order",
    "wishlist.show",
}
PAGES = {
    endpoint: route
    for (endpoint, method), route in ROUTES.items()
    # Not the API's documentation: its words are identifiers, which may break.
    if method == "GET" and route.page is not None and endpoint != "api.docs"
}


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 320, "height": 640}, has_touch=True, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def write_longest_words() -> None:
    """Put one long word into every column that people write, and lengthen every SKU and e-mail address."""
    for bind, metadata in db.metadatas.items():
        for table in metadata.sorted_tables:
            values: dict[str, Any] = {name: "W" * _room(table.c[name].type) for name in WRITTEN.get(table.name, ())}
            if table.name in SKUS:
                sku = table.c[SKUS[table.name]]
                values[sku.name] = func.substr(sku + "W" * 60, 1, 100)
            if table.name == "users":
                values["email"] = cast(table.c.id, String) + EMAIL
            if values:
                with transaction(str(bind)) as session:
                    session.execute(update(table).values(values))


def _room(kind: object) -> int:
    return min(getattr(kind, "length", None) or LONGEST, LONGEST)


@pytest.mark.parametrize("endpoint", PAGES)
def test_a_page_fits_a_small_phone(phone: Page, pages: Pages, endpoint: str) -> None:
    opener = PAGES[endpoint].page
    assert opener is not None
    url = opener(pages)
    for width in (390, 320):
        phone.set_viewport_size({"width": width, "height": 640})
        show(phone, pages, url)
        assert phone.evaluate(OVERFLOW) == []
        assert phone.evaluate(CUT) == [], width
    if endpoint not in FULL_OF_WORDS:
        return
    write_longest_words()
    show(phone, pages, url)
    assert phone.evaluate(OVERFLOW) == []
