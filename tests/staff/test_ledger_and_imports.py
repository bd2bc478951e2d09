"""Stock ledger and imports: their pages, and the worker's part."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storefront.accounts.values import Role
from storefront.catalog.inventory.admin import Reason
from storefront.catalog.values import ProductCard
from storefront.worker import stock_handlers, tasks
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.stock import adjust, change_of, ledger_of, row_of, sell
from tests.fakes import Clock, MemoryPost
from tests.page_client import SAME_ORIGIN, Page, Pages

pytestmark = pytest.mark.both_engines


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.STOCK_STAFF, email="clerk@example.com"))
    return pages


def upload(staff_pages: Pages, content: bytes, *, status: int = 303, name: str = "stock.csv") -> str:
    """Upload a file.

    :return: where it leads, or the words of the refusal
    """
    token = staff_pages.get("/staff/stock/imports").one("#upload input[name=csrf_token]")["value"]
    data = {"csrf_token": token, "file": (io.BytesIO(content), name)}
    response = staff_pages.client.post("/staff/stock/imports", data=data, headers=SAME_ORIGIN)
    assert response.status_code == status
    return response.headers.get("Location") or response.get_data(as_text=True)


def sheet(*lines: str) -> bytes:
    return "\n".join(["sku,count,delta,reason,low_stock_level", *lines, ""]).encode()


def changed(page: Page, product: ProductCard) -> bool:
    return product.sku in page.words


# ---------------------------------------------------------------------------------------------- ledger


def test_the_ledger_shows_who_moved_what_and_why(staff_pages: Pages) -> None:
    mug = make_product(name="Clay Mug", stock=10)
    adjust(change_of(mug.sku, delta=-2), reason=Reason.DAMAGED, actor="asha@example.com")
    page = staff_pages.get(f"/staff/stock/movements?sku={mug.sku}")
    row = " ".join(page.all(".admin-row")[0].get_text(" ").split())
    assert f"{mug.sku} Clay Mug −2 8 Damaged asha@example.com" in row
    assert "8 on hand" in page.words


def test_the_ledger_is_filtered_by_links_and_fields(staff_pages: Pages) -> None:
    mug, jar = make_product(stock=10), make_product(stock=10)
    adjust(change_of(mug.sku, delta=1), actor="asha@example.com")
    adjust(change_of(jar.sku, delta=1), actor="ravi@example.com")
    page = staff_pages.submit(staff_pages.get("/staff/stock/movements"), "#ledger-filter", who="asha@example.com")
    assert changed(page, mug)
    assert not changed(page, jar)
    assert "No movements found." in staff_pages.get("/staff/stock/movements?until=2020-01-01").words
    assert "No SKU or barcode matches NONE" in staff_pages.get("/staff/stock/movements?sku=NONE").words


def test_the_ledger_as_a_file_has_the_same_rows(staff_pages: Pages) -> None:
    mug = make_product(name="=1+1", stock=10)
    sell(mug.sku, 3)
    response = staff_pages.client.get(f"/staff/stock/movements.csv?sku={mug.sku}")
    rows = list(csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"))))
    assert [(row["name"], row["change"], row["balance"]) for row in rows] == [
        ("'=1+1", "-3", "7"),
        ("'=1+1", "10", "10"),
    ]


# --------------------------------------------------------------------------------------------- imports


def test_a_file_is_checked_then_applied_by_the_worker(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    page = staff_pages.get(upload(staff_pages, sheet(f"{mug.sku},12,,,")))
    assert "1 line of 1 will change stock" in page.words
    assert row_of(mug.sku).on_hand == 10
    waiting = staff_pages.submit(page, "#apply")
    assert "Waiting for the worker" in waiting.words
    assert waiting.one("#import")["hx-trigger"] == "every 1s"
    stock_handlers.apply_imports()
    done = staff_pages.get(waiting.url)
    assert "1 line applied" in done.words
    assert row_of(mug.sku).on_hand == 12
    assert ledger_of(mug.sku)[0].actor == "clerk@example.com"


def test_a_problem_is_reported_with_its_line_and_a_fixed_file_is_applied(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    page = staff_pages.get(upload(staff_pages, sheet(f"{mug.sku},12,,,", "NONE,1,,,")))
    assert "3 NONE Unknown SKU." in page.words
    assert "1 line of 2 cannot be applied. Nothing has changed yet." in page.words
    assert staff_pages.get(upload(staff_pages, sheet(f"{mug.sku},12,,,"))).one("#apply").button.get_text() == (
        "Apply 1 change"
    )
    assert not staff_pages.get(upload(staff_pages, sheet("NONE,1,,,"))).all("#apply")


def test_the_good_lines_are_applied_and_the_others_downloaded(staff_pages: Pages) -> None:
    """D4: one unknown SKU blocked a file, and its line had to be looked for by hand."""
    mug = make_product(name="Clay Mug", stock=10)
    content = sheet(f"{mug.sku},,5,,", "=NONE,,-7,,", '"00123",1.000,,,', "SHORT,1")
    page = staff_pages.get(upload(staff_pages, content))
    assert f"2 {mug.sku} Clay Mug 10 → 15" in page.words
    staff_pages.submit(page, "#apply")
    stock_handlers.apply_imports()
    done = staff_pages.get(page.url)
    assert "3 lines were not applied" in done.words
    response = staff_pages.client.get(str(done.one("a[href$='problems.csv']")["href"]))
    assert response.headers["Content-Disposition"] == "attachment; filename=not-imported-2026-11-22.csv"
    heading, *rows = csv.reader(io.StringIO(response.get_data().decode("utf-8-sig")))
    assert heading == ["sku", "count", "delta", "reason", "low_stock_level", "line", "problem"]
    assert rows == [
        ["'=NONE", "", "-7", "", "", "3", "Unknown SKU."],
        ["00123", "1.000", "", "", "", "4", rows[1][6]],
        ["SHORT", "1", "", "", "", "5", rows[2][6]],
    ]
    assert rows[1][6] == "“1.000” can mean 1000 or 1. Write one of them, without thousands separators."
    again = staff_pages.get(upload(staff_pages, response.get_data().replace(b"1.000", b"1")))
    assert again.words.count("Unknown SKU.") == 3  # the columns line and problem are known, and the zeros are kept


@pytest.mark.parametrize("htmx", [True, False])
def test_the_same_delivery_again_is_asked_about(staff_pages: Pages, htmx: bool) -> None:
    """D4: next week's delivery of the same goods was "as the file says"."""
    mug = make_product(stock=10)
    for expected in (15, 20):
        page = staff_pages.get(upload(staff_pages, sheet(f"{mug.sku},,5,received,"), status=303))
        if expected == 20:
            assert "were imported 22 Nov 2026, 17:30 by clerk@example.com as stock.csv" in page.words
            asked = staff_pages.submit(page, "#apply", htmx=htmx, status=422)
            assert "Nothing was applied: tick the box" in asked.one("[role=alert]").get_text()
            staff_pages.submit(asked, "#apply", is_repeat="yes")
        else:
            staff_pages.submit(page, "#apply")
        stock_handlers.apply_imports()
        assert row_of(mug.sku).on_hand == expected


