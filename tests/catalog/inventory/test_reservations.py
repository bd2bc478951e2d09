"""Stock: promised, sold and received; never sold twice, and every count explained by its movements."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from storefront.catalog import service as catalog
from storefront.catalog.models import (
    BrowseEntry,
    Product,
    ReservationState,
    StockMovement,
    StockReservation,
    Variant,
)
from storefront.catalog.service import Hold, OutOfStock, Sku, UnknownSku
from storefront.db.session import db, read_session
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

UNKNOWN = Sku("NO-SUCH-SKU")


@pytest.fixture(autouse=True)
def _books_that_balance(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test here does, the counts must agree with each other when it ends."""
    if "app" in request.fixturenames:
        request.getfixturevalue("app")
        yield
        assert_books_balance()
    else:
        yield


def assert_books_balance() -> None:
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
    return catalog.get_offer(sku).available


def ledger(sku: Sku) -> list[tuple[int, str, str, str]]:
    """What was noted of a SKU since it came in: units, reason, reference, actor."""
    mine = sa.select(StockMovement).join(Variant).where(Variant.sku == sku, StockMovement.reason != "initial")
    rows = read_session().scalars(mine.order_by(StockMovement.id))
    return [(row.delta, row.reason, row.reference, row.actor) for row in rows]


def test_held_units_are_not_for_others(app: Flask) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 3)])
    assert available(mug.sku) == 2
    assert ledger(mug.sku) == []  # nothing has left the shelf


def test_goods_that_run_short_are_refused_by_name_and_count(app: Flask) -> None:
    mug = make_product(name="Clay Mug", options=(("Blue", 2), ("Green", 0)))
    blue, green = Sku(f"{mug.sku}-Blue"), Sku(f"{mug.sku}-Green")
    with pytest.raises(OutOfStock) as refusal:
        catalog.reserve("a-checkout", [Hold(blue, 3), Hold(green, 1)])
    assert refusal.value.shortages == {blue: 2, green: 0}
    assert refusal.value.names == {blue: "Clay Mug, Blue", green: "Clay Mug, Green"}


def test_a_checkout_gets_all_of_its_goods_or_none(app: Flask) -> None:
    plenty, few = make_product(stock=5), make_product(stock=1)
    with pytest.raises(OutOfStock) as refusal:
        catalog.reserve("a-checkout", [Hold(plenty.sku, 2), Hold(few.sku, 2)])
    assert list(refusal.value.shortages) == [few.sku]
    assert available(plenty.sku) == 5


def test_two_lines_of_one_sku_are_added_up_before_they_are_checked(app: Flask) -> None:
    mug = make_product(stock=5)
    with pytest.raises(OutOfStock):
        catalog.reserve("a-checkout", [Hold(mug.sku, 3), Hold(mug.sku, 3)])
    assert available(mug.sku) == 5
    catalog.reserve("a-checkout", [Hold(mug.sku, 3), Hold(mug.sku, 2)])
    assert available(mug.sku) == 0


def test_a_sku_that_never_was_cannot_be_held(app: Flask) -> None:
    mug = make_product(stock=5)
    with pytest.raises(UnknownSku, match=UNKNOWN):
        catalog.reserve("a-checkout", [Hold(mug.sku, 1), Hold(UNKNOWN, 1)])
    assert available(mug.sku) == 5


def test_holding_again_holds_once(app: Flask) -> None:
    mug = make_product(stock=5)
    for _ in range(3):
        catalog.reserve("a-checkout", [Hold(mug.sku, 5)])
    assert available(mug.sku) == 0


@pytest.mark.parametrize("units", [1, 4, 5])
def test_holding_another_number_holds_that_number(app: Flask, units: int) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 3)])
    catalog.reserve("a-checkout", [Hold(mug.sku, units)])
    assert available(mug.sku) == 5 - units


def test_holding_more_than_there_is_keeps_the_former_hold(app: Flask) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 3)])
    with pytest.raises(OutOfStock):
        catalog.reserve("a-checkout", [Hold(mug.sku, 6)])
    assert available(mug.sku) == 2


def test_released_units_are_for_everybody_again(app: Flask) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 3)])
    for _ in range(2):
        catalog.release("a-checkout")
    assert available(mug.sku) == 5
    catalog.reserve("a-checkout", [Hold(mug.sku, 4)])
    assert available(mug.sku) == 1


def test_releasing_a_checkout_that_holds_nothing_is_nothing(app: Flask) -> None:
    catalog.release("a-checkout")


def test_a_sale_takes_held_units_off_the_shelf_once(app: Flask) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 3)])
    for _ in range(2):
        catalog.commit_reservation("a-checkout")
    assert available(mug.sku) == 2
    assert ledger(mug.sku) == [(-3, "sale", "a-checkout", "shop")]


def test_what_was_sold_is_neither_released_nor_held_again(app: Flask) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 3)])
    catalog.commit_reservation("a-checkout")
    catalog.release("a-checkout")
    catalog.reserve("a-checkout", [Hold(mug.sku, 3)])
    assert available(mug.sku) == 2


def test_what_was_released_is_not_sold(app: Flask) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 3)])
    catalog.release("a-checkout")
    catalog.commit_reservation("a-checkout")
    assert (available(mug.sku), ledger(mug.sku)) == (5, [])


