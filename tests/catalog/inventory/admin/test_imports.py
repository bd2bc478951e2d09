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
    RepeatedImport,
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
from tests.factories.products import change, coded, record_of, variants
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


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["{},,10,received,"], 30),
        (["{},25,,,"], 25),  # a count, after 5 were sold
    ],
)
def test_the_same_file_a_week_later_is_asked_about_and_applied(
    app: Flask, now: Clock, lines: list[str], expected: int
) -> None:
    """D4: the next delivery of the same goods was "as the file says"."""
    mug = make_product(stock=10)
    lines = [line.format(mug.sku) for line in lines]
    first = apply(check(*lines))
    if expected == 25:
        sell(mug.sku, 5)
    now.advance(days=40)  # the first import is purged by then
    inventory.admin.forget_old_imports()
    again = check(*lines)
    assert again.repeat is not None
    assert (again.repeat.at, again.repeat.actor) == (first.imported.finished_at, CLERK)
    with pytest.raises(RepeatedImport):
        inventory.admin.start_import(again.imported.id)
    assert inventory.admin.waiting_imports() == []
    assert inventory.admin.start_import(again.imported.id, is_repeat=True)
    assert inventory.admin.apply_import(again.imported.id)
    assert row_of(mug.sku).on_hand == expected
    assert again.imported.reference != first.imported.reference


def test_the_same_file_checked_twice_is_asked_about_once_one_is_queued(app: Flask) -> None:
    jar = make_product(stock=10)
    first, second = check(f"{jar.sku},,-3,,"), check(f"{jar.sku},,-3,,")
    assert second.repeat is None
    assert inventory.admin.start_import(first.imported.id)
    with pytest.raises(RepeatedImport):
        inventory.admin.start_import(second.imported.id)
    assert inventory.admin.apply_import(first.imported.id)
    with pytest.raises(RepeatedImport):
        inventory.admin.start_import(second.imported.id)
    assert row_of(jar.sku).on_hand == 7


def test_the_same_file_queued_twice_at_once_is_applied_once(app: Flask) -> None:
    jar = make_product(stock=10)
    first, second = check(f"{jar.sku},,-3,,"), check(f"{jar.sku},,-3,,")
    with transaction("catalog") as session:  # as by two requests, neither of which sees the other
        session.execute(sa.update(StockImport).values(state=ImportState.WAITING))
    for page in (first, second):
        assert inventory.admin.apply_import(page.imported.id)
    refused = inventory.admin.show_import(second.imported.id)
    assert (refused.imported.state, problems(refused)) == (ImportState.REFUSED, [(2, LineProblem.AGAIN, "")])
    assert row_of(jar.sku).on_hand == 7


def test_the_same_deliveries_in_another_file_are_asked_about(app: Flask) -> None:
    """D4: a file corrected after its good lines were applied has other bytes, and the same deliveries."""
    mugs = [make_product(stock=10) for _ in range(3)]
    lines = [f"{mug.sku},,{units},received," for units, mug in enumerate(mugs, start=3)]
    partial = check(*lines, "NONE,,1,received,")
    assert not inventory.admin.start_import(partial.imported.id)
    assert inventory.admin.start_import(partial.imported.id, skip_problems=True)
    assert inventory.admin.apply_import(partial.imported.id)
    assert check(*lines[:1], f"{mugs[1].sku},,8,received,", f"{mugs[2].sku},,9,received,").repeat is None
    assert check(f"{mugs[0].sku},3,,,").repeat is None
    corrected = check(*lines, f"{make_product(stock=1).sku},,1,received,")
    assert corrected.repeat is not None
    assert corrected.repeat.file_name == "stock.csv"


def test_good_lines_are_applied_on_request_and_the_others_are_kept(app: Flask) -> None:
    """D4: one unknown SKU blocked a file of 300."""
    mug = make_product(stock=10)
    page = check("NONE,,7,received,", f"{mug.sku},,5,received,", 'JAR,"1,500",,,', 'TIN,"1,,,')
    assert not inventory.admin.start_import(page.imported.id)
    assert inventory.admin.start_import(page.imported.id, skip_problems=True)
    assert inventory.admin.apply_import(page.imported.id)
    done = inventory.admin.show_import(page.imported.id)
    assert (done.imported.state, counts(done), row_of(mug.sku).on_hand) == (ImportState.APPLIED, (4, 1, 3), 15)
    heading, rows = inventory.admin.unapplied_rows(page.imported.id)
    assert heading == ["sku", "count", "delta", "reason", "low_stock_level"]
    assert [(row.line.line, row.cells) for row in rows] == [
        (2, ["NONE", "", "7", "received", ""]),
        (4, ["JAR", "1,500", "", "", ""]),
        (5, ["TIN", "1,,,"]),
    ]


