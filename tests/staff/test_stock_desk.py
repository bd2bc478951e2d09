"""The stock desk's page: found, changed in the row with and without JavaScript, refused with all that was typed."""

from __future__ import annotations

import csv
import io

import pytest

from storefront.accounts.values import Role
from storefront.catalog import inventory
from storefront.catalog.values import Hold, ProductCard
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.stock import ledger_of, row_of, sell
from tests.page_client import Page, Pages

pytestmark = pytest.mark.both_engines

DESK = "/staff/stock"


@pytest.fixture
def desk(pages: Pages) -> Pages:
    """The pages of a clerk."""
    pages.sign_in(make_staff(Role.STOCK_STAFF, email="clerk@example.com"))
    return pages


def open_row(desk: Pages, *products: ProductCard) -> Page:
    """The desk with at least these rows: what tests make is found by its SKU's beginning."""
    return desk.get(f"{DESK}?q={products[0].sku if len(products) == 1 else 'TEST-'}&sort=sku")


def typed(product: ProductCard, change: str = "", level: str = "") -> dict[str, str]:
    row = row_of(product.sku)
    return {f"change-{row.id}": change, **({f"level-{row.id}": level} if level else {})}


def cells(page: Page, product: ProductCard) -> list[str]:
    row = page.one(f"#row-{row_of(product.sku).id}")
    return [" ".join(cell.get_text(" ").split()) for cell in row.select("th, td")]


def test_a_row_shows_all_figures_of_a_sku(desk: Pages) -> None:
    mug = make_product(name="Clay Mug", stock=12)
    sell(mug.sku, 3)
    page = open_row(desk, mug)
    assert cells(page, mug) == [mug.sku, "Clay Mug", "In stock", "9", "0", "9", "", "", "3", "90"]
    assert page.one(f"#level-{row_of(mug.sku).id}")["value"] == "5"
    ledger = page.one(f"#row-{row_of(mug.sku).id} .admin-row__ledger")
    assert "Sale" in desk.get(str(ledger["href"])).words


def test_changes_of_many_rows_are_made_by_one_submit(desk: Pages) -> None:
    mug, jar, tin = make_product(stock=10), make_product(stock=10), make_product(stock=10)
    fields = {**typed(mug, "+5"), **typed(jar, "-2"), **typed(tin, "=12", level="4")}
    page = desk.submit(open_row(desk, mug, jar, tin), "#desk-form", reason="found", **fields)
    assert [row_of(product.sku).on_hand for product in (mug, jar, tin)] == [15, 8, 12]
    assert row_of(tin.sku).reorder_level == 4
    assert page.one("#notices").get_text().strip() == "3 rows changed"
    (found,) = ledger_of(mug.sku)
    assert (found.reason, found.actor) == ("found", "clerk@example.com")
    done = " ".join(page.one("#done").get_text(" ").split())
    for words in (f"{mug.sku} +5, 10 → 15 Found", f"{jar.sku} −2, 10 → 8", f"{tin.sku} +2, 10 → 12 Counted", "5 → 4"):
        assert words in done


def test_changing_with_htmx_answers_the_desk_and_says_so(desk: Pages) -> None:
    mug = make_product(stock=10)
    fragment = desk.submit(open_row(desk, mug), "#desk-form", htmx=True, **typed(mug, "+5"))
    assert fragment.one("#announcement").get_text() == "1 row changed"
    assert cells(fragment, mug)[3] == "15"
    assert fragment.one(f"#change-{row_of(mug.sku).id}")["value"] == ""


@pytest.mark.parametrize("htmx", [True, False])
def test_a_count_of_a_figure_that_changed_shows_old_and_new_and_asks_again(desk: Pages, htmx: bool) -> None:
    mug, jar = make_product(stock=10), make_product(stock=10)
    page = open_row(desk, mug, jar)
    sell(mug.sku, 1)
    fields = {**typed(mug, "=12"), **typed(jar, "+3")}
    refused = desk.submit(page, "#desk-form", htmx=htmx, status=409, **fields)
    assert "Nothing was changed: 1 row below must be looked at first." in refused.words
    assert "On hand went 10 → 9 since you counted" in refused.words
    assert (row_of(mug.sku).on_hand, row_of(jar.sku).on_hand) == (9, 10)
    done = desk.submit(refused, "#desk-form", htmx=htmx)  # all that was typed is still there
    assert (row_of(mug.sku).on_hand, row_of(jar.sku).on_hand) == (12, 13)
    assert "2 rows changed" in done.words


