"""Product administration under concurrency, in databases of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from storefront.catalog import inventory, listing, products
from storefront.catalog.products.admin import (
    BulkAct,
    BulkChange,
    CategoryDraft,
    ProductConflict,
    ProductCriteria,
    VariantState,
)
from storefront.catalog.values import BrowseCriteria, Hold, ProductCard, Sku
from storefront.core.clock import utc_now
from storefront.db import migrations
from storefront.db.session import read_session
from tests.conftest import ENGINES
from tests.factories.catalog import make_product, rupees
from tests.factories.products import KEEPER, acts, change, faults, make_draft, new_key, record_of, variants
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

pytestmark = pytest.mark.parametrize("engine", ENGINES)


def test_of_two_concurrent_changes_one_is_refused(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(name="Clay Mug")
            draft, seen = record_of(mug.id).draft, record_of(mug.id).version

        def save(name: str) -> Callable[[], str]:
            def act() -> str:
                try:
                    products.admin.change_product(mug.id, replace(draft, name=name), seen=seen, actor=KEEPER)
                except ProductConflict as conflict:
                    return conflict.record.name
                return "saved"

            return act

        outcomes = at_once(app, [save("Brass Mug"), save("Tin Mug")])
        with app.app_context():
            name = record_of(mug.id).name
            assert faults() == []
    assert set(outcomes) == {"saved", name}


def test_sales_while_a_variant_is_withdrawn_and_restored_are_counted(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            shirt = make_product(options=(("S", 30), ("M", 30)))
            s, m = (variant.sku for variant in record_of(shirt.id).variants)

        def off_and_on() -> None:
            for state in (VariantState.WITHDRAWN, VariantState.ON_SALE) * 3:
                put_into(shirt, state)

        def buy(checkout: str) -> Callable[[], None]:
            def act() -> None:
                for number in range(5):
                    inventory.reserve(f"{checkout}-{number}", [Hold(Sku(s), 1), Hold(Sku(m), 1)])
                    inventory.commit_reservation(f"{checkout}-{number}")

            return act

        assert at_once(app, [off_and_on, buy("a"), buy("b")]) == [None] * 3
        with app.app_context():
            assert record_of(shirt.id).stock == 40
            assert faults() == []


def put_into(shirt: ProductCard, state: VariantState) -> None:
    change(shirt.id, variants=variants(record_of(shirt.id), S=lambda draft: replace(draft, state=state)))


def test_a_form_sent_twice_concurrently_creates_one_product(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            draft, key = make_draft("DESK-MUG"), new_key()

        def create() -> int:
            return products.admin.create_product("DESK-MUG", draft, is_published=True, key=key, actor=KEEPER)

        first, second = at_once(app, [create, create])
        assert first == second
        assert isinstance(first, int)
        with app.app_context():
            assert faults() == []
            assert [what for what, _, _ in acts()].count("product created") == 1


def test_a_bulk_change_sent_twice_concurrently_is_applied_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mugs = [make_product(price=1000) for _ in range(5)]
            ids, key = [int(mug.id) for mug in mugs], new_key()
            less = BulkChange(BulkAct.PERCENT, Decimal(-10))
            seen = {line.variant_id: line.old.minor for line in products.admin.preview(ids, less)}

        def apply() -> int | None:
            return products.admin.apply_bulk(ids, less, seen=seen, key=key, actor=KEEPER)

        assert sorted(map(str, at_once(app, [apply, apply]))) == ["5", "None"]
        with app.app_context():
            assert {card.price for card in listing.cards_of(ids)} == {rupees(900)}
            assert faults() == []


def test_two_workers_start_a_scheduled_price_once(engine: str, tmp_path: Path, now: Clock) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(price=500)
            variant = record_of(mug.id).variants[0].id
            products.admin.schedule_price(
                variant, rupees(450), None, utc_now() + timedelta(hours=1), None, actor=KEEPER
            )
        now.advance(hours=1)
        assert sorted(map(str, at_once(app, [products.admin.apply_prices] * 2))) == ["0", "1"]
        with app.app_context():
            assert [subject for what, subject, _ in acts() if what == "price"] == [mug.sku]
            assert faults() == []


def test_changed_products_are_found_by_search(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app, app.app_context():
        shirt = make_product(name="Plain Shirt", brand="Loomworks")
        change(shirt.id, name="Zephyr Shirt")
        for words in ("zephyr", "loomworks", "zephyr loomworks"):
            read_session().rollback()
            assert [card.id for card in listing.browse(BrowseCriteria(words=words)).cards] == [shirt.id]
        products.admin.set_published([shirt.id], False, actor=KEEPER)
        read_session().rollback()
        assert listing.browse(BrowseCriteria(words="zephyr")).cards == ()
        (row,) = products.admin.list_products(ProductCriteria(words="zephyr")).rows
        assert (row.id, row.is_published) == (shirt.id, False)


def test_first_categories_created_at_once_have_slugs_of_their_own(engine: str, tmp_path: Path) -> None:
    """D8: nobody finds a row to lock, and the slugs of all are the same at first."""
    with own_shop(engine, tmp_path, filled=False) as app:
        with app.app_context():
            migrations.upgrade(["catalog"])

        def create(name: str) -> Callable[[], int]:
            draft = CategoryDraft(name, "", "", 255, 1)
            return lambda: products.admin.create_category(draft, actor=KEEPER)

        ids = at_once(app, [create(name) for name in ("A & B", "A + B", "A / B", "A & B")])
        with app.app_context():
            found = {record.id: record.slug for record in products.admin.list_categories()}
    assert set(ids) == found.keys()
    assert sorted(found.values()) == ["a-b", "a-b-2", "a-b-3"]
