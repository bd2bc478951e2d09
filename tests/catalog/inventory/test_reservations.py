"""Reservations and sales of stock: never sold twice, and every count equals the sum of its movements."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from storefront.catalog import inventory, listing, products
from storefront.catalog.models import (
    BrowseEntry,
    Product,
    ReservationState,
    StockMovement,
    StockReservation,
    Variant,
)
from storefront.catalog.values import BrowseCriteria, Hold, OutOfStock, Sku, UnknownSku
from storefront.db.session import db, read_session
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

UNKNOWN = Sku("NO-SUCH-SKU")


@pytest.fixture(autouse=True)
def _consistent_stock(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check after each test that all stock figures are consistent."""
    if "app" in request.fixturenames:
        request.getfixturevalue("app")
        yield
        assert_stock_is_consistent()
    else:
        yield


def assert_stock_is_consistent() -> None:
    read_session().rollback()
    movements: Counter[int] = Counter()
    balances: dict[int, int] = {}
    for movement in read_session().scalars(sa.select(StockMovement).order_by(StockMovement.id)):
        movements[movement.variant_id] += movement.delta
        balances[movement.variant_id] = movement.balance
    held: Counter[int] = Counter()
    is_held = StockReservation.state == ReservationState.HELD
    for hold in read_session().scalars(sa.select(StockReservation).where(is_held)):
        held[hold.variant_id] += hold.quantity
    available: dict[int, int] = defaultdict(int)
    for variant in read_session().scalars(sa.select(Variant)):
        assert variant.on_hand == movements[variant.id] == balances.get(variant.id, 0), variant.sku
        assert variant.reserved == held[variant.id], variant.sku
        available[variant.product_id] += variant.on_hand - variant.reserved
    totals = {product.id: product.stock for product in read_session().execute(sa.select(Product.id, Product.stock))}
    assert totals == available
    listed = read_session().execute(sa.select(BrowseEntry.product_id, BrowseEntry.in_stock))
    assert all(in_stock == (available[product] > 0) for product, in_stock in listed)


def available(sku: Sku) -> int:
    return products.get_offer(sku).available


def ledger(sku: Sku) -> list[tuple[int, str, str, str]]:
    """List the movements of a SKU after the initial one: units, reason, reference, actor."""
    movements = sa.select(StockMovement).join(Variant).where(Variant.sku == sku, StockMovement.reason != "initial")
    rows = read_session().scalars(movements.order_by(StockMovement.id))
    return [(row.delta, row.reason, row.reference, row.actor) for row in rows]


def test_reserved_units_are_not_available(app: Flask) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 3)])
    assert available(mug.sku) == 2
    assert ledger(mug.sku) == []  # no units were moved


def test_a_shortage_has_names_and_available_units(app: Flask) -> None:
    mug = make_product(name="Clay Mug", options=(("Blue", 2), ("Green", 0)))
    blue, green = Sku(f"{mug.sku}-Blue"), Sku(f"{mug.sku}-Green")
    with pytest.raises(OutOfStock) as refusal:
        inventory.reserve("a-checkout", [Hold(blue, 3), Hold(green, 1)])
    assert refusal.value.shortages == {blue: 2, green: 0}
    assert refusal.value.names == {blue: "Clay Mug, Blue", green: "Clay Mug, Green"}


def test_a_checkout_reserves_all_of_its_products_or_none(app: Flask) -> None:
    plenty, few = make_product(stock=5), make_product(stock=1)
    with pytest.raises(OutOfStock) as refusal:
        inventory.reserve("a-checkout", [Hold(plenty.sku, 2), Hold(few.sku, 2)])
    assert list(refusal.value.shortages) == [few.sku]
    assert available(plenty.sku) == 5


def test_two_lines_of_one_sku_are_summed_before_the_check(app: Flask) -> None:
    mug = make_product(stock=5)
    with pytest.raises(OutOfStock):
        inventory.reserve("a-checkout", [Hold(mug.sku, 3), Hold(mug.sku, 3)])
    assert available(mug.sku) == 5
    inventory.reserve("a-checkout", [Hold(mug.sku, 3), Hold(mug.sku, 2)])
    assert available(mug.sku) == 0


