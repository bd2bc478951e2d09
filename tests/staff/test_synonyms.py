"""Synonyms as staff keep them."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.catalog import search
from tests.factories.accounts import make_staff
from tests.factories.products import acts
from tests.page_client import Pages

URL = "/staff/products/synonyms"


def test_synonyms_are_added_used_and_removed(pages: Pages) -> None:
    """C6: each change is in the audit log."""
    pages.sign_in(make_staff(Role.STOCK_STAFF))
    page = pages.submit(pages.get(URL), "#synonyms-form", phrases="earphones, headphones")
    assert page.url == URL
    assert "earphones, headphones" in page.words
    assert "WH-1000XM5" in pages.get("/products?q=earphones").words
    (only,) = search.list_synonyms()
    page = pages.submit(page, f"#synonyms-{only.id}")
    assert "No synonyms yet" in page.words
    assert acts()[-2:] == [
        ("synonyms added", "search", "earphones, headphones"),
        ("synonyms removed", "search", "earphones, headphones"),
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (" ", "Enter two or more words"),
        ("shoes", "Enter two or more different words"),
        ("shoes, !", "Each word needs a letter or a digit"),
        (", ".join("abcdefghijklm"), "Enter at most 12 words or phrases"),
        ("a, b" * 99, "at most 300 characters"),
    ],
)
def test_what_is_no_set_is_refused_beside_the_field(app: Flask, pages: Pages, typed: str, said: str) -> None:
    pages.sign_in(make_staff(Role.STOCK_STAFF))
    page = pages.submit(pages.get(URL), "#synonyms-form", status=422, phrases=typed)
    assert said in page.one("#phrases-problem").get_text()
    assert page.one("#phrases").get_text().strip() == typed.strip()


def test_order_staff_have_no_part_in_it(pages: Pages) -> None:
    pages.sign_in(make_staff(Role.ORDER_STAFF))
    pages.get(URL, status=403)
