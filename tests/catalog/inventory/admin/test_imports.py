"""Stock imports: changes and problems by line, then all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.catalog import inventory, listing, products
from storefront.catalog import service as catalog
from storefront.catalog.events import BACK_IN_STOCK, STOCK_LOW
from storefront.catalog.inventory.admin import (
    BadSheet,
    ImportPage,
    ImportState,
    LineProblem,
    UnknownImport,
    import_runner,
)
from storefront.catalog.inventory.import_models import StockImport, StockImportLine
from storefront.catalog.models import Message
from storefront.catalog.products.admin import VariantState
from storefront.catalog.values import Hold
from storefront.db.session import read_session, transaction
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.factories.products import change, record_of, variants
from tests.factories.stock import CLERK, adjust, change_of, ledger_of, movement_count, row_of, sell
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop

# By name: as an attribute of its package, the function of the same name hides the module.


@pytest.fixture(autouse=True)
def _consistent_stock(request: pytest.FixtureRequest) -> Iterator[None]:
    if "app" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("app")
    yield
    read_session().rollback()
    assert list(catalog.stock_violations()) == []


def check(*lines: str, header: str = "sku,count,delta,reason,low_stock_level") -> ImportPage:
    content = "\n".join([header, *lines, ""]).encode()
    read_session().rollback()
    return inventory.admin.show_import(inventory.admin.check_file(content, file_name="stock.csv", actor=CLERK))


def apply(page: ImportPage) -> ImportPage:
    """Queue an import, and apply it as the worker does."""
    import_id = page.imported.id
    assert inventory.admin.start_import(import_id)
    assert inventory.admin.waiting_imports() == [import_id]
    assert inventory.admin.apply_import(import_id)
    read_session().rollback()
    return inventory.admin.show_import(import_id)


def counts(page: ImportPage) -> tuple[int, int, int]:
    imported = page.imported
    return imported.line_count, imported.change_count, imported.problem_count


def problems(page: ImportPage) -> list[tuple[int, LineProblem | None, str]]:
    return [(line.line, line.problem, line.detail) for line in page.problems]


def test_a_dry_run_shows_each_change_and_changes_nothing(app: Flask) -> None:
    mug, jar, tin = (make_product(stock=10) for _ in range(3))
    before = movement_count()
    page = check(f"{mug.sku},12,,,", f"{jar.sku},,-3,damaged,8", f"{tin.sku},10,,,5")
    assert counts(page) == (3, 2, 0)
    assert [(line.line, line.sku, line.seen, line.delta, line.level) for line in page.changes] == [
        (2, mug.sku, 10, 2, None),
        (3, jar.sku, 10, -3, 8),
    ]
    assert inventory.admin.start_import(page.imported.id)
    assert (row_of(mug.sku).on_hand, movement_count()) == (10, before)


def test_an_applied_file_is_in_the_ledger_line_by_line(app: Flask) -> None:
    mug, jar = make_product(stock=10), make_product(stock=10)
    page = apply(check(f"{mug.sku.lower()},12,,,", f"{jar.sku},,-3,damaged,8"))
    assert page.imported.state is ImportState.APPLIED
    assert (row_of(mug.sku).on_hand, row_of(jar.sku).on_hand, row_of(jar.sku).reorder_level) == (12, 7, 8)
    (counted,) = ledger_of(mug.sku)
    assert (counted.delta, counted.balance, counted.reason, counted.actor) == (2, 12, "counted", CLERK)
    assert (counted.reference, counted.note) == (page.imported.reference, "stock.csv")
    assert sorted((row.delta, row.reason, row.note) for row in ledger_of(jar.sku)) == [
        (-3, "damaged", "stock.csv"),
        (0, "level", "5 to 8"),
    ]
    assert listing.cards_of([mug.id, jar.id])[0].available == 12


def test_an_import_publishes_back_in_stock_and_low_stock(app: Flask) -> None:
    back, low = make_product(stock=0), make_product(stock=30)
    apply(check(f"{back.sku},50,,,", f"{low.sku},4,,,"))
    topics = sa.select(Message.topic, Message.payload).where(Message.topic.in_([BACK_IN_STOCK, STOCK_LOW]))
    assert dict(tuple(row) for row in read_session().execute(topics)) == {
        BACK_IN_STOCK: {"sku": back.sku, "product": back.id},
        STOCK_LOW: {"skus": [low.sku], "count": 1},
    }
    assert products.get_offer(back.sku).available == 50


def test_problems_are_listed_by_line_and_prevent_the_import(app: Flask) -> None:
    mug, held = make_product(stock=10), make_product(stock=10)
    inventory.reserve("a-buyer", [Hold(held.sku, 6)])
    page = check(
        f"{mug.sku},12,,,",
        "NO-SUCH,1,,,",
        f"{mug.sku},13,,,",
        f"{held.sku},,-5,,",
        "TOO,many,,,",
    )
    assert problems(page) == [
        (3, LineProblem.UNKNOWN_SKU, ""),
        (4, LineProblem.TWICE, "2"),
        (5, LineProblem.SHORT, "4"),
        (6, LineProblem.NOT_A_NUMBER, "many"),
    ]
    assert counts(page) == (5, 1, 4)
    assert not inventory.admin.start_import(page.imported.id)


def test_a_count_below_the_reserved_units_is_a_problem(app: Flask) -> None:
    held = make_product(stock=10)
    inventory.reserve("a-buyer", [Hold(held.sku, 6)])
    assert problems(check(f"{held.sku},5,,,")) == [(2, LineProblem.RESERVED, "6")]


def test_a_line_exported_before_a_sale_is_stale(app: Flask) -> None:
    mug, jar = make_product(stock=10), make_product(stock=10)
    sell(mug.sku, 2)
    header = "sku,on_hand,count,delta"
    assert problems(check(f"{mug.sku},10,9,", f"{jar.sku},10,9,", header=header)) == [
        (2, LineProblem.STALE, "10/8"),
    ]
    assert counts(check(f"{mug.sku},10,,5", header=header)) == (1, 1, 0)  # a delta is never stale
    assert counts(check(f"{mug.sku},10,8,", header=header)) == (1, 0, 0)  # nor is a line that changes nothing


def test_a_level_changed_since_the_export_is_stale(app: Flask) -> None:
    mug = make_product(stock=10)
    adjust(change_of(mug.sku, level=7))
    page = check(f"{mug.sku},5,9", header="sku,level,low_stock_level")
    assert problems(page) == [(2, LineProblem.STALE_LEVEL, "5/7")]


def test_the_same_file_twice_changes_nothing_the_second_time(app: Flask) -> None:
    mug, jar = make_product(stock=10), make_product(stock=10)
    lines = [f"{mug.sku},12,,,9", f"{jar.sku},,-3,,"]
    apply(check(*lines))
    again = check(*lines)
    assert counts(again) == (2, 0, 0)
    assert not inventory.admin.start_import(again.imported.id)
    assert (row_of(mug.sku).on_hand, row_of(jar.sku).on_hand) == (12, 7)


def test_the_same_file_uploaded_later_changes_nothing(app: Flask) -> None:
    mug, jar = make_product(stock=10), make_product(stock=10)
    lines = [f"{mug.sku},10,,,5", f"{jar.sku},12,,,"]
    apply(check(*lines))
    sell(mug.sku, 3)
    adjust(change_of(mug.sku, level=7))
    assert counts(check(*lines)) == (2, 0, 0)


def test_the_same_file_checked_twice_is_applied_once(app: Flask) -> None:
    jar = make_product(stock=10)
    first, second = check(f"{jar.sku},,-3,,"), check(f"{jar.sku},,-3,,")
    apply(first)
    refused = apply(second)
    assert refused.imported.state is ImportState.REFUSED
    assert problems(refused) == [(2, LineProblem.AGAIN, "")]
    assert row_of(jar.sku).on_hand == 7


def test_a_variant_deleted_since_the_check_refuses_the_import(app: Flask) -> None:
    shirt, jar = make_product(options=(("S", 3), ("M", 0))), make_product(stock=10)
    (_, m) = record_of(shirt.id).variants
    page = check(f"{m.sku},5,,,", f"{jar.sku},12,,,")
    change(shirt.id, variants=variants(record_of(shirt.id), M=lambda draft: replace(draft, state=VariantState.DELETED)))
    refused = apply(page)
    assert (refused.imported.state, problems(refused)) == (ImportState.REFUSED, [(2, LineProblem.UNKNOWN_SKU, "")])
    assert row_of(jar.sku).on_hand == 10


def test_figures_changed_since_the_check_refuse_the_import(app: Flask) -> None:
    mug, jar, tin, pan = (make_product(stock=10) for _ in range(4))
    page = check(f"{mug.sku},12,,,", f"{jar.sku},,-9,,", f"{tin.sku},,,,8", f"{pan.sku},,5,,")
    sell(mug.sku, 1)
    sell(jar.sku, 2)
    adjust(change_of(tin.sku, level=6))
    before = movement_count()
    refused = apply(page)
    assert refused.imported.state is ImportState.REFUSED
    assert problems(refused) == [
        (2, LineProblem.STALE, "10/9"),
        (3, LineProblem.SHORT, "8"),
        (4, LineProblem.STALE_LEVEL, "5/6"),
    ]
    assert (row_of(pan.sku).on_hand, movement_count()) == (10, before)


def test_an_import_is_queued_once_and_applied_once(app: Flask) -> None:
    mug = make_product(stock=10)
    page = check(f"{mug.sku},,5,,")
    assert inventory.admin.start_import(page.imported.id)
    assert not inventory.admin.start_import(page.imported.id)
    assert inventory.admin.apply_import(page.imported.id)
    assert not inventory.admin.apply_import(page.imported.id)
    assert row_of(mug.sku).on_hand == 15


def test_an_import_whose_worker_died_is_resumed_after_its_lease(
    app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mug = make_product(stock=10)
    page = check(f"{mug.sku},,5,,")
    inventory.admin.start_import(page.imported.id)
    with monkeypatch.context() as patch:
        patch.setattr(import_runner._Attempt, "products", lambda attempt: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            inventory.admin.apply_import(page.imported.id)
    assert row_of(mug.sku).on_hand == 10
    assert inventory.admin.waiting_imports() == []
    now.advance(minutes=6)
    assert inventory.admin.waiting_imports() == [page.imported.id]
    assert inventory.admin.apply_import(page.imported.id)
    assert row_of(mug.sku).on_hand == 15


def test_progress_is_reported_in_chunks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_runner, "CHUNK", 2)
    mugs = [make_product(name=f"Mug {i}", options=(("S", 5), ("M", 5))) for i in range(3)]
    page = check(*(f"{mug.sku}-{size},,1,," for mug in mugs for size in "SM"))
    inventory.admin.start_import(page.imported.id)
    reported: list[tuple[int, int]] = []
    inventory.admin.apply_import(page.imported.id, lambda done, total: reported.append((done, total)))
    assert reported == [(2, 6), (4, 6), (6, 6)]
    assert [card.available for card in listing.cards_of([mug.id for mug in mugs])] == [12, 12, 12]


def test_a_file_broken_in_the_middle_leaves_no_import(app: Flask) -> None:
    mug = make_product()
    with pytest.raises(BadSheet):
        check(f"{mug.sku},1,,,", '"' + "x" * 200_000 + '",1,,,')
    assert read_session().scalar(sa.select(StockImport.id)) is None


def test_an_unknown_import_is_not_found(app: Flask) -> None:
    with pytest.raises(UnknownImport):
        inventory.admin.show_import(99_999)


def test_imports_are_purged_after_a_month_and_the_ledger_is_not(app: Flask, now: Clock) -> None:
    mug = make_product(stock=10)
    page = apply(check(f"{mug.sku},,5,,"))
    asked = check(f"{mug.sku},,6,,")
    inventory.admin.start_import(asked.imported.id)
    now.advance(days=31)
    assert inventory.admin.forget_old_imports() == 1
    assert read_session().scalar(sa.select(sa.func.count()).select_from(StockImportLine)) == 1
    assert len(ledger_of(mug.sku)) == 1
    with pytest.raises(UnknownImport):
        inventory.admin.show_import(page.imported.id)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_import_concurrent_with_sales_and_adjustments_counts_every_unit(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app, app.app_context():
        mugs = [make_product(stock=20) for _ in range(6)]
        page = check(*(f"{mug.sku},,10,," for mug in mugs))
        inventory.admin.start_import(page.imported.id)
        deltas = [change_of(mug.sku, delta=-1) for mug in mugs]
        read_session().rollback()
        acts = [lambda: inventory.admin.apply_import(page.imported.id)] * 2
        acts += [lambda mug=mug: sell(mug.sku, 2, checkout=f"buyer-of-{mug.sku}") for mug in mugs]
        acts += [lambda d=d: adjust(d, reference=f"desk/{d.variant_id}") for d in deltas]
        outcomes = at_once(app, acts)
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert sorted(outcomes[:2]) == [False, True]
        assert [row_of(mug.sku).on_hand for mug in mugs] == [27] * 6
        assert list(catalog.stock_violations()) == []


def test_skus_that_differ_in_case_only_are_duplicates(app: Flask) -> None:
    mug = make_product(stock=10)
    assert problems(check(f"{mug.sku},1,,,", f"{mug.sku.lower()},2,,,")) == [(3, LineProblem.TWICE, "2")]


def test_the_database_refuses_an_unknown_state(app: Flask) -> None:
    check(f"{make_product().sku},1,,,")
    with pytest.raises(sa.exc.DBAPIError), transaction("catalog") as session:
        session.execute(sa.update(StockImport).values(state="somewhere"))
