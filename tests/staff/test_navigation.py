"""The navigation of the staff area links to what a role may open."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.staff.navigation import SECTIONS, sections_of
from tests.factories.accounts import make_account, make_staff
from tests.page_client import Pages

STOCK = ["Dashboard", "Stock", "Receive stock", "Restock", "Ledger", "Import", "Products", "Categories"]
STOCK += ["Synonyms", "Reviews"]
ORDERS = ["Dashboard", "Failed jobs", "Orders", "Returns", "Customers", "Reviews"]
EVERYTHING = [page.label for section in SECTIONS for page in section.pages]


@pytest.mark.parametrize(
    ("role", "labels"),
    [(Role.CUSTOMER, []), (Role.STOCK_STAFF, STOCK), (Role.ORDER_STAFF, ORDERS), (Role.ADMIN, EVERYTHING)],
)
def test_each_role_sees_the_pages_it_may_open(shop: Flask, role: Role, labels: list[str]) -> None:
    with shop.app_context():
        sections = sections_of(role)
    assert [page.label for section in sections for page in section.pages] == labels
    assert all(section.pages for section in sections)


@pytest.mark.parametrize("role", [role for role in Role if role.is_staff])
def test_the_navigation_links_to_allowed_pages_only(pages: Pages, role: Role) -> None:
    pages.sign_in(make_staff(role))
    shown = {str(link["href"]) for link in pages.get("/staff").all("a[href^='/staff']")}
    with pages.app.test_request_context():
        addresses = {pages.app.url_for(page.endpoint) for section in SECTIONS for page in section.pages}
    assert {url for url in addresses if pages.client.get(url).status_code == 200} == shown & addresses


def test_a_customer_sees_no_navigation(pages: Pages) -> None:
    pages.sign_in(make_account())
    assert not pages.get("/account").all("a[href^='/staff']")