def test_an_unknown_sku_cannot_be_reserved(app: Flask) -> None:
    mug = make_product(stock=5)
    with pytest.raises(UnknownSku, match=UNKNOWN):
        inventory.reserve("a-checkout", [Hold(mug.sku, 1), Hold(UNKNOWN, 1)])
    assert available(mug.sku) == 5


def test_reserving_again_reserves_once(app: Flask) -> None:
    mug = make_product(stock=5)
    for _ in range(3):
        inventory.reserve("a-checkout", [Hold(mug.sku, 5)])
    assert available(mug.sku) == 0


@pytest.mark.parametrize("units", [1, 4, 5])
def test_reserving_another_quantity_replaces_the_reservation(app: Flask, units: int) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 3)])
    inventory.reserve("a-checkout", [Hold(mug.sku, units)])
    assert available(mug.sku) == 5 - units


def test_reserving_more_than_available_keeps_the_former_reservation(app: Flask) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 3)])
    with pytest.raises(OutOfStock):
        inventory.reserve("a-checkout", [Hold(mug.sku, 6)])
    assert available(mug.sku) == 2


def test_released_units_are_available_again(app: Flask) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 3)])
    for _ in range(2):
        inventory.release("a-checkout")
    assert available(mug.sku) == 5
    inventory.reserve("a-checkout", [Hold(mug.sku, 4)])
    assert available(mug.sku) == 1


def test_releasing_an_unknown_checkout_does_nothing(app: Flask) -> None:
    inventory.release("a-checkout")


def test_a_reservation_is_sold_once(app: Flask) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 3)])
    for _ in range(2):
        inventory.commit_reservation("a-checkout")
    assert available(mug.sku) == 2
    assert ledger(mug.sku) == [(-3, "sale", "a-checkout", "shop")]


def test_sold_units_are_neither_released_nor_reserved_again(app: Flask) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 3)])
    inventory.commit_reservation("a-checkout")
    inventory.release("a-checkout")
    inventory.reserve("a-checkout", [Hold(mug.sku, 3)])
    assert available(mug.sku) == 2


def test_released_units_are_not_sold(app: Flask) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 3)])
    inventory.release("a-checkout")
    inventory.commit_reservation("a-checkout")
    assert (available(mug.sku), ledger(mug.sku)) == (5, [])


def test_expired_reservations_are_released_for_the_next_checkout(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    inventory.reserve("slow", [Hold(mug.sku, 5)])
    now.advance(minutes=15, seconds=1)
    inventory.reserve("quick", [Hold(mug.sku, 5)])
    inventory.commit_reservation("slow")
    assert ledger(mug.sku) == []
    inventory.commit_reservation("quick")
    assert ledger(mug.sku) == [(-5, "sale", "quick", "shop")]


def test_a_reservation_lasts_until_it_expires(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    inventory.reserve("slow", [Hold(mug.sku, 5)])
    now.advance(minutes=15)
    with pytest.raises(OutOfStock):
        inventory.reserve("quick", [Hold(mug.sku, 1)])


def test_reserving_again_extends_the_reservation(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 5)])
    now.advance(minutes=14)
    inventory.reserve("a-checkout", [Hold(mug.sku, 5)])
    now.advance(minutes=14)
    assert inventory.release_expired() == 0


def test_an_expired_reservation_is_renewed_if_its_units_are_left(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 5)])
    now.advance(minutes=20)
    inventory.reserve("a-checkout", [Hold(mug.sku, 5)])
    assert inventory.release_expired() == 0


def test_a_permanent_reservation_does_not_expire(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 5)])
    inventory.reserve("a-checkout", [Hold(mug.sku, 5)], permanent=True)
    now.at = datetime(2030, 1, 1, tzinfo=UTC)
    assert inventory.release_expired() == 0
    inventory.release("a-checkout")
    assert available(mug.sku) == 5


