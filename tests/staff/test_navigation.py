"""The menu of the staff's pages: whoever reads it may open what it names."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.staff.navigation import SECTIONS, sections_of
from tests.factories.accounts import make_account, make_staff
from tests.page_client import Pages

STOCK = ["Dashboard", "Stock", "Scan in", "Restock", "Ledger", "Import", "Products", "Categories", "Reviews"]
ORDERS = ["Dashboard", "Troubles", "Orders", "Returns", "Customers", "Reviews"]
EVERYTHING = [desk.label for section in SECTIONS for desk in section.desks]


@pytest.mark.parametrize(
    ("role", "labels"),
    [(Role.CUSTOMER, []), (Role.STOCK_STAFF, STOCK), (Role.ORDER_STAFF, ORDERS), (Role.ADMIN, EVERYTHING)],
)
def test_everyone_is_shown_the_desks_they_work_at(shop: Flask, role: Role, labels: list[str]) -> None:
    with shop.app_context():
        sections = sections_of(role)
    assert [desk.label for section in sections for desk in section.desks] == labels
    assert all(section.desks for section in sections)


@pytest.mark.parametrize("role", [role for role in Role if role.is_staff])
def test_the_menu_names_what_may_be_opened_and_nothing_else(pages: Pages, role: Role) -> None:
    pages.sign_in(make_staff(role))
    shown = {str(link["href"]) for link in pages.get("/staff").all("a[href^='/staff']")}
    with pages.app.test_request_context():
        addresses = {pages.app.url_for(desk.endpoint) for section in SECTIONS for desk in section.desks}
    assert {url for url in addresses if pages.client.get(url).status_code == 200} == shown & addresses


def test_a_customer_is_shown_no_menu(pages: Pages) -> None:
    pages.sign_in(make_account())
    assert not pages.get("/account").all("a[href^='/staff']")
