"""Customers in the staff area: search, details, sign-out."""

from __future__ import annotations

import pytest

from storefront.accounts import service as accounts
from storefront.accounts.values import IsStaff, Role, UnknownUser, UserId
from storefront.db.audit_log import AuditEntryView, AuditQuery
from storefront.db.session import read_session
from storefront.orders import service as orders
from tests.factories.accounts import PASSWORD, make_account, make_staff
from tests.factories.shopping import make_order
from tests.page_client import Page, Pages

pytestmark = pytest.mark.both_engines

CLERK = "clerk@example.com"


@pytest.fixture
def staff_pages(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ORDER_STAFF, email=CLERK))
    return pages


def search(staff_pages: Pages, words: str, *, htmx: bool = False) -> Page:
    return staff_pages.submit(staff_pages.get("/staff/customers"), "#customer-search", htmx=htmx, q=words)


def audit_entries() -> list[AuditEntryView]:
    read_session().rollback()
    return [entry for entry in accounts.audit_entries(AuditQuery(), 10) if entry.what != "customer data read"]


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
@pytest.mark.parametrize("words", ["meera.n", "NAIR meera", "+91 98200 12345", "98200 12345"])
def test_an_account_is_found_by_address_name_or_phone(staff_pages: Pages, words: str, htmx: bool) -> None:
    meera = make_account(name="Meera Nair", email="meera.n@example.com", phone="+919820012345")
    make_account(name="Ravi", email="ravi@example.com")
    page = search(staff_pages, words, htmx=htmx)
    assert [str(link["href"]) for link in page.all("tbody th a")] == [f"/staff/customers/{meera.id}"]


def test_an_order_number_finds_the_customer(staff_pages: Pages) -> None:
    meera = make_account(email="meera@example.com")
    bought, guests = make_order(email="meera@example.com"), make_order(email="ravi@example.com")
    orders.claim(meera.id, "meera@example.com")
    assert [str(link["href"]) for link in search(staff_pages, bought.id).all("tbody th a")] == [
        f"/staff/customers/{meera.id}"
    ]
    page = search(staff_pages, guests.id.lower())
    assert [link.get_text() for link in page.all("tbody th a")] == ["ravi@example.com"]
    assert guests.id in staff_pages.get(str(page.one("tbody th a")["href"])).words


def test_a_search_without_matches_finds_nobody(staff_pages: Pages) -> None:
    make_account()
    assert "No customers match “%”." in search(staff_pages, "%").words
    assert "Search by part" in staff_pages.get("/staff/customers").words
    staff_pages.get("/staff/customers/guest?email=nobody@example.com", status=404)
    staff_pages.get("/staff/customers/2147483647", status=404)


def test_a_customer_page_shows_account_orders_and_sessions_but_no_secrets(staff_pages: Pages) -> None:
    meera = make_account(name="Meera Nair", email="meera@example.com", mfa=True)
    reference = accounts.open_session(meera.id, "Firefox on Linux")
    order = make_order(email="meera@example.com")
    orders.claim(meera.id, "meera@example.com")
    accounts.add_method(meera.id, "UPI", "meera@okbank")
    page = staff_pages.get(f"/staff/customers/{meera.id}")
    assert page.one("h1").get_text() == "Meera Nair"
    assert "meera@example.com confirmed" in page.words
    assert "Password, two-step verification" in page.words
    assert "Firefox on Linux" in page.words
    assert page.one(f'a[href="/staff/orders/{order.id}"]')
    for secret in (reference, PASSWORD, "$argon2", "okbank"):
        assert secret not in page.response.text


def test_signing_a_customer_out_everywhere_is_logged(staff_pages: Pages) -> None:
    meera = make_account(email="meera@example.com")
    references = [accounts.open_session(meera.id, "Firefox"), accounts.open_session(meera.id, "Safari")]
    page = staff_pages.submit(staff_pages.get(f"/staff/customers/{meera.id}"), "#sign-out")
    assert "Signed out everywhere" in page.words
    assert "No active sessions." in page.words
    assert [accounts.find_session(reference) for reference in references] == [None, None]
    (act,) = audit_entries()
    assert (act.actor, act.what, act.subject, act.detail) == (
        CLERK,
        "signed out everywhere",
        "meera@example.com",
        "2 ended",
    )


def test_a_second_click_does_and_logs_nothing(staff_pages: Pages) -> None:
    meera = make_account()
    accounts.open_session(meera.id, "Firefox")
    page = staff_pages.get(f"/staff/customers/{meera.id}")
    staff_pages.submit(page, "#sign-out")
    assert "There was no active session" in staff_pages.submit(page, "#sign-out").words
    assert len(audit_entries()) == 1


def test_only_admins_sign_out_staff_members(staff_pages: Pages) -> None:
    other = make_staff(Role.STOCK_STAFF)
    reference = accounts.open_session(other.id, "Firefox", second_factor=True)
    page = staff_pages.get(f"/staff/customers/{other.id}")
    assert "Only admins can sign out staff members." in page.words
    assert not page.all("#sign-out")
    with pytest.raises(IsStaff):
        accounts.sign_out_everywhere(other.id, actor=CLERK, may_be_staff=False)
    assert accounts.find_session(reference) is not None
    staff_pages.sign_in(make_staff(Role.ADMIN))
    staff_pages.submit(staff_pages.get(f"/staff/customers/{other.id}"), "#sign-out")
    assert accounts.find_session(reference) is None


def test_an_unknown_account_is_not_found(staff_pages: Pages) -> None:
    with pytest.raises(UnknownUser):
        accounts.sign_out_everywhere(UserId(2**31 - 1), actor=CLERK, may_be_staff=True)
    meera = make_account()
    accounts.open_session(meera.id, "Firefox")
    page = staff_pages.get(f"/staff/customers/{meera.id}")
    page.one("#sign-out")["action"] = "/staff/customers/2147483647/sessions/end"
    staff_pages.submit(page, "#sign-out", status=404)
