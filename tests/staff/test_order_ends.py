"""The ends of orders in the staff area: cash received, came back undelivered, refunded; with and without JavaScript."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.cli import consistency
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView
from storefront.web.filters import money
from tests import consistency as tests_consistency
from tests.consistency import Stock
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.refunds import ask_return, deliver, make_order_at, refund
from tests.fakes import MemoryPost
from tests.page_client import Page, Pages
from tests.staff.test_orders import press

SHIPPED = OrderStatus.SHIPPED


@pytest.fixture
def staff_pages(pages: Pages, post: MemoryPost) -> Pages:
    """The pages as order staff."""
    pages.sign_in(make_staff(Role.ORDER_STAFF, email="meera@example.com"))
    return pages


@pytest.fixture
def order(app: Flask) -> OrderView:
    """A shipped order of two mugs, to be paid on delivery."""
    return make_order_at(SHIPPED, (make_product(name="Clay Mug", stock=5), 2), payment="cod")


def show(staff_pages: Pages, order: OrderView) -> Page:
    return staff_pages.get(f"/staff/orders/{order.id}")


@pytest.mark.parametrize("htmx", [False, True])
def test_the_cash_of_an_order_is_noted(staff_pages: Pages, order: OrderView, htmx: bool) -> None:
    """A8: on the page of the order; a second click changes nothing."""
    page = show(staff_pages, order)
    assert f"Cash on delivery: {money(order.grand_total)} to collect." in page.words
    for _ in range(2):
        done = staff_pages.submit(page, "#cash", htmx=htmx)
        assert "Cash received noted" in done.words
    assert not done.all("#cash")
    assert "Cash received 22 Nov 2026" in done.words
    deliver()
    assert "paid" in show(staff_pages, order).words
    assert "On delivery" not in staff_pages.get("/staff/orders?show=shipped").words
    assert list(consistency.violations()) == []


def test_the_cash_of_several_orders_is_noted_from_the_list(staff_pages: Pages, order: OrderView) -> None:
    """A8: the courier pays for many orders at once; what costs nothing on delivery is named and left out."""
    paid = make_order_at(SHIPPED)
    page = staff_pages.get("/staff/orders?show=cash-due")
    assert [row["value"] for row in page.all("input[name=order]")] == [order.id]
    page = staff_pages.get("/staff/orders?show=shipped")
    done = press(staff_pages, page, "cash-received", order, paid, status=409)
    assert "1 order noted as paid in cash." in done.words
    assert "The customers get an e-mail" not in done.words
    assert f"{paid.id} is on its way: there is no cash to receive." in done.words
    assert orders.get_order(order.id).cash_received_at is not None


@pytest.mark.parametrize("htmx", [False, True])
def test_an_order_that_came_back_is_closed(staff_pages: Pages, order: OrderView, htmx: bool) -> None:
    """A8: with a reason for the customer, restocked or not, once."""
    page = show(staff_pages, order)
    assert "will not be collected. This cannot be undone." in page.words
    assert not page.one("#undelivered-restock").has_attr("checked")
    for _ in range(2):
        done = staff_pages.submit(page, "#undelivered", htmx=htmx, reason="Refused at the door", restock="y")
        assert "Order closed: it came back undelivered. The customer gets an e-mail." in done.words
    assert done.one("#order-progress").get_text() == "Came back"
    for form in ("#undelivered", "#step", "#cash", "#refund", "#cancellation"):
        assert not done.all(form)
    deliver()
    sku = order.items[0].sku
    assert tests_consistency.stock_of(sku) == Stock(on_hand=5, reserved=0)
    assert "Refused at the door" in show(staff_pages, order).words
    assert "This order came back undelivered." in staff_pages.get(f"/staff/orders/{order.id}/invoice").words
    assert "due on delivery" not in staff_pages.get(f"/staff/orders/{order.id}/invoice").words
    assert order.id in staff_pages.get("/staff/orders?show=undelivered").words


def test_a_delivered_order_cannot_come_back_from_a_stale_page(staff_pages: Pages, order: OrderView) -> None:
    """A8: nothing is lost: the reason is said and the order is shown as it is."""
    page = show(staff_pages, order)
    orders.advance(order.id, OrderStatus.DELIVERED, by="the shop")
    refused = staff_pages.submit(page, "#undelivered", status=409)
    assert f"{order.id} is delivered: it cannot come back undelivered." in refused.words


def test_an_order_is_closed_by_the_refund_of_its_last_unit(staff_pages: Pages, order: OrderView) -> None:
    """A9: staff cannot go on with it, and see what is not collected before they press."""
    item = order.items[0].id
    preview = staff_pages.submit(show(staff_pages, order), "#refund", press="preview", **{f"units-{item}": "2"})
    assert preview.one("#refund-worth strong").get_text() == money(order.grand_total)
    refused = staff_pages.submit(preview, "#refund", press="refund", status=422, amount="10")
    assert "with all units refunded the courier collects nothing" in refused.words
    shown = staff_pages.submit(refused, "#refund", press="preview", amount="")
    done = staff_pages.submit(shown, "#refund", press="refund")
    assert done.one("#order-progress").get_text() == "Refunded"
    assert not done.all("#step")
    assert "Not paid: it is not collected" in done.words
    assert orders.get_order(order.id).status is OrderStatus.REFUNDED


def test_a_withdrawal_before_shipping_is_seen_before_the_parcel_is_packed(staff_pages: Pages) -> None:
    """A10: on the order, on its packing slip, and in a batch, which leaves it out."""
    order = make_order_at(OrderStatus.PROCESSING, (make_product(name="Clay Mug", stock=5), 2))
    number = ask_return(order, 2)
    assert "The customer withdrew from 2 units." in show(staff_pages, order).words
    slip = staff_pages.get(f"/staff/orders/packing-slips?order={order.id}").words
    assert "The customer withdrew from 2 units: decide about the return before you pack." in slip
    page = staff_pages.get("/staff/orders")
    refused = press(staff_pages, page, "shipped", order, status=409, carrier="DTDC")
    assert f"The customer withdrew from a part of {order.id}." in refused.words
    returns = staff_pages.get("/staff/returns")
    assert returns.one(f"#shipping-{number}").has_attr("checked")
    done = staff_pages.submit(returns, f"#return-{number} .return-approval")
    assert f"Return no. {number} approved" in done.words
    closed = orders.get_order(order.id)
    assert (closed.status, closed.kept.minor) == (OrderStatus.REFUNDED, 0)


def test_a_partial_withdrawal_leaves_the_delivery_out_by_default(staff_pages: Pages) -> None:
    """A10: the rest was delivered; staff may add it."""
    order = make_order_at(OrderStatus.DELIVERED, (make_product(stock=5), 3))
    refund(order, 1)
    number = ask_return(orders.get_order(order.id), 1)
    assert not staff_pages.get("/staff/returns").one(f"#shipping-{number}").has_attr("checked")