def test_an_expired_hold_gives_way_at_once(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    catalog.reserve("slow", [Hold(mug.sku, 5)])
    now.advance(minutes=15, seconds=1)
    catalog.reserve("quick", [Hold(mug.sku, 5)])
    catalog.commit_reservation("slow")
    assert ledger(mug.sku) == []
    catalog.commit_reservation("quick")
    assert ledger(mug.sku) == [(-5, "sale", "quick", "shop")]


def test_a_hold_stands_until_its_time_is_over(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    catalog.reserve("slow", [Hold(mug.sku, 5)])
    now.advance(minutes=15)
    with pytest.raises(OutOfStock):
        catalog.reserve("quick", [Hold(mug.sku, 1)])


def test_holding_again_renews_the_time(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 5)])
    now.advance(minutes=14)
    catalog.reserve("a-checkout", [Hold(mug.sku, 5)])
    now.advance(minutes=14)
    assert catalog.release_expired() == 0


def test_its_own_expired_hold_is_renewed_when_nobody_took_it(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 5)])
    now.advance(minutes=20)
    catalog.reserve("a-checkout", [Hold(mug.sku, 5)])
    assert catalog.release_expired() == 0


def test_goods_that_are_being_paid_for_stay_held(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 5)])
    catalog.reserve("a-checkout", [Hold(mug.sku, 5)], permanent=True)
    now.at = datetime(2030, 1, 1, tzinfo=UTC)
    assert catalog.release_expired() == 0
    catalog.release("a-checkout")
    assert available(mug.sku) == 5


def test_a_runner_who_comes_late_does_not_shorten_a_hold_that_lasts(app: Flask, now: Clock) -> None:
    mug = make_product(stock=5)
    catalog.reserve("a-checkout", [Hold(mug.sku, 5)], permanent=True)
    catalog.reserve("a-checkout", [Hold(mug.sku, 5)])  # stalled since before the money was taken
    now.advance(minutes=16)
    assert catalog.release_expired() == 0
    assert available(mug.sku) == 0


def test_the_sweep_lets_go_of_expired_holds_only(app: Flask, now: Clock) -> None:
    mug, pot = make_product(stock=5), make_product(stock=5)
    catalog.reserve("slow", [Hold(mug.sku, 1), Hold(pot.sku, 2)])
    catalog.reserve("sold", [Hold(mug.sku, 1)])
    catalog.commit_reservation("sold")
    now.advance(minutes=10)
    catalog.reserve("quick", [Hold(mug.sku, 1)])
    now.advance(minutes=10)
    assert catalog.release_expired() == 1
    assert (available(mug.sku), available(pot.sku)) == (3, 5)
    assert catalog.release_expired() == 0


def test_listings_follow_the_stock_of_all_variants(app: Flask) -> None:
    mug = make_product(options=(("Blue", 2), ("Green", 1)))
    blue, green = Sku(f"{mug.sku}-Blue"), Sku(f"{mug.sku}-Green")

    def card_and_listing() -> tuple[int, bool]:
        (card,) = catalog.cards_of([mug.id])
        found = catalog.browse(catalog.BrowseCriteria(brands=("Kiln",), in_stock=True))
        return card.available, mug.id in {other.id for other in found.cards}

    assert card_and_listing() == (3, True)
    catalog.reserve("one", [Hold(blue, 2)])
    assert card_and_listing() == (1, True)
    catalog.reserve("two", [Hold(green, 1)])
    assert card_and_listing() == (0, False)
    catalog.commit_reservation("one")
    assert card_and_listing() == (0, False)
    catalog.release("two")
    assert card_and_listing() == (1, True)


def test_the_demo_shop_opens_with_books_that_balance(app: Flask) -> None:
    assert_books_balance()


@pytest.mark.parametrize("engine", ENGINES)
def test_of_twenty_shoppers_for_five_units_exactly_five_get_one(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=5)
        outcomes = at_once(
            app, [lambda name=f"shopper-{n}": catalog.reserve(name, [Hold(mug.sku, 1)]) for n in range(20)]
        )
        with app.app_context():
            assert outcomes.count(None) == 5
            assert [type(outcome) for outcome in outcomes if outcome] == [OutOfStock] * 15
            assert available(mug.sku) == 0
            assert_books_balance()


@pytest.mark.parametrize("engine", ENGINES)
def test_baskets_in_opposite_order_do_not_lock_each_other_out(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug, pot = make_product(stock=20), make_product(stock=20)
            faults: list[object] = []
            event.listen(db.engines["catalog"], "handle_error", faults.append)
        one, other = [Hold(mug.sku, 1), Hold(pot.sku, 1)], [Hold(pot.sku, 1), Hold(mug.sku, 1)]

        def buy(name: str, basket: list[Hold]) -> None:
            catalog.reserve(name, basket)
            catalog.commit_reservation(name)

        baskets = [one, other] * 5
        outcomes = at_once(app, [lambda n=n, b=b: buy(f"shopper-{n}", b) for n, b in enumerate(baskets)])
        with app.app_context():
            assert (outcomes, faults) == ([None] * 10, [])
            assert (available(mug.sku), available(pot.sku)) == (10, 10)
            assert_books_balance()


@pytest.mark.parametrize("engine", ENGINES)
def test_one_checkout_reserved_twice_at_once_holds_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product(stock=20)
        outcomes = at_once(app, [lambda: catalog.reserve("a-checkout", [Hold(mug.sku, 2)])] * 6)
        with app.app_context():
            assert available(mug.sku) == 18
            assert None in outcomes
            assert_books_balance()