def test_more_than_is_available_is_refused_with_what_there_is(desk: Pages) -> None:
    mug = make_product(stock=10)
    page = open_row(desk, mug)
    inventory.reserve("a-buyer", [Hold(mug.sku, 8)])
    refused = desk.submit(page, "#desk-form", status=409, **typed(mug, "-3"))
    assert "Only 2 available: 8 of 10 are promised to customers." in refused.words
    assert refused.one(f"#change-{row_of(mug.sku).id}")["value"] == "-3"


def test_a_row_that_left_the_filter_meanwhile_is_shown_all_the_same(desk: Pages) -> None:
    mug = make_product(stock=4)
    page = desk.get(f"{DESK}?show=low&q={mug.sku}")
    sell(mug.sku, 4)
    refused = desk.submit(page, "#desk-form", status=409, **typed(mug, "=3"))
    assert cells(refused, mug)[2] == "Sold out"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("12", "Write +12 to add, -12 to take off, or =12 for what you counted"),
        ("five", "Write +5 to add, -2 to take off, or =12 for what you counted"),
        ("+1.5", "Write +5 to add"),
        ("+99999", "99,999 is more than any shelf holds"),
        ("=9999999", "9,999,999 is more than any shelf holds"),
        ("<script>", "Write +5 to add"),
    ],
)
def test_what_is_no_change_is_explained_in_its_row(desk: Pages, change: str, words: str) -> None:
    mug = make_product(stock=10)
    refused = desk.submit(open_row(desk, mug), "#desk-form", status=422, **typed(mug, change))
    assert words in refused.words
    assert refused.one(f"#change-{row_of(mug.sku).id}")["value"] == change
    assert refused.one(f"#change-{row_of(mug.sku).id}")["aria-invalid"] == "true"
    assert ledger_of(mug.sku) == []


def test_a_level_that_is_no_number_is_explained(desk: Pages) -> None:
    mug = make_product(stock=10)
    refused = desk.submit(open_row(desk, mug), "#desk-form", status=422, **typed(mug, level="many"))
    assert "A low-stock level is a whole number" in refused.words


def test_nothing_typed_is_nothing_changed(desk: Pages) -> None:
    refused = desk.submit(open_row(desk, make_product()), "#desk-form", status=422)
    assert "Nothing was typed, so nothing was changed." in refused.words


def test_a_form_sent_twice_is_done_once_and_says_so(desk: Pages) -> None:
    mug = make_product(stock=10)
    page = open_row(desk, mug)
    desk.submit(page, "#desk-form", **typed(mug, "+5"))
    again = desk.submit(page, "#desk-form", **typed(mug, "+5"))
    assert "These changes were made already" in again.words
    assert row_of(mug.sku).on_hand == 15


def test_a_page_gone_back_to_and_filled_in_otherwise_is_another_submit(desk: Pages) -> None:
    mug = make_product(stock=10)
    page = open_row(desk, mug)
    desk.submit(page, "#desk-form", **typed(mug, "+5"))
    desk.submit(page, "#desk-form", **typed(mug, "+4"))
    assert row_of(mug.sku).on_hand == 19


def test_what_was_just_changed_is_taken_back_where_it_was_done(desk: Pages) -> None:
    mug = make_product(stock=10)
    page = desk.submit(open_row(desk, mug), "#desk-form", **typed(mug, "+5"))
    back = desk.submit(page, "#done form")
    assert "Taken back by a movement of its own" in back.words
    assert "taken back" in back.one("#done").get_text()
    assert not back.all("#done form")
    assert cells(back, mug)[3] == "10"


def test_what_was_sold_meanwhile_cannot_be_taken_back(desk: Pages) -> None:
    mug = make_product(stock=0)
    page = desk.submit(open_row(desk, mug), "#desk-form", **typed(mug, "+5"))
    sell(mug.sku, 4)
    back = desk.submit(page, "#done form")
    assert f"only 1 of {mug.sku} are available, the rest went out meanwhile" in back.words


def test_a_reversal_leads_to_pages_of_the_shop_only(desk: Pages) -> None:
    mug = make_product(stock=10)
    page = desk.submit(open_row(desk, mug), "#desk-form", **typed(mug, "+5"))
    assert desk.submit(page, "#done form", back="//evil.example/").url == "/staff/stock/movements"


def test_filters_are_links_with_counts(desk: Pages) -> None:
    out = make_product(stock=0)
    page = desk.get(DESK)
    chips = [chip.get_text(" ").split()[0] for chip in page.all(".admin-chip")]
    assert chips == ["All", "Low", "Sold", "Reserved", "Off"]
    shown = desk.get(str(page.one("#show-out")["href"]))
    assert out.sku in shown.words
    assert shown.one("#show-out")["aria-current"] == "true"


