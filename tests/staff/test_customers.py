"""Customers at the desk: found, looked at, signed out."""

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
def desk(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ORDER_STAFF, email=CLERK))
    return pages


def search(desk: Pages, words: str, *, htmx: bool = False) -> Page:
    return desk.submit(desk.get("/staff/customers"), "#customer-search", htmx=htmx, q=words)


def acts() -> list[AuditEntryView]:
    read_session().rollback()
    return list(accounts.audit_entries(AuditQuery(), 10))


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
@pytest.mark.parametrize("words", ["meera.n", "NAIR meera", "+91 98200 12345", "98200 12345"])
def test_an_account_is_found_by_address_name_or_phone(desk: Pages, words: str, htmx: bool) -> None:
    meera = make_account(name="Meera Nair", email="meera.n@example.com", phone="+919820012345")
    make_account(name="Ravi", email="ravi@example.com")
    page = search(desk, words, htmx=htmx)
    assert [str(link["href"]) for link in page.all("tbody th a")] == [f"/staff/customers/{meera.id}"]


def test_the_number_of_an_order_finds_whose_it_is(desk: Pages) -> None:
    meera = make_account(email="meera@example.com")
    bought, guests = make_order(email="meera@example.com"), make_order(email="ravi@example.com")
    orders.claim(meera.id, "meera@example.com")
    assert [str(link["href"]) for link in search(desk, bought.id).all("tbody th a")] == [f"/staff/customers/{meera.id}"]
    page = search(desk, guests.id.lower())
    assert [link.get_text() for link in page.all("tbody th a")] == ["ravi@example.com"]
    assert guests.id in desk.get(str(page.one("tbody th a")["href"])).words


def test_nobody_is_found_by_what_nobody_has(desk: Pages) -> None:
    make_account()
    assert "Nobody is found by “%”." in search(desk, "%").words
    assert "Type a part" in desk.get("/staff/customers").words
    desk.get("/staff/customers/guest?email=nobody@example.com", status=404)
    desk.get("/staff/customers/2147483647", status=404)


def test_the_page_of_a_customer_has_facts_orders_and_sign_ins_and_no_secret(desk: Pages) -> None:
    meera = make_account(name="Meera Nair", email="meera@example.com", mfa=True)
    reference = accounts.open_session(meera.id, "Firefox on Linux")
    order = make_order(email="meera@example.com")
    orders.claim(meera.id, "meera@example.com")
    accounts.add_method(meera.id, "UPI", "meera@okbank")
    page = desk.get(f"/staff/customers/{meera.id}")
    assert page.one("h1").get_text() == "Meera Nair"
    assert "meera@example.com confirmed" in page.words
    assert "by password, with a code" in page.words
    assert "Firefox on Linux" in page.words
    assert page.one(f'a[href="/staff/orders/{order.id}"]')
    for secret in (reference, PASSWORD, "$argon2", "okbank"):
        assert secret not in page.response.text


def test_a_customer_is_signed_out_everywhere_and_that_is_noted(desk: Pages) -> None:
    meera = make_account(email="meera@example.com")
    references = [accounts.open_session(meera.id, "Firefox"), accounts.open_session(meera.id, "Safari")]
    page = desk.submit(desk.get(f"/staff/customers/{meera.id}"), "#sign-out")
    assert "Signed out everywhere" in page.words
    assert "Nowhere." in page.words
    assert [accounts.find_session(reference) for reference in references] == [None, None]
    (act,) = acts()
    assert (act.actor, act.what, act.subject, act.detail) == (
        CLERK,
        "signed out everywhere",
        "meera@example.com",
        "2 ended",
    )


def test_a_second_click_ends_nothing_and_notes_nothing(desk: Pages) -> None:
    meera = make_account()
    accounts.open_session(meera.id, "Firefox")
    page = desk.get(f"/staff/customers/{meera.id}")
    desk.submit(page, "#sign-out")
    assert "It was signed in nowhere" in desk.submit(page, "#sign-out").words
    assert len(acts()) == 1


def test_others_of_the_staff_are_signed_out_by_admins_only(desk: Pages) -> None:
    other = make_staff(Role.STOCK_STAFF)
    reference = accounts.open_session(other.id, "Firefox", second_factor=True)
    page = desk.get(f"/staff/customers/{other.id}")
    assert "Only admins sign out others of the staff." in page.words
    assert not page.all("#sign-out")
    with pytest.raises(IsStaff):
        accounts.sign_out_everywhere(other.id, actor=CLERK, may_be_staff=False)
    assert accounts.find_session(reference) is not None
    desk.sign_in(make_staff(Role.ADMIN))
    desk.submit(desk.get(f"/staff/customers/{other.id}"), "#sign-out")
    assert accounts.find_session(reference) is None


def test_whoever_is_gone_cannot_be_signed_out(desk: Pages) -> None:
    with pytest.raises(UnknownUser):
        accounts.sign_out_everywhere(UserId(2**31 - 1), actor=CLERK, may_be_staff=True)
    meera = make_account()
    accounts.open_session(meera.id, "Firefox")
    page = desk.get(f"/staff/customers/{meera.id}")
    page.one("#sign-out")["action"] = "/staff/customers/2147483647/sessions/end"
    desk.submit(page, "#sign-out", status=404)
