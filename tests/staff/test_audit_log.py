"""The trail: every act of the staff, wherever it was noted, by time."""

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
def desk(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ADMIN, email="admin@example.com"))
    return pages


def act_on_order(number: int, actor: str = ASHA) -> None:
    with transaction("orders") as session:
        record(session, OrdersAct, actor=actor, what="shipped", subject=f"ORD-{number}", detail="from processing")


def act_on_product(sku: str, actor: str = ASHA) -> None:
    with transaction("catalog") as session:
        record(session, CatalogAct, actor=actor, what="price", subject=sku, detail="from 5 to 6")


def subjects(page: Page) -> list[str]:
    return [row.get_text() for row in page.all("#trail tbody th")]


def test_acts_of_every_place_stand_in_one_list_latest_first(desk: Pages, now: Clock) -> None:
    make_account(email="meera@example.com")
    mug = make_product(stock=10)
    accounts.set_role("meera@example.com", Role.STOCK_STAFF)
    now.advance(minutes=1)
    act_on_order(1)
    now.advance(minutes=1)
    adjust(change_of(mug.sku, delta=-2), reason=Reason.DAMAGED, actor=RAVI)
    now.advance(minutes=1)
    review = reviews.write_review(mug.id, Author(7, "Asha"), ReviewDraft(1, "", ""), is_verified=False)
    reviews.set_review_hidden(review.id, True, actor=ASHA, reason="Spam")
    page = desk.get("/staff/trail")
    assert subjects(page) == [mug.sku, mug.sku, "ORD-1", "meera@example.com"]
    rows = [" ".join(row.get_text(" ").split()) for row in page.all("#trail tbody tr")]
    assert f"17:32 {RAVI} Stock damaged {mug.sku} -2 to 8" in rows[1]
    assert "command line Role meera@example.com from customer to stock" in rows[3]


def test_sales_are_no_acts_of_the_staff(desk: Pages) -> None:
    mug = make_product(stock=10)
    sell(mug.sku, 3)
    assert read_audit_log(ANY).rows == ()
    assert "Nothing is noted yet." in desk.get("/staff/trail").words


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_it_is_asked_by_person_subject_and_day(desk: Pages, now: Clock, htmx: bool) -> None:
    mug = make_product(stock=10)
    adjust(change_of(mug.sku, delta=1), reason=Reason.FOUND, actor=RAVI)
    act_on_order(1)
    now.advance(hours=20)  # the next day of the shop
    act_on_product(mug.sku)

    def ask(**fields: str) -> list[str]:
        return subjects(desk.submit(desk.get("/staff/trail"), "#trail-filter", htmx=htmx, **fields))

    assert ask(who=ASHA) == [mug.sku, "ORD-1"]
    assert ask(who=RAVI) == [mug.sku]
    assert ask(to=mug.sku) == [mug.sku, mug.sku]
    assert ask(until="2026-11-22") == ["ORD-1", mug.sku]
    assert ask(since="2026-11-23", to=mug.sku) == [mug.sku]
    assert ask(who="nobody") == []


def test_pages_follow_each_other_without_a_gap_also_within_one_moment(desk: Pages, now: Clock) -> None:
    for number in range(20):
        act_on_order(number)
        act_on_product(f"SKU-{number}")
        accounts.record_audit(actor=ASHA, what="retry", subject=f"checkout {number}")
        if number % 5 == 0:
            now.advance(seconds=1)
    every = [row.place for row in read_audit_log(ANY, size=100).rows]
    assert len(every) == 60
    page = read_audit_log(ANY, size=7)
    paged = [row.place for row in page.rows]
    while page.next:
        page = read_audit_log(ANY, page.next, size=7)
        paged += [row.place for row in page.rows]
    assert paged == every
    assert [place.at for place in every] == sorted((place.at for place in every), reverse=True)
    assert len(list(export_audit_log(ANY))) == 60


def test_a_long_trail_is_shown_in_pages(desk: Pages) -> None:
    for number in range(PAGE_SIZE + 1):
        act_on_order(number)
    first = desk.get("/staff/trail")
    assert len(subjects(first)) == PAGE_SIZE
    second = desk.get(str(first.one("#trail-earlier")["href"]))
    assert subjects(second) == ["ORD-0"]
    assert second.one("#trail-latest")["href"] == "/staff/trail"


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "e30", "W10", "WyJhIiwib3JkZXJzIiwxXQ", "bnVsbA"),
        "WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIixbXSwxXQ",  # a list for the name of a source
        "W1tb" * 1500,
    ],
)
def test_a_cursor_that_is_none_of_ours_is_the_first_page(desk: Pages, cursor: str) -> None:
    act_on_order(1)
    assert subjects(desk.get(f"/staff/trail?at={cursor}")) == ["ORD-1"]


def test_the_trail_as_a_file_has_the_same_rows(desk: Pages) -> None:
    act_on_order(1)
    act_on_product("=1+1")
    response = desk.client.get(f"/staff/trail.csv?who={ASHA}")
    rows = list(csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"))))
    assert [(row["who"], row["what"], row["to"]) for row in rows] == [
        (ASHA, "shipped", "ORD-1"),
        (ASHA, "price", "'=1+1"),
    ]
    assert rows[0]["when"] == "2026-11-22T12:00:00Z"


def test_a_page_costs_one_select_of_each_place(desk: Pages, now: Clock) -> None:
    for number in range(5):
        act_on_order(number)
        now.advance(seconds=1)
    read_session().rollback()
    assert desk.get("/staff/trail").selects <= 4 + 1 + 1  # the staff to choose from, and who asks
    since = now.read() - timedelta(seconds=2)
    assert len(read_audit_log(AuditQuery(since=since)).rows) == 2