def test_a_late_repeat_does_not_shorten_a_permanent_reservation(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    inventory.reserve("a-checkout", [Hold(mug.sku, 5)], permanent=True)
    inventory.reserve("a-checkout", [Hold(mug.sku, 5)])  # a late repeat from before the payment
    now.advance(minutes=16)
    assert inventory.release_expired() == 0
    assert available(mug.sku) == 0


def test_only_expired_reservations_are_released(app: Flask, now: Clock) -> None:
    mug, pot = make_product(stock=5), make_product(stock=5)
    inventory.reserve("slow", [Hold(mug.sku, 1), Hold(pot.sku, 2)])
    inventory.reserve("sold", [Hold(mug.sku, 1)])
    inventory.commit_reservation("sold")
    now.advance(minutes=10)
    inventory.reserve("quick", [Hold(mug.sku, 1)])
    now.advance(minutes=10)
    assert inventory.release_expired() == 1
    assert (available(mug.sku), available(pot.sku)) == (3, 5)
    assert inventory.release_expired() == 0


def test_listings_follow_the_stock_of_all_variants(app: Flask) -> None:
    mug = make_product(options=(("Blue", 2), ("Green", 1)))
    blue, green = Sku(f"{mug.sku}-Blue"), Sku(f"{mug.sku}-Green")

    def card_and_listing() -> tuple[int, bool]:
        (card,) = listing.cards_of([mug.id])
        found = listing.browse(BrowseCriteria(brands=("Kiln",), in_stock=True))
        return card.available, mug.id in {other.id for other in found.cards}

    assert card_and_listing() == (3, True)
    inventory.reserve("one", [Hold(blue, 2)])
    assert card_and_listing() == (1, True)
    inventory.reserve("two", [Hold(green, 1)])
    assert card_and_listing() == (0, False)
    inventory.commit_reservation("one")
    assert card_and_listing() == (0, False)
    inventory.release("two")
    assert card_and_listing() == (1, True)


def test_the_demo_shop_has_consistent_stock(app: Flask) -> None:
    assert_stock_is_consistent()


@pytest.mark.parametrize("engine", ENGINES)
def test_twenty_concurrent_checkouts_reserve_exactly_five_units(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=5)
        outcomes = at_once(
            app, [lambda name=f"shopper-{n}": inventory.reserve(name, [Hold(mug.sku, 1)]) for n in range(20)]
        )
        with app.app_context():
            assert outcomes.count(None) == 5
            assert [type(outcome) for outcome in outcomes if outcome] == [OutOfStock] * 15
            assert available(mug.sku) == 0
            assert_stock_is_consistent()


@pytest.mark.parametrize("engine", ENGINES)
def test_carts_with_products_in_opposite_order_do_not_deadlock(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug, pot = make_product(stock=20), make_product(stock=20)
            faults: list[object] = []
            event.listen(db.engines["catalog"], "handle_error", faults.append)
        one, other = [Hold(mug.sku, 1), Hold(pot.sku, 1)], [Hold(pot.sku, 1), Hold(mug.sku, 1)]

        def buy(name: str, basket: list[Hold]) -> None:
            inventory.reserve(name, basket)
            inventory.commit_reservation(name)

        baskets = [one, other] * 5
        outcomes = at_once(app, [lambda n=n, b=b: buy(f"shopper-{n}", b) for n, b in enumerate(baskets)])
        with app.app_context():
            assert (outcomes, faults) == ([None] * 10, [])
            assert (available(mug.sku), available(pot.sku)) == (10, 10)
            assert_stock_is_consistent()


@pytest.mark.parametrize("engine", ENGINES)
def test_one_checkout_reserved_concurrently_reserves_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=20)
        outcomes = at_once(app, [lambda: inventory.reserve("a-checkout", [Hold(mug.sku, 2)])] * 6)
        with app.app_context():
            assert available(mug.sku) == 18
            assert None in outcomes
            assert_stock_is_consistent()