CASES = Path(__file__).parent / "stock_files"  # of real merchants, with SKUs of the demo shop
# The file, the number of its lines that change something, and what is said of a line.
MERCHANT_FILES = [
    ("blank-first-line", 1, "3 SKU-AAV-SUNHAT"),
    ("sep-line", 1, "3 SKU-AAV-SUNHAT"),
    ("keyed-by-barcode", 1, "2 SKU-"),
    ("quote-never-closed", 3, '3 SKU-AAV-SUNHAT A quote (") on this line is not closed.'),
    ("short-row", 1, "2 SKU-AAV-SUNHAT The row ends after 2 of 3 cells"),
    ("thousands-with-dots", 0, "3 SKU-APL-IP15PM “12.000” can mean 12000 or 12."),
    ("scientific-sku", 0, "2 2E+12 A spreadsheet has shortened this code to “2E+12”."),
    ("same-delivery-twice", 1, "2 SKU-AAV-SUNHAT"),
]


@pytest.mark.parametrize(("name", "lines", "words"), MERCHANT_FILES)
def test_files_of_merchants_are_read_line_by_line(staff_pages: Pages, name: str, lines: int, words: str) -> None:
    """D2, D3, D4, D5: each is a file that the shop took wrongly, or refused without saying why."""
    page = staff_pages.get(upload(staff_pages, (CASES / f"{name}.csv").read_bytes()))
    assert words in page.words
    assert len(page.all("section[aria-labelledby=change-lines] tbody tr")) == lines


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"PK\x03\x04", 415, "an Excel workbook"),
        (b"sku,count\nK\xe4se,1\n", 422, "Line 2 is not valid UTF-8"),
        (b"item,count\nA,1\n", 422, "There is no column named sku or barcode"),
        (b"sku,,count\nA,,1\nB,new,1\n", 422, "Column B has no name, but text on line 3"),
        (b"sku,qty\nA,1\n", 422, "Unknown columns: qty"),
        (b"", 422, "The file is empty"),
    ],
)
def test_other_kinds_of_files_are_refused_by_name(staff_pages: Pages, content: bytes, status: int, words: str) -> None:
    assert words in upload(staff_pages, content, status=status)


