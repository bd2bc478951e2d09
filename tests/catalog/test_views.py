"""The catalogue's pages as a shopper meets them."""

from __future__ import annotations

from tests.factories.catalog import make_product
from tests.pages import Pages


def test_the_home_page_shows_departments_and_goods(pages: Pages) -> None:
    page = pages.get("/")
    assert "Electronics" in page.words
    assert len(page.all("form.add-line, form")) > 8


def test_an_unknown_address_is_a_page_of_its_own(pages: Pages) -> None:
    assert "nothing here" in pages.get("/no-such-page", status=404).words


def test_a_product_of_ours_is_shown(pages: Pages) -> None:
    mug = make_product(name="Clay Mug", price="349.25")
    page = pages.get(f"/product/{mug.id}-{mug.slug}")
    assert "₹349.25" in page.words