def test_pages_are_links_forth_and_back(desk: Pages) -> None:
    first = desk.get(f"{DESK}?sort=name")
    second = desk.get(str(first.one("#desk-next")["href"]))
    assert first.all(".admin-row")
    back = desk.get(str(second.one("#desk-previous")["href"]))
    assert [row["id"] for row in back.all(".admin-row")] == [row["id"] for row in first.all(".admin-row")]
    assert not {row["id"] for row in second.all(".admin-row")} & {row["id"] for row in first.all(".admin-row")}


@pytest.mark.parametrize(
    "query", ["show=nonsense", "sort=x&at=%00", "q=%00%01", "at=W10", "done=nothing", f"q={'x' * 500}"]
)
def test_an_address_that_is_none_of_ours_shows_the_desk(desk: Pages, query: str) -> None:
    assert desk.get(f"{DESK}?{query}").one("h1").get_text() == "Stock desk"


def test_the_restock_list_says_how_many_to_order(desk: Pages) -> None:
    mug = make_product(name="Clay Mug", stock=9)
    sell(mug.sku, 6)
    words = desk.get("/staff/stock/restock").words
    assert f"{mug.sku} Clay Mug Low 3 5 6 15 8" in words


def test_the_export_is_a_csv_that_spreadsheets_open_safely(desk: Pages) -> None:
    mug = make_product(name='=HYPERLINK("http://evil.example")', stock=9)
    response = desk.client.get("/staff/stock.csv")
    assert response.mimetype == "text/csv"
    assert "attachment; filename=stock-2026-11-22.csv" in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"))))
    (row,) = [row for row in rows if row["sku"] == mug.sku]
    assert row["name"] == '\'=HYPERLINK("http://evil.example")'
    assert (row["on_hand"], row["level"], row["count"], row["low_stock_level"]) == ("9", "5", "", "")


# ------------------------------------------------------------------------------------------ scanning


def scan(desk: Pages, code: str, quantity: str = "", *, htmx: bool = False, status: int = 200) -> Page:
    asked = desk.submit(desk.get("/staff/stock/scan"), "#scan-code", htmx=htmx, code=code)
    return desk.submit(asked, "#scan-quantity", htmx=htmx, status=status, quantity=quantity)


@pytest.mark.parametrize("htmx", [True, False])
def test_a_code_and_a_quantity_are_a_received_movement(desk: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", stock=0)
    page = scan(desk, mug.sku.lower(), "20", htmx=htmx)
    (received,) = ledger_of(mug.sku)
    assert (received.delta, received.reason, received.actor) == (20, "received", "clerk@example.com")
    assert "20 of Clay Mug received" in page.words
    assert page.one("#code").has_attr("autofocus")
    assert f"+20 {mug.sku} Clay Mug 20 on hand" in page.words


def test_enter_alone_takes_one_in(desk: Pages) -> None:
    mug = make_product(stock=3)
    scan(desk, mug.sku)
    assert row_of(mug.sku).on_hand == 4


def test_the_quantity_has_the_focus_once_the_code_is_known(desk: Pages) -> None:
    mug = make_product(stock=3)
    page = desk.submit(desk.get("/staff/stock/scan"), "#scan-code", code=mug.sku)
    assert page.one("#quantity").has_attr("autofocus")
    assert "3 on hand" in page.words


def test_an_unknown_code_is_said_and_asked_again(desk: Pages) -> None:
    page = desk.submit(desk.get("/staff/stock/scan"), "#scan-code", code="4006381333931", status=404)
    assert "Nothing has the SKU or barcode 4006381333931" in page.words
    assert page.one("#code").has_attr("autofocus")


@pytest.mark.parametrize("quantity", ["0", "-3", "4006381333931", "99999", "x", "1.5"])
def test_a_quantity_that_is_none_receives_nothing(desk: Pages, quantity: str) -> None:
    mug = make_product(stock=3)
    page = scan(desk, mug.sku, quantity, status=422)
    assert "A quantity is a whole number from 1 to 10,000; nothing was received" in page.words
    assert page.one("#quantity")["value"] == quantity
    assert row_of(mug.sku).on_hand == 3


def test_a_scan_sent_twice_is_received_once(desk: Pages) -> None:
    mug = make_product(stock=0)
    asked = desk.submit(desk.get("/staff/stock/scan"), "#scan-code", code=mug.sku)
    for _ in range(2):
        desk.submit(asked, "#scan-quantity", quantity="5")
    assert row_of(mug.sku).on_hand == 5


def test_a_scan_is_taken_back_in_the_list_of_the_last_ones(desk: Pages) -> None:
    mug = make_product(stock=0)
    page = desk.submit(scan(desk, mug.sku, "5"), ".scan__row form")
    assert page.url == "/staff/stock/scan"
    assert "taken back" in page.one(".scan__row").get_text()
    assert row_of(mug.sku).on_hand == 0
