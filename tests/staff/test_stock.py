"""Stock in the staff area: the editable list and receiving by scanner, with and without JavaScript."""

from __future__ import annotations

import csv
import io

import pytest

from storefront.accounts.values import Role
from storefront.catalog import inventory, products
from storefront.catalog.values import Hold, ProductCard
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.products import KEEPER, change, coded, make_draft, new_key, record_of, variants
from tests.factories.stock import ledger_of, row_of, sell
from tests.page_client import Page, Pages

pytestmark = pytest.mark.both_engines

URL = "/staff/stock"


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    """The pages as stock staff."""
    pages.sign_in(make_staff(Role.STOCK_STAFF, email="clerk@example.com"))
    return pages


def open_row(staff_pages: Pages, *products: ProductCard) -> Page:
    """Open the stock list with these rows, found by the common prefix of test SKUs."""
    return staff_pages.get(f"{URL}?q={products[0].sku if len(products) == 1 else 'TEST-'}&sort=sku")


def typed(product: ProductCard, change: str = "", level: str = "") -> dict[str, str]:
    row = row_of(product.sku)
    return {f"change-{row.id}": change, **({f"level-{row.id}": level} if level else {})}


def cells(page: Page, product: ProductCard) -> list[str]:
    row = page.one(f"#row-{row_of(product.sku).id}")
    return [" ".join(cell.get_text(" ").split()) for cell in row.select("th, td")]


def test_a_row_shows_the_figures_of_a_sku(staff_pages: Pages) -> None:
    mug = make_product(name="Clay Mug", stock=12)
    sell(mug.sku, 3)
    page = open_row(staff_pages, mug)
    assert cells(page, mug) == [mug.sku, "Clay Mug", "In stock", "9", "0", "9", "", "", "3", "90"]
    assert page.one(f"#level-{row_of(mug.sku).id}")["value"] == "5"
    ledger = page.one(f"#row-{row_of(mug.sku).id} .admin-row__ledger")
    assert "Sale" in staff_pages.get(str(ledger["href"])).words


def test_one_submit_changes_several_rows(staff_pages: Pages) -> None:
    mug, jar, tin = make_product(stock=10), make_product(stock=10), make_product(stock=10)
    fields = {**typed(mug, "+5"), **typed(jar, "-2"), **typed(tin, "=12", level="4")}
    page = staff_pages.submit(open_row(staff_pages, mug, jar, tin), "#stock-form", reason="found", **fields)
    assert [row_of(product.sku).on_hand for product in (mug, jar, tin)] == [15, 8, 12]
    assert row_of(tin.sku).reorder_level == 4
    assert page.one("#notices").get_text().strip() == "3 rows changed"
    (found,) = ledger_of(mug.sku)
    assert (found.reason, found.actor) == ("found", "clerk@example.com")
    done = " ".join(page.one("#done").get_text(" ").split())
    for words in (f"{mug.sku} +5, 10 → 15 Found", f"{jar.sku} −2, 10 → 8", f"{tin.sku} +2, 10 → 12 Counted", "5 → 4"):
        assert words in done


