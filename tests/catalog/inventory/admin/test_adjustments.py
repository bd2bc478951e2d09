"""Stock adjustments: deltas apply to the current count, counts only to the one that was shown; all or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from storefront.catalog import inventory, listing, products
from storefront.catalog import service as catalog
from storefront.catalog.inventory.admin import (
    MAX_UNITS,
    Adjustment,
    NotUndoable,
    Reason,
    RejectionKind,
    StockConflict,
    UnknownMovement,
)
from storefront.catalog.values import Hold
from storefront.db.session import read_session
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.factories.stock import CLERK, adjust, change_of, ledger_of, movement_count, row_of, sell
from tests.isolated_shop import at_once, own_shop

pytestmark = pytest.mark.usefixtures("_consistent_stock")


@pytest.fixture
def _consistent_stock(app: Flask):
    yield
    read_session().rollback()
    assert list(catalog.stock_violations()) == []


def rejections(*changes: Adjustment) -> dict[int, RejectionKind]:
    with pytest.raises(StockConflict) as refused:
        adjust(*changes)
    return {variant: refusal.kind for variant, refusal in refused.value.refusals.items()}


def test_a_delta_applies_to_the_current_count(app: Flask) -> None:
    mug = make_product(stock=10)
    change = change_of(mug.sku, delta=5)
    sell(mug.sku, 4)
    adjust(change, reason=Reason.RECEIVED)
    assert row_of(mug.sku).on_hand == 11
    (_, received) = ledger_of(mug.sku)
    assert (received.delta, received.balance, received.reason, received.actor) == (5, 11, "received", CLERK)


def test_a_count_replaces_the_count_that_was_shown_and_is_recorded(app: Flask) -> None:
    mug = make_product(stock=10)
    adjust(change_of(mug.sku, count=12))
    (counted,) = ledger_of(mug.sku)
    assert (counted.delta, counted.balance, counted.reason) == (2, 12, "counted")


def test_a_count_without_a_difference_is_recorded_too(app: Flask) -> None:
    mug = make_product(stock=10)
    adjust(change_of(mug.sku, count=10))
    assert [(row.delta, row.balance) for row in ledger_of(mug.sku)] == [(0, 10)]


def test_a_count_of_a_changed_figure_is_rejected_with_the_current_row(app: Flask) -> None:
    mug = make_product(stock=10)
    stale = change_of(mug.sku, count=12)
    sell(mug.sku, 1)
    with pytest.raises(StockConflict) as refused:
        adjust(stale)
    (refusal,) = refused.value.refusals.values()
    assert refusal.kind is RejectionKind.CHANGED
    assert refusal.row is not None
    assert (refusal.change.seen, refusal.row.on_hand) == (10, 9)
    assert row_of(mug.sku).on_hand == 9


def test_one_rejected_adjustment_rejects_the_whole_submission(app: Flask) -> None:
    mug, bowl, jar = make_product(stock=10), make_product(stock=3), make_product(stock=7)
    rows = [change_of(mug.sku, delta=5), change_of(bowl.sku, delta=-4), change_of(jar.sku, level=2)]
    assert rejections(*rows) == {rows[1].variant_id: RejectionKind.SHORT}
    assert [row_of(product.sku).on_hand for product in (mug, bowl, jar)] == [10, 3, 7]
    assert row_of(jar.sku).reorder_level == 5
    assert [ledger_of(product.sku) for product in (mug, bowl, jar)] == [[], [], []]


def test_reserved_units_cannot_be_removed_or_counted_away(app: Flask) -> None:
    mug, bowl = make_product(stock=10), make_product(stock=10)
    for product in (mug, bowl):
        inventory.reserve(f"buyer-of-{product.sku}", [Hold(product.sku, 8)])
    rows = [change_of(mug.sku, delta=-3), change_of(bowl.sku, count=7)]
    assert rejections(*rows) == {rows[0].variant_id: RejectionKind.SHORT, rows[1].variant_id: RejectionKind.RESERVED}


def test_more_than_the_maximum_is_rejected(app: Flask) -> None:
    mug = make_product(stock=10)
    row = change_of(mug.sku, delta=MAX_UNITS)
    assert rejections(row) == {row.variant_id: RejectionKind.TOO_MANY}


def test_a_deleted_variant_is_rejected(app: Flask) -> None:
    assert rejections(Adjustment(99_999_999, 1, 5, delta=1)) == {99_999_999: RejectionKind.GONE}


def test_a_submission_sent_twice_is_applied_once(app: Flask) -> None:
    mug = make_product(stock=10)
    for _ in range(2):
        adjust(change_of(mug.sku, delta=5), reference="desk/one-form")
    assert row_of(mug.sku).on_hand == 15
    assert len(ledger_of(mug.sku)) == 1


def test_a_changed_level_is_recorded_as_a_movement_of_no_units(app: Flask) -> None:
    mug = make_product(stock=10)
    adjust(change_of(mug.sku, level=20))
    assert row_of(mug.sku).reorder_level == 20
    (changed,) = ledger_of(mug.sku)
    assert (changed.delta, changed.balance, changed.reason, changed.note) == (0, 10, "level", "5 to 20")
    assert not changed.can_be_undone


def test_a_level_changed_meanwhile_is_not_overwritten(app: Flask) -> None:
    mug = make_product(stock=10)
    stale = change_of(mug.sku, level=20)
    adjust(change_of(mug.sku, level=8))
    assert rejections(stale) == {stale.variant_id: RejectionKind.LEVEL_CHANGED}
    assert row_of(mug.sku).reorder_level == 8


def test_received_units_are_available_at_once(app: Flask) -> None:
    mug = make_product(stock=0)
    adjust(change_of(mug.sku, delta=3), reason=Reason.RECEIVED)
    assert products.get_offer(mug.sku).available == 3
    assert listing.cards_of([mug.id])[0].available == 3


# ------------------------------------------------------------------------------------------------ undo


def test_undo_is_a_movement_that_refers_to_the_one_it_reverses(app: Flask) -> None:
    mug = make_product(stock=10)
    adjust(change_of(mug.sku, delta=-4), reason=Reason.DAMAGED)
    (damaged,) = ledger_of(mug.sku)
    inventory.admin.undo(damaged.id, actor="other@example.com")
    before, after = ledger_of(mug.sku)
    assert (after.delta, after.balance, after.reason, after.undoes_id) == (4, 10, "undo", damaged.id)
    assert after.actor == "other@example.com"
    assert before.is_undone
    assert not before.can_be_undone


def test_undo_is_idempotent(app: Flask) -> None:
    mug = make_product(stock=10)
    adjust(change_of(mug.sku, delta=5))
    (added,) = ledger_of(mug.sku)
    for _ in range(3):
        inventory.admin.undo(added.id, actor=CLERK)
    assert row_of(mug.sku).on_hand == 10
    assert len(ledger_of(mug.sku)) == 2


def test_units_sold_meanwhile_cannot_be_undone(app: Flask) -> None:
    mug = make_product(stock=0)
    adjust(change_of(mug.sku, delta=5))
    (received,) = ledger_of(mug.sku)
    sell(mug.sku, 3)
    with pytest.raises(StockConflict):
        inventory.admin.undo(received.id, actor=CLERK)
    assert row_of(mug.sku).on_hand == 2


def test_a_sale_cannot_be_undone(app: Flask) -> None:
    mug = make_product(stock=10)
    sell(mug.sku, 3)
    (sale,) = ledger_of(mug.sku)
    with pytest.raises(NotUndoable):
        inventory.admin.undo(sale.id, actor=CLERK)


def test_an_unknown_movement_cannot_be_undone(app: Flask) -> None:
    with pytest.raises(UnknownMovement):
        inventory.admin.undo(99_999_999, actor=CLERK)


# ----------------------------------------------------------------------------------------------- races


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_deltas_and_sales_all_count(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app, app.app_context():
        mug = make_product(stock=50)
        change = change_of(mug.sku, delta=3), change_of(mug.sku, delta=-2)
        read_session().rollback()
        acts = [lambda i=i: adjust(change[i % 2], reference=f"desk/{i}") for i in range(10)]
        acts += [lambda i=i: sell(mug.sku, 1, checkout=f"buyer-{i}") for i in range(5)]
        assert [outcome for outcome in at_once(app, acts) if isinstance(outcome, Exception)] == []
        assert row_of(mug.sku).on_hand == 50 + 5 * 3 - 5 * 2 - 5
        assert list(catalog.stock_violations()) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_one_form_sent_concurrently_is_applied_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app, app.app_context():
        mug = make_product(stock=50)
        change, before = change_of(mug.sku, delta=7), movement_count()
        read_session().rollback()
        outcomes = at_once(app, [lambda: adjust(change, reference="desk/same") for _ in range(8)])
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert (row_of(mug.sku).on_hand, movement_count() - before) == (57, 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_undos_of_a_movement_reverse_it_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app, app.app_context():
        mug = make_product(stock=50)
        adjust(change_of(mug.sku, delta=7))
        (added,) = ledger_of(mug.sku)
        read_session().rollback()
        outcomes = at_once(app, [lambda: inventory.admin.undo(added.id, actor=CLERK) for _ in range(8)])
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert row_of(mug.sku).on_hand == 50


@pytest.mark.parametrize("engine", ENGINES)
def test_of_concurrent_counts_of_one_figure_only_the_first_is_applied(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app, app.app_context():
        mug = make_product(stock=50)
        counts = [change_of(mug.sku, count=40 + i) for i in range(6)]
        read_session().rollback()
        outcomes = at_once(app, [lambda c=c, i=i: adjust(c, reference=f"desk/{i}") for i, c in enumerate(counts)])
        assert sum(isinstance(outcome, StockConflict) for outcome in outcomes) == 5
        assert list(catalog.stock_violations()) == []
