"""Ids in URLs."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter

from storefront.db.session import MAX_INTEGER
from storefront.web.converters import IdConverter
from tests.page_client import Pages


def test_every_number_in_a_page_url_is_an_id(shop: Flask) -> None:
    others = {
        f"{rule.endpoint}: {name}"
        for rule in shop.url_map.iter_rules()
        for name, converter in rule._converters.items()
        if isinstance(converter, IntegerConverter) and not isinstance(converter, IdConverter)
    }
    assert others == {"seo.sitemap_of_products: part"}  # a number of ids


@pytest.mark.parametrize("number", [MAX_INTEGER, MAX_INTEGER + 1, 10**30])
def test_an_id_too_large_for_its_column_is_a_404(pages: Pages, number: int) -> None:
    pages.get(f"/product/{number}-mug", status=404)
    pages.get(f"/account/avatars/{number}-{'0' * 32}", status=404)


def test_urls_accept_ids_up_to_the_largest(shop: Flask) -> None:
    adapter = shop.url_map.bind("localhost")
    assert adapter.test(f"/product/{MAX_INTEGER}-mug")
    assert not adapter.test(f"/product/{MAX_INTEGER + 1}-mug")
    assert not adapter.test("/product/-1-mug")