def test_changing_with_htmx_answers_the_list_and_announces_it(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    fragment = staff_pages.submit(open_row(staff_pages, mug), "#stock-form", htmx=True, **typed(mug, "+5"))
    assert fragment.one("#announcement").get_text() == "1 row changed"
    assert cells(fragment, mug)[3] == "15"
    assert fragment.one(f"#change-{row_of(mug.sku).id}")["value"] == ""


@pytest.mark.parametrize("htmx", [True, False])
def test_a_count_of_changed_stock_shows_both_figures_and_asks_again(staff_pages: Pages, htmx: bool) -> None:
    mug, jar = make_product(stock=10), make_product(stock=10)
    page = open_row(staff_pages, mug, jar)
    sell(mug.sku, 1)
    fields = {**typed(mug, "=12"), **typed(jar, "+3")}
    refused = staff_pages.submit(page, "#stock-form", htmx=htmx, status=409, **fields)
    assert "Nothing was changed: correct 1 row below." in refused.words
    assert "On hand went 10 → 9 since you counted" in refused.words
    assert (row_of(mug.sku).on_hand, row_of(jar.sku).on_hand) == (9, 10)
    done = staff_pages.submit(refused, "#stock-form", htmx=htmx)  # all that was typed is still there
    assert (row_of(mug.sku).on_hand, row_of(jar.sku).on_hand) == (12, 13)
    assert "2 rows changed" in done.words


def test_removing_more_than_available_is_refused(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    page = open_row(staff_pages, mug)
    inventory.reserve("a-buyer", [Hold(mug.sku, 8)])
    refused = staff_pages.submit(page, "#stock-form", status=409, **typed(mug, "-3"))
    assert "Only 2 available: 8 of 10 are reserved for customers." in refused.words
    assert refused.one(f"#change-{row_of(mug.sku).id}")["value"] == "-3"


def test_a_refused_row_is_shown_even_outside_the_filter(staff_pages: Pages) -> None:
    mug = make_product(stock=4)
    page = staff_pages.get(f"{URL}?show=low&q={mug.sku}")
    sell(mug.sku, 4)
    refused = staff_pages.submit(page, "#stock-form", status=409, **typed(mug, "=3"))
    assert cells(refused, mug)[2] == "Sold out"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("12", "Enter +12 to add, -12 to remove, or =12 for a counted quantity"),
        ("five", "Enter +5 to add, -2 to remove, or =12 for a counted quantity"),
        ("+1.5", "Enter a whole number from 0 to 10,000"),
        ("+1,5", "can mean 15 or 1.5"),
        ("=1.000", "can mean 1,000 or 1"),
        ("+99999", "Enter a whole number from 0 to 10,000"),
        ("=9999999", "Enter a whole number from 0 to 10,00,000"),
        ("<script>", "Enter +5 to add"),
    ],
)
def test_an_invalid_change_is_explained_in_its_row(staff_pages: Pages, change: str, words: str) -> None:
    mug = make_product(stock=10)
    refused = staff_pages.submit(open_row(staff_pages, mug), "#stock-form", status=422, **typed(mug, change))
    assert words in refused.words
    assert refused.one(f"#change-{row_of(mug.sku).id}")["value"] == change
    assert refused.one(f"#change-{row_of(mug.sku).id}")["aria-invalid"] == "true"
    assert ledger_of(mug.sku) == []


