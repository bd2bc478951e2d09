"""Bulk changes: previewed, then applied to all products or none, once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask

from storefront.catalog import listing, products
from storefront.catalog.products.admin import BulkAct, BulkChange, BulkConflict, BulkImpossible, PriceEnding
from storefront.core.money import Money
from tests.factories.catalog import make_product, rupees
from tests.factories.products import KEEPER, acts, change, new_key, priced, record_of, variants
from tests.fakes import Clock

TEN_OFF = BulkChange(BulkAct.PERCENT, Decimal(-10))


pytestmark = pytest.mark.usefixtures("_consistent_read_model")


def seen_of(ids: list[int], asked: BulkChange) -> dict[int, int]:
    return {line.variant_id: line.old.minor for line in products.admin.preview(ids, asked)}


def apply(ids: list[int], asked: BulkChange, *, seen: dict[int, int] | None = None, key: str = "") -> int | None:
    seen = seen_of(ids, asked) if seen is None else seen
    return products.admin.apply_bulk(ids, asked, seen=seen, key=key or new_key(), actor=KEEPER)


def prices(ids: list[int]) -> list[Money]:
    return [variant.price for product_id in ids for variant in record_of(product_id).variants]


@pytest.mark.parametrize(
    ("asked", "price", "new"),
    [
        (BulkChange(BulkAct.PERCENT, Decimal(-10)), "99.99", "89.99"),
        (BulkChange(BulkAct.PERCENT, Decimal("12.5")), "0.04", "0.05"),  # 0.045, half up
        (BulkChange(BulkAct.PERCENT, Decimal(-50)), "0.01", "0.01"),  # 0.005, half up
        (BulkChange(BulkAct.AMOUNT, Decimal("-0.50")), "99.99", "99.49"),
        (BulkChange(BulkAct.PERCENT, Decimal(-10), PriceEnding.WHOLE), "495", "446"),  # 445.50, half up
        (BulkChange(BulkAct.PERCENT, Decimal(-10), PriceEnding.NINETY_NINE), "500", "449.99"),
        (BulkChange(BulkAct.PERCENT, Decimal(-10), PriceEnding.NINETY_NINE), "501", "450.99"),
        (BulkChange(BulkAct.AMOUNT, Decimal(-7), PriceEnding.NINETY_NINE), "7.20", "-0.01"),
    ],
)
def test_new_prices_are_rounded_half_up_to_the_ending(asked: BulkChange, price: str, new: str) -> None:
    assert asked.new_price(rupees(price)) == rupees(new)


def test_a_preview_lists_changes_and_makes_none(app: Flask) -> None:
    shirt, mug = make_product(price=900, options=(("S", 1), ("M", 1))), make_product(price=500)
    lines = products.admin.preview([shirt.id, mug.id], TEN_OFF)
    assert {(line.old, line.new) for line in lines} == {(rupees(900), rupees(810)), (rupees(500), rupees(450))}
    assert len(lines) == 3
    assert prices([mug.id]) == [rupees(500)]


def test_prices_of_many_products_change_together(app: Flask) -> None:
    shirt, mug = make_product(price=900, options=(("S", 1), ("M", 1))), make_product(price=500)
    assert apply([shirt.id, mug.id], TEN_OFF) == 3
    assert prices([shirt.id, mug.id]) == [rupees(810), rupees(810), rupees(450)]
    assert {card.price for card in listing.cards_of([shirt.id, mug.id])} == {rupees(810), rupees(450)}
    assert ("price", mug.sku, "INR 500.00 to INR 450.00") in acts()


def test_a_compare_at_price_below_the_new_price_is_dropped(app: Flask) -> None:
    mug = make_product(price=500)
    change(mug.id, variants=variants(record_of(mug.id), only=priced(450, compare_at_price=480)))
    apply([mug.id], BulkChange(BulkAct.AMOUNT, Decimal(30)))
    (variant,) = record_of(mug.id).variants
    assert (variant.price, variant.compare_at_price) == (rupees(480), None)


def test_a_price_changed_meanwhile_refuses_the_whole_change(app: Flask) -> None:
    mug, jar = make_product(price=500), make_product(price=300)
    seen = seen_of([mug.id, jar.id], TEN_OFF)
    change(mug.id, variants=variants(record_of(mug.id), only=priced(550)))
    with pytest.raises(BulkConflict) as conflict:
        apply([mug.id, jar.id], TEN_OFF, seen=seen)
    assert [(line.sku, line.old) for line in conflict.value.lines] == [(mug.sku, rupees(550))]
    assert prices([mug.id, jar.id]) == [rupees(550), rupees(300)]


def test_a_price_of_zero_refuses_the_whole_change(app: Flask) -> None:
    mug, jar = make_product(price=500), make_product(price=300)
    with pytest.raises(BulkImpossible) as impossible:
        apply([mug.id, jar.id], BulkChange(BulkAct.AMOUNT, Decimal(-300)))
    assert [line.sku for line in impossible.value.lines] == [jar.sku]
    assert prices([mug.id, jar.id]) == [rupees(500), rupees(300)]


def test_a_form_sent_twice_is_applied_once(app: Flask) -> None:
    mug = make_product(price=500)
    key, seen = new_key(), seen_of([mug.id], TEN_OFF)
    assert apply([mug.id], TEN_OFF, seen=seen, key=key) == 1
    assert apply([mug.id], TEN_OFF, seen=seen, key=key) is None
    assert prices([mug.id]) == [rupees(450)]


def test_many_products_are_hidden_and_published(app: Flask) -> None:
    mugs = [make_product() for _ in range(3)]
    ids = [int(mug.id) for mug in mugs]
    products.admin.set_published(ids[:1], False, actor=KEEPER)
    assert apply(ids, BulkChange(BulkAct.HIDE)) == 2
    assert listing.cards_of(ids) == ()
    assert apply(ids, BulkChange(BulkAct.PUBLISH)) == 3
    assert len(listing.cards_of(ids)) == 3
    assert [what for what, subject, _ in acts() if subject == mugs[1].sku] == ["hidden", "published"]


def test_idempotency_keys_are_purged(app: Flask, now: Clock) -> None:
    mug = make_product(price=500)
    apply([mug.id], TEN_OFF)
    assert products.admin.purge_idempotency_keys() == 0
    now.advance(days=8)
    assert products.admin.purge_idempotency_keys() == 1
