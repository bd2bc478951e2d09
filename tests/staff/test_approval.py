"""A6: order staff release or refuse a large unpaid order; its customer reads that it is checked."""

from __future__ import annotations

import pytest

from storefront.accounts.values import Role
from storefront.cart import service as cart
from storefront.catalog.values import Sku
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView
from storefront.web import session as web_session
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import make_draft, make_order, place
from tests.page_client import Pages
from tests.page_openers import remember


@pytest.fixture
def order(pages: Pages) -> OrderView:
    """An order that waits, with a member of the order staff looking at it."""
    pages.sign_in(make_staff(Role.ORDER_STAFF, email="meera@example.com"))
    return make_order((make_product(name="Clay Mug", price=100, stock=80), 51))


@pytest.mark.parametrize("htmx", [True, False])
def test_an_order_is_released(pages: Pages, order: OrderView, htmx: bool) -> None:
    url = f"/staff/orders/{order.id}"
    assert order.id in pages.get("/staff/orders?show=pending").words
    pages.submit(pages.get(url), "#release", htmx=htmx)
    assert orders.get_order(order.id).status is OrderStatus.CONFIRMED
    page = pages.get(url)
    assert "released by meera@example.com" in page.words
    assert "Release order" not in page.words


@pytest.mark.parametrize("htmx", [True, False])
def test_an_order_is_refused_with_a_reason(pages: Pages, order: OrderView, htmx: bool) -> None:
    page = pages.get(f"/staff/orders/{order.id}")
    blank = pages.submit(page, "#refusal", htmx=htmx, status=422)
    assert blank.one("#refusal-reason-problem").get_text() == "Enter a reason"
    pages.submit(page, "#refusal", htmx=htmx, reason="We could not reach you")
    refused = orders.get_order(order.id)
    assert (refused.status, refused.timeline[-1].note) == (OrderStatus.CANCELLED, "We could not reach you")
    assert "somebody else has decided" in pages.submit(page, "#release", htmx=htmx, status=409).words


def test_goods_that_are_gone_are_named(pages: Pages, order: OrderView) -> None:
    mug = orders.get_order(order.id).items[0]
    page = pages.get(f"/staff/orders/{order.id}")
    cart.add_line("another", Sku(mug.sku), 40)
    place(make_draft("another"), "another")
    assert "not enough units of Clay Mug" in pages.submit(page, "#release", status=409).words


def test_the_customer_reads_that_the_order_is_checked(pages: Pages) -> None:
    order = make_order((make_product(price=100, stock=80), 51))
    remember(pages, **{web_session.ORDERS: [order.id]})
    page = pages.get(f"/orders/{order.id}?new=1")
    assert page.one("h1").get_text() == "Thank you, we have received your order"
    assert "as soon as it is confirmed" in page.words
    assert "We check this order before we confirm it" in page.words
    assert "A confirmation is on its way" not in page.words