def test_an_invalid_level_is_explained(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    refused = staff_pages.submit(open_row(staff_pages, mug), "#stock-form", status=422, **typed(mug, level="many"))
    assert "Low-stock level: Enter a whole number" in refused.words


def test_an_empty_submit_changes_nothing(staff_pages: Pages) -> None:
    refused = staff_pages.submit(open_row(staff_pages, make_product()), "#stock-form", status=422)
    assert "Nothing was changed: no row has a change." in refused.words


def test_a_form_submitted_twice_is_applied_once_and_says_so(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    page = open_row(staff_pages, mug)
    staff_pages.submit(page, "#stock-form", **typed(mug, "+5"))
    again = staff_pages.submit(page, "#stock-form", **typed(mug, "+5"))
    assert "These changes were already saved" in again.words
    assert row_of(mug.sku).on_hand == 15


def test_the_same_form_with_other_values_is_another_submit(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    page = open_row(staff_pages, mug)
    staff_pages.submit(page, "#stock-form", **typed(mug, "+5"))
    staff_pages.submit(page, "#stock-form", **typed(mug, "+4"))
    assert row_of(mug.sku).on_hand == 19


def test_a_saved_change_is_undone_in_the_list(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    page = staff_pages.submit(open_row(staff_pages, mug), "#stock-form", **typed(mug, "+5"))
    back = staff_pages.submit(page, "#done form")
    assert "Movement undone" in back.words
    assert "undone" in back.one("#done").get_text()
    assert not back.all("#done form")
    assert cells(back, mug)[3] == "10"


def test_stock_sold_meanwhile_cannot_be_undone(staff_pages: Pages) -> None:
    mug = make_product(stock=0)
    page = staff_pages.submit(open_row(staff_pages, mug), "#stock-form", **typed(mug, "+5"))
    sell(mug.sku, 4)
    back = staff_pages.submit(page, "#done form")
    assert f"only 1 of {mug.sku} are available now" in back.words


def test_an_undo_redirects_within_the_shop_only(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    page = staff_pages.submit(open_row(staff_pages, mug), "#stock-form", **typed(mug, "+5"))
    assert staff_pages.submit(page, "#done form", back="//evil.example/").url == "/staff/stock/movements"


def test_filters_are_links_with_counts(staff_pages: Pages) -> None:
    out = make_product(stock=0)
    page = staff_pages.get(URL)
    chips = [chip.get_text(" ").split()[0] for chip in page.all(".admin-chip")]
    assert chips == ["All", "Low", "Sold", "Reserved", "Inactive"]
    shown = staff_pages.get(str(page.one("#show-out")["href"]))
    assert out.sku in shown.words
    assert shown.one("#show-out")["aria-current"] == "true"


def test_pages_have_links_in_both_directions(staff_pages: Pages) -> None:
    first = staff_pages.get(f"{URL}?sort=name")
    second = staff_pages.get(str(first.one("#stock-next")["href"]))
    assert first.all(".admin-row")
    back = staff_pages.get(str(second.one("#stock-previous")["href"]))
    assert [row["id"] for row in back.all(".admin-row")] == [row["id"] for row in first.all(".admin-row")]
    assert not {row["id"] for row in second.all(".admin-row")} & {row["id"] for row in first.all(".admin-row")}


@pytest.mark.parametrize(
    "query", ["show=nonsense", "sort=x&at=%00", "q=%00%01", "at=W10", "done=nothing", f"q={'x' * 500}"]
)
def test_unknown_filter_values_show_the_list(staff_pages: Pages, query: str) -> None:
    assert staff_pages.get(f"{URL}?{query}").one("h1").get_text() == "Stock"


def test_the_restock_list_says_how_many_to_order(staff_pages: Pages) -> None:
    mug = make_product(name="Clay Mug", stock=9)
    sell(mug.sku, 6)
    words = staff_pages.get("/staff/stock/restock").words
    assert f"{mug.sku} Clay Mug Low 3 5 6 15 8" in words


def test_the_export_is_a_csv_that_spreadsheets_open_safely(staff_pages: Pages) -> None:
    mug = make_product(name='=HYPERLINK("http://evil.example")', stock=9)
    response = staff_pages.client.get("/staff/stock.csv")
    assert response.mimetype == "text/csv"
    assert "attachment; filename=stock-2026-11-22.csv" in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"))))
    (row,) = [row for row in rows if row["sku"] == mug.sku]
    assert row["name"] == '\'=HYPERLINK("http://evil.example")'
    assert (row["on_hand"], row["level"], row["count"], row["low_stock_level"]) == ("9", "5", "", "")


# ------------------------------------------------------------------------------------------ scanning


def scan(staff_pages: Pages, code: str, quantity: str = "", *, htmx: bool = False, status: int = 200) -> Page:
    asked = staff_pages.submit(staff_pages.get("/staff/stock/scan"), "#scan-code", htmx=htmx, code=code)
    return staff_pages.submit(asked, "#scan-quantity", htmx=htmx, status=status, quantity=quantity)


@pytest.mark.parametrize("htmx", [True, False])
def test_a_code_and_a_quantity_receive_stock(staff_pages: Pages, htmx: bool) -> None:
    mug = make_product(name="Clay Mug", stock=0)
    page = scan(staff_pages, mug.sku.lower(), "20", htmx=htmx)
    (received,) = ledger_of(mug.sku)
    assert (received.delta, received.reason, received.actor) == (20, "received", "clerk@example.com")
    assert "20 of Clay Mug received" in page.words
    assert page.one("#code").has_attr("autofocus")
    assert f"+20 {mug.sku} Clay Mug 20 on hand" in page.words


def test_an_empty_quantity_receives_nothing(staff_pages: Pages) -> None:
    """D1: blank is not 1."""
    mug = make_product(stock=3)
    page = scan(staff_pages, mug.sku, status=422)
    assert f"Enter the quantity of {mug.sku}, or scan it again to count." in page.words
    assert row_of(mug.sku).on_hand == 3


@pytest.mark.parametrize("htmx", [True, False])
def test_the_same_code_again_counts_one_more(staff_pages: Pages, htmx: bool) -> None:
    """D1: a repeat adds one."""
    mug = make_product(stock=0)
    page = staff_pages.submit(staff_pages.get("/staff/stock/scan"), "#scan-code", htmx=htmx, code=mug.sku)
    for scans in (2, 3):
        page = staff_pages.submit(page, "#scan-quantity", htmx=htmx, quantity=mug.sku.lower())
        assert f"Scanned {scans} times" in page.words
    assert row_of(mug.sku).on_hand == 0
    staff_pages.submit(page, "#scan-quantity", htmx=htmx, quantity="")
    assert row_of(mug.sku).on_hand == 3


@pytest.mark.parametrize("htmx", [True, False])
def test_a_code_in_the_quantity_opens_the_next_line(staff_pages: Pages, htmx: bool) -> None:
    """D1: an SKU such as 123, or a barcode, was received as a number of units, or refused."""
    mug, jar = make_product(stock=0), make_product(stock=0)
    products.admin.create_product("123", make_draft("123", stock=0), is_published=True, key=new_key(), actor=KEEPER)
    change(jar.id, variants=variants(record_of(jar.id), only=coded("12345670")))
    page = staff_pages.submit(staff_pages.get("/staff/stock/scan"), "#scan-code", htmx=htmx, code=mug.sku)
    page = staff_pages.submit(page, "#scan-quantity", htmx=htmx, quantity="123")
    assert page.one("#scan-quantity [name=code]")["value"] == "123"
    assert f"{mug.sku} has no quantity yet" in page.words
    page = staff_pages.submit(page, "#scan-quantity", htmx=htmx, quantity="123")  # the same once more
    page = staff_pages.submit(page, "#scan-quantity", htmx=htmx, quantity="12345670")
    assert page.one("#scan-quantity [name=code]")["value"] == jar.sku
    page = staff_pages.submit(page, "#scan-quantity", htmx=htmx, quantity="+123")  # a plus sign makes it a count
    assert [row_of(sku).on_hand for sku in (mug.sku, "123", jar.sku)] == [0, 2, 123]
    (waiting,) = page.all(".scan__waiting a")
    again = staff_pages.get(str(waiting["href"]))
    assert again.one("#scan-quantity [name=code]")["value"] == mug.sku
    assert not staff_pages.submit(again, "#scan-quantity", htmx=htmx, quantity="4").all(".scan__waiting")
    assert row_of(mug.sku).on_hand == 4


@pytest.mark.parametrize("scanned", ["012345678905", "0012345678905", "00012345678905"])
def test_a_barcode_is_scanned_in_every_spelling(staff_pages: Pages, scanned: str) -> None:
    """D5: a UPC-A is an EAN-13 with a 0 before it, and scanners send either."""
    mug, jar = make_product(stock=0), make_product(stock=0)
    change(mug.id, variants=variants(record_of(mug.id), only=coded("012345678905")))
    page = staff_pages.submit(staff_pages.get("/staff/stock/scan"), "#scan-code", code=jar.sku)
    page = staff_pages.submit(page, "#scan-quantity", quantity=scanned)
    assert page.one("#scan-quantity [name=code]")["value"] == mug.sku
    assert mug.sku in staff_pages.get(f"{URL}?q={scanned}").words
    assert mug.sku in staff_pages.get(f"/staff/stock/movements?sku={scanned}").words


@pytest.mark.parametrize("query", ["scans=x", "scans=99999999999", "scans=-1", "scans=%D9%A3", "waiting=NONE&waiting="])
def test_a_receipt_in_the_url_may_be_nonsense(staff_pages: Pages, query: str) -> None:
    mug = make_product(stock=0)
    page = staff_pages.get(f"/staff/stock/scan?code={mug.sku}&{query}")
    assert page.one("#scan-quantity [name=code]")["value"] == mug.sku


def test_the_quantity_has_the_focus_once_the_code_is_known(staff_pages: Pages) -> None:
    mug = make_product(stock=3)
    page = staff_pages.submit(staff_pages.get("/staff/stock/scan"), "#scan-code", code=mug.sku)
    assert page.one("#quantity").has_attr("autofocus")
    assert "3 on hand" in page.words


def test_an_unknown_code_is_reported(staff_pages: Pages) -> None:
    page = staff_pages.submit(staff_pages.get("/staff/stock/scan"), "#scan-code", code="4006381333931", status=404)
    assert "No SKU or barcode matches 4006381333931" in page.words
    assert page.one("#code").has_attr("autofocus")


@pytest.mark.parametrize("quantity", ["0", "-3", "4006381333931", "99999", "x", "1.5", "1.000", "++3"])
def test_an_invalid_quantity_receives_nothing(staff_pages: Pages, quantity: str) -> None:
    mug = make_product(stock=3)
    page = scan(staff_pages, mug.sku, quantity, status=422)
    assert "Enter a whole number from 1 to 10,000. Nothing was received" in page.words
    assert page.one("#quantity")["value"] == quantity
    assert row_of(mug.sku).on_hand == 3


def test_a_scan_submitted_twice_is_received_once(staff_pages: Pages) -> None:
    mug = make_product(stock=0)
    asked = staff_pages.submit(staff_pages.get("/staff/stock/scan"), "#scan-code", code=mug.sku)
    for _ in range(2):
        staff_pages.submit(asked, "#scan-quantity", quantity="5")
    assert row_of(mug.sku).on_hand == 5


def test_a_scan_is_undone_in_the_recent_scans(staff_pages: Pages) -> None:
    mug = make_product(stock=0)
    page = staff_pages.submit(scan(staff_pages, mug.sku, "5"), ".scan__row form")
    assert page.url == "/staff/stock/scan"
    assert "undone" in page.one(".scan__row").get_text()
    assert row_of(mug.sku).on_hand == 0