def test_a_file_larger_than_the_general_limit_is_accepted(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    filler = [f"NONE-{number},,{'x' * 300}" for number in range(5000)]
    content = "\n".join(["sku,count,name", f"{mug.sku},12,", *filler]).encode()
    assert len(content) > staff_pages.app.config["MAX_CONTENT_LENGTH"]
    assert upload(staff_pages, content).startswith("/staff/stock/imports/")


# ---------------------------------------------------------------------------------------------- letters


def test_stock_staff_get_an_email_about_low_stock(staff_pages: Pages, post: MemoryPost) -> None:
    mug = make_product(name="Clay Mug", stock=6)
    sell(mug.sku, 2)
    with staff_pages.app.test_request_context(base_url="http://localhost"):
        tasks.deliver_outboxes()
    (letter,) = [letter for letter in post.letters if "running low" in letter.subject]
    assert (letter.to, letter.subject) == (staff_pages.app.config["STAFF_MAIL"], "Clay Mug is running low")
    assert "4 left, low at 5" in letter.text


def test_stock_that_recovered_sends_no_email(staff_pages: Pages, post: MemoryPost) -> None:
    mug = make_product(stock=6)
    sell(mug.sku, 2)
    adjust(change_of(mug.sku, delta=20))
    with staff_pages.app.test_request_context(base_url="http://localhost"):
        tasks.deliver_outboxes()
    assert not [letter for letter in post.letters if "running low" in letter.subject]


def test_a_worker_that_was_down_at_seven_sends_the_digest_later(
    staff_pages: Pages, post: MemoryPost, now: Clock
) -> None:
    make_product(name="Clay Mug", stock=0)
    now.advance(hours=18)  # 11:30 in the shop's zone, on the day after
    with staff_pages.app.test_request_context(base_url="http://localhost"):
        stock_handlers.send_daily_digest()
        tasks.deliver_outboxes()
    assert len([letter for letter in post.letters if letter.subject.startswith("To restock")]) == 1


def test_a_csv_file_is_named_by_the_day_in_the_shops_time_zone(staff_pages: Pages, now: Clock) -> None:
    now.advance(hours=8)  # 20:00 in UTC, 01:30 in the shop's zone
    response = staff_pages.client.get("/staff/stock.csv")
    assert response.headers["Content-Disposition"] == "attachment; filename=stock-2026-11-23.csv"


def test_the_digest_is_sent_once_in_the_morning(staff_pages: Pages, post: MemoryPost, now: Clock) -> None:
    make_product(name="Clay Mug", stock=0)
    with staff_pages.app.test_request_context(base_url="http://localhost"):
        for hours in (0, 8, 1):  # 17:30 in the shop's zone, then 01:30, then 02:30
            now.advance(hours=hours)
            stock_handlers.send_daily_digest()
        assert tasks.deliver_outboxes() == 0
        now.advance(minutes=int((datetime(2026, 11, 23, 1, 37, tzinfo=UTC) - now.read()).total_seconds() // 60))
        for _ in range(2):
            stock_handlers.send_daily_digest()
        tasks.deliver_outboxes()
    (digest,) = [letter for letter in post.letters if letter.subject.startswith("To restock")]
    assert "sold out" in digest.subject
