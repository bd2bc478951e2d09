"""Former addresses of staff pages lead to the present ones."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from storefront.staff.renamed_urls import RENAMED_FORMS, RENAMED_PAGES
from tests.factories.accounts import make_staff
from tests.factories.shopping import make_order
from tests.page_client import SAME_ORIGIN, Pages, values_of


@pytest.fixture
def admin_pages(pages: Pages) -> Pages:
    pages.sign_in(make_staff(Role.ADMIN))
    return pages


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("/trail?who=asha%40example.com&at=x", "/audit-log?who=asha%40example.com&at=x"),
        ("/trail.csv", "/audit-log.csv"),
        ("/troubles", "/failed-jobs"),
        ("/orders/slips?order=ORD-1&order=ORD-2", "/orders/packing-slips?order=ORD-1&order=ORD-2"),
        ("/orders/slips.pdf?order=ORD-1", "/orders/packing-slips.pdf?order=ORD-1"),
    ],
)
def test_a_former_page_redirects_for_good_with_its_query(admin_pages: Pages, former: str, present: str) -> None:
    response = admin_pages.client.get(f"/staff{former}")
    assert response.status_code == 301
    assert response.headers["Location"] == f"/staff{present}"


def test_a_form_opened_before_the_renaming_is_still_processed(admin_pages: Pages) -> None:
    order = make_order()
    form = values_of(admin_pages.get(f"/staff/orders/{order.id}").one("#step"))
    response = admin_pages.client.post(f"/staff/orders/{order.id}/steps", data=form, headers=SAME_ORIGIN)
    assert response.status_code == 308  # a browser sends the same form to the new address
    admin_pages.client.post(response.headers["Location"], data=form, headers=SAME_ORIGIN)
    assert orders.get_order(order.id).status is OrderStatus.PROCESSING


def test_every_former_address_takes_the_variables_of_its_present_one(shop: Flask) -> None:
    rules = {rule.rule: rule for rule in shop.url_map.iter_rules()}
    for former, endpoint in {**RENAMED_PAGES, **RENAMED_FORMS}.items():
        (present,) = shop.url_map.iter_rules(endpoint)
        assert rules[f"/staff{former}"].arguments == present.arguments, former
