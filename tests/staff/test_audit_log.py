"""The audit log page: entries of all schemas, merged by time."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from storefront.accounts import service as accounts
from storefront.accounts.values import Role
from storefront.catalog import reviews
from storefront.catalog.inventory.admin import Reason
from storefront.catalog.models import AuditEntry as CatalogAct
from storefront.catalog.reviews import Author, ReviewDraft
from storefront.db.audit_log import AuditQuery, record
from storefront.db.session import read_session, transaction
from storefront.orders.models import AuditEntry as OrdersAct
from storefront.staff.audit_log import PAGE_SIZE, export_audit_log, read_audit_log
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product
from tests.factories.stock import adjust, change_of, sell
from tests.fakes import Clock
from tests.page_client import Page, Pages

pytestmark = pytest.mark.both_engines

ANY = AuditQuery()
ASHA, RAVI = "asha@example.com", "ravi@example.com"


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ADMIN, email="admin@example.com"))
    return pages


def log_order_change(number: int, actor: str = ASHA) -> None:
    with transaction("orders") as session:
        record(session, OrdersAct, actor=actor, what="shipped", subject=f"ORD-{number}", detail="from processing")


def log_product_change(sku: str, actor: str = ASHA) -> None:
    with transaction("catalog") as session:
        record(session, CatalogAct, actor=actor, what="price", subject=sku, detail="from 5 to 6")


def subjects(page: Page) -> list[str]:
    return [row.get_text() for row in page.all("#audit-log tbody th")]


def test_entries_of_every_source_are_merged_newest_first(staff_pages: Pages, now: Clock) -> None:
    make_account(email="meera@example.com")
    mug = make_product(stock=10)
    accounts.set_role("meera@example.com", Role.STOCK_STAFF)
    now.advance(minutes=1)
    log_order_change(1)
    now.advance(minutes=1)
    adjust(change_of(mug.sku, delta=-2), reason=Reason.DAMAGED, actor=RAVI)
    now.advance(minutes=1)
    review = reviews.write_review(mug.id, Author(7, "Asha"), ReviewDraft(1, "", ""), is_verified=False)
    reviews.set_review_hidden(review.id, True, actor=ASHA, reason="Spam")
    page = staff_pages.get("/staff/audit-log")
    assert subjects(page) == [mug.sku, mug.sku, "ORD-1", "meera@example.com"]
    rows = [" ".join(row.get_text(" ").split()) for row in page.all("#audit-log tbody tr")]
    assert f"17:32 {RAVI} Stock damaged {mug.sku} -2 to 8" in rows[1]
    assert "command line Role meera@example.com from customer to stock" in rows[3]


def test_sales_are_not_in_the_audit_log(staff_pages: Pages) -> None:
    mug = make_product(stock=10)
    sell(mug.sku, 3)
    assert read_audit_log(ANY).rows == ()
    assert "No activity yet." in staff_pages.get("/staff/audit-log").words


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_it_is_filtered_by_actor_subject_and_day(staff_pages: Pages, now: Clock, htmx: bool) -> None:
    mug = make_product(stock=10)
    adjust(change_of(mug.sku, delta=1), reason=Reason.FOUND, actor=RAVI)
    log_order_change(1)
    now.advance(hours=20)  # the next day of the shop
    log_product_change(mug.sku)

    def ask(**fields: str) -> list[str]:
        return subjects(
            staff_pages.submit(staff_pages.get("/staff/audit-log"), "#audit-log-filter", htmx=htmx, **fields)
        )

    assert ask(who=ASHA) == [mug.sku, "ORD-1"]
    assert ask(who=RAVI) == [mug.sku]
    assert ask(to=mug.sku) == [mug.sku, mug.sku]
    assert ask(until="2026-11-22") == ["ORD-1", mug.sku]
    assert ask(since="2026-11-23", to=mug.sku) == [mug.sku]
    assert ask(who="nobody") == []


def test_pages_follow_each_other_without_a_gap_also_within_one_moment(staff_pages: Pages, now: Clock) -> None:
    for number in range(20):
        log_order_change(number)
        log_product_change(f"SKU-{number}")
        accounts.record_audit(actor=ASHA, what="retry", subject=f"checkout {number}")
        if number % 5 == 0:
            now.advance(seconds=1)
    every = [row.position for row in read_audit_log(ANY, size=100).rows]
    assert len(every) == 60
    page = read_audit_log(ANY, size=7)
    paged = [row.position for row in page.rows]
    while page.next:
        page = read_audit_log(ANY, page.next, size=7)
        paged += [row.position for row in page.rows]
    assert paged == every
    assert [place.at for place in every] == sorted((place.at for place in every), reverse=True)
    assert len(list(export_audit_log(ANY))) == 60


def test_a_long_audit_log_is_paginated(staff_pages: Pages) -> None:
    for number in range(PAGE_SIZE + 1):
        log_order_change(number)
    first = staff_pages.get("/staff/audit-log")
    assert len(subjects(first)) == PAGE_SIZE
    second = staff_pages.get(str(first.one("#audit-log-older")["href"]))
    assert subjects(second) == ["ORD-0"]
    assert second.one("#audit-log-newest")["href"] == "/staff/audit-log"


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "e30", "W10", "WyJhIiwib3JkZXJzIiwxXQ", "bnVsbA"),
        "WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIixbXSwxXQ",  # a list for the name of a source
        "W1tb" * 1500,
    ],
)
def test_an_invalid_cursor_shows_the_first_page(staff_pages: Pages, cursor: str) -> None:
    log_order_change(1)
    assert subjects(staff_pages.get(f"/staff/audit-log?at={cursor}")) == ["ORD-1"]


def test_the_csv_export_has_the_same_rows(staff_pages: Pages) -> None:
    log_order_change(1)
    log_product_change("=1+1")
    response = staff_pages.client.get(f"/staff/audit-log.csv?who={ASHA}")
    rows = list(csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"))))
    assert [(row["who"], row["what"], row["to"]) for row in rows] == [
        (ASHA, "shipped", "ORD-1"),
        (ASHA, "price", "'=1+1"),
    ]
    assert rows[0]["when"] == "2026-11-22T17:30:00+05:30"  # D10: the time of the shop


def test_a_page_takes_one_select_per_source(staff_pages: Pages, now: Clock) -> None:
    for number in range(5):
        log_order_change(number)
        now.advance(seconds=1)
    read_session().rollback()
    assert staff_pages.get("/staff/audit-log").selects <= 5 + 1 + 1  # the staff to choose from, and who asks
    since = now.read() - timedelta(seconds=2)
    assert len(read_audit_log(AuditQuery(since=since)).rows) == 2
