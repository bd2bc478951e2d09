"""Cached facet counts: shown without waiting, and never in contradiction to the products on the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, update

from storefront.catalog import listing as catalog_listing
from storefront.catalog.listing import counts as listing_counts
from storefront.catalog.models import BrowseEntry, Product
from storefront.catalog.values import BrowseCriteria, ProductCard
from storefront.core.cache import RefreshingCache
from storefront.db.session import db, transaction
from tests.conftest import ENGINES
from tests.core.test_cache import FRESH, MAX_AGE, Ticks, settle
from tests.factories.catalog import make_product
from tests.isolated_shop import own_shop

EVERYTHING = BrowseCriteria()


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    passing = Ticks()
    monkeypatch.setattr(time, "time", passing)
    counts: RefreshingCache[listing_counts.Counts] = RefreshingCache(
        "counts of a test", fresh_seconds=FRESH, max_age_seconds=MAX_AGE, max_entries=100
    )
    monkeypatch.setattr(listing_counts, "_cached_counts", counts)
    return passing


@contextmanager
def caching(app: Flask) -> Iterator[None]:
    app.config["CACHE_ENABLED"] = True
    try:
        yield
    finally:
        settle()
        app.config["CACHE_ENABLED"] = False


@pytest.fixture
def caching_shop(app: Flask, ticks: Ticks) -> Iterator[Flask]:
    with caching(app):
        yield app


def unpublish(card: ProductCard) -> None:
    with transaction("catalog") as session:
        session.execute(delete(BrowseEntry).where(BrowseEntry.product_id == card.id))
        session.execute(update(Product).where(Product.id == card.id).values(active=False))


@pytest.mark.parametrize("engine", ENGINES)
def test_no_request_waits_for_cached_counts(engine: str, tmp_path: Path, ticks: Ticks) -> None:
    with own_shop(engine, tmp_path) as app, caching(app):
        with app.app_context():
            assert catalog_listing.browse(EVERYTHING).total == 68
            make_product()
            assert catalog_listing.browse(EVERYTHING).total == 68
            ticks.now += FRESH + 1
            assert catalog_listing.browse(EVERYTHING).total == 68
            settle()
            assert catalog_listing.browse(EVERYTHING).total == 69
            assert [thread.name for thread in threading.enumerate() if thread.name == "cache-refresh"] == []
        with app.app_context():
            assert db.engines["catalog"].pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_last_page_that_became_empty_shows_the_one_before(caching_shop: Flask) -> None:
    more = [make_product(category="books") for _ in range(5)]
    last = BrowseCriteria(page=4)
    assert len(catalog_listing.browse(last).cards) == 1
    unpublish(more[0])
    listing = catalog_listing.browse(last)
    assert (listing.criteria.page, listing.page_count, listing.total, len(listing.cards)) == (3, 3, 72, 24)


def test_a_new_last_page_is_not_empty(caching_shop: Flask) -> None:
    nothing = BrowseCriteria(brands=("Tula",))
    assert catalog_listing.browse(nothing).total == 0
    make_product(name="Brass Samovar", brand="Tula")
    listing = catalog_listing.browse(nothing)
    assert (listing.total, [card.name for card in listing.cards]) == (1, ["Brass Samovar"])


def test_a_short_page_shows_the_current_count(caching_shop: Flask) -> None:
    samovars = BrowseCriteria(brands=("Tula",))
    brass, _ = make_product(brand="Tula"), make_product(brand="Tula")
    assert catalog_listing.browse(samovars).total == 2
    unpublish(brass)
    listing = catalog_listing.browse(samovars)
    assert (listing.total, len(listing.cards)) == (1, 1)


@pytest.mark.parametrize("url", ["/products?page=4", "/products?brand=Tula"])
def test_the_page_answers_with_stale_counts(caching_shop: Flask, url: str) -> None:
    client = caching_shop.test_client()
    more = [make_product(brand="Tula") for _ in range(5)]
    assert "product-card" in client.get(url).text
    for card in more:
        unpublish(card)
    assert client.get(url).status_code == 200