# ------------------------------------------------------------------------------------- codes and names


def with_barcode(barcode: str, *, name: str = "Clay Mug") -> str:
    """Make a product with a barcode and return its SKU."""
    mug = make_product(name=name, stock=10)
    change(mug.id, variants=variants(record_of(mug.id), only=coded(barcode)))
    return mug.sku


UPC = "012345678905"


@pytest.mark.parametrize("typed", [UPC, f"0{UPC}", f"00{UPC}", UPC.lstrip("0"), "0 12345 67890 5"])
def test_a_barcode_is_found_in_every_spelling(app: Flask, typed: str) -> None:
    """D5: a file keyed by barcode was refused, and spellings were compared as text."""
    sku = with_barcode(UPC)
    page = check(f"{typed},30", header="barcode,count")
    assert [(line.sku, line.title, line.delta) for line in page.changes] == [(sku, "Clay Mug", 20)]
    assert counts(check(f",{typed},30", header="sku,barcode,count")) == (1, 1, 0)


def test_an_unknown_barcode_is_a_problem(app: Flask) -> None:
    """D5"""
    page = check("4006381333931,30", "4006381333933,30", "2.00E+12,30", "12,5", header="barcode,count")
    assert problems(page) == [
        (2, LineProblem.UNKNOWN_BARCODE, "4006381333931"),
        (3, LineProblem.BAD_BARCODE, "4006381333933"),
        (4, LineProblem.SHORTENED, "2.00E+12"),
        (5, LineProblem.BAD_BARCODE, "12"),
    ]


def test_one_variant_by_sku_and_by_barcode_is_a_duplicate(app: Flask) -> None:
    """D5"""
    sku = with_barcode(UPC)
    page = check(f"{sku},,1", f",{UPC},2", header="sku,barcode,delta")
    assert problems(page) == [(3, LineProblem.TWICE, "2")]


def test_a_sku_with_the_barcode_of_another_is_a_problem(app: Flask) -> None:
    """D3: a spreadsheet makes 123 of 00123."""
    owner, other = with_barcode(UPC, name="Leading zeros"), make_product(name="Another", stock=10)
    header = "sku,name,barcode,count"
    page = check(
        f"{other.sku},Leading zeros,{UPC.lstrip('0')},7",
        f"{other.sku},,{UPC},7",
        f"{other.sku},Leading zeros,,7",
        "123,Leading zeros,,7",
        f"124,,{UPC},7",
        "125,Nobody,,7",
        header=header,
    )
    assert problems(page) == [
        (2, LineProblem.OTHER_PRODUCT, owner),
        (3, LineProblem.OTHER_PRODUCT, owner),
        (4, LineProblem.OTHER_PRODUCT, owner),
        (5, LineProblem.UNKNOWN_SKU, owner),
        (6, LineProblem.UNKNOWN_SKU, owner),
        (7, LineProblem.UNKNOWN_SKU, ""),
    ]


def test_own_and_former_names_are_no_problem(app: Flask) -> None:
    """D3: a product may have been renamed since the export, or be named without its variant."""
    shirt, mug = make_product(name="Shirt", options=(("S", 3), ("M", 3))), make_product(name="Clay Mug", stock=10)
    make_product(name="Shirt", stock=1)
    page = check(
        f"{shirt.sku}-S,Shirt,4", f"{mug.sku},CLAY MUG,12", f"{shirt.sku}-M,Chemise,4", header="sku,name,count"
    )
    assert [(line.sku, line.title) for line in page.changes] == [
        (f"{shirt.sku}-S", row_of(f"{shirt.sku}-S").title),
        (mug.sku, "Clay Mug"),
        (f"{shirt.sku}-M", row_of(f"{shirt.sku}-M").title),
    ]


def test_a_code_in_scientific_notation_is_named_as_such(app: Flask) -> None:
    """D3: 2000000000015 becomes 2E+12, of which nothing can be restored."""
    page = check("2E+12,30", "8.90E+12,4", header="sku,count")
    assert problems(page) == [(2, LineProblem.SHORTENED, "2E+12"), (3, LineProblem.SHORTENED, "8.90E+12")]


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


def test_a_card_number_in_a_file_is_not_stored(app: Flask) -> None:
    """D4: the rows that are kept for a download are what somebody typed."""
    page = check("4242 4242 4242 4242,x,,,", "NONE,4242424242424242,,,")
    _, rows = inventory.admin.unapplied_rows(page.imported.id)
    assert "4242" * 2 not in repr([(row.cells, row.line.detail) for row in rows]).replace(" ", "")


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
