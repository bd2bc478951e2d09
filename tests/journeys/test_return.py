"""A guest without JavaScript returns products, staff decide, and the guest is notified."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.cli import consistency
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView
from storefront.payments import service as payments
from storefront.payments.values import PaymentStatus
from tests import consistency as tests_consistency
from tests.consistency import Stock
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.refunds import ask_return, deliver, make_order_at
from tests.factories.shopping import EMAIL
from tests.fakes import Clock, MemoryPost
from tests.page_client import Page, Pages

FORM = "#return-form"


@pytest.fixture
def order(app: Flask) -> OrderView:
    """A delivered order of three mugs, paid by card."""
    return make_order_at(OrderStatus.DELIVERED, (make_product(name="Clay Mug", stock=5), 3))


@pytest.fixture
def clerk(app: Flask) -> Pages:
    desk = Pages(app)
    desk.sign_in(make_staff(Role.ORDER_STAFF, email="meera@example.com"))
    return desk


def track(pages: Pages, order: OrderView) -> Page:
    return pages.submit(pages.get("/track"), "form.order-track__form", order_id=order.id, email=EMAIL)


def units(order: OrderView, count: int | str) -> dict[str, str]:
    return {f"units-{order.items[0].id}": str(count)}


def test_a_guest_returns_two_mugs_and_is_refunded(
    pages: Pages, clerk: Pages, order: OrderView, post: MemoryPost
) -> None:
    found = track(pages, order)
    assert "Until the end of Sun, 6 Dec you can return products" in found.words.replace("Sun 6", "Sun, 6")
    link = found.one("#order-return ~ p a")
    assert link.get_text() == "Withdraw from the contract"
    form = pages.get(str(link["href"]))
    asked = pages.submit(form, FORM, reason="unwanted", note="Too many", **units(order, 2))
    assert asked.url == f"/orders/{order.id}"
    (number,) = re.findall(r"received your return no\. (\d+)", asked.words)
    assert "Waiting for approval" in asked.one(f"#return-{number}").get_text()
    deliver()
    receipt = post.letters[-1]
    assert (receipt.to, f"no. {number}" in receipt.text, "22 Nov 2026, 17:30" in receipt.text) == (EMAIL, True, True)

    desk = clerk.get("/staff/returns")
    assert "Too many" in desk.one(f"#return-{number}").get_text()
    assert "Approve and refund ₹1,180" in desk.one(f"#approve-{number}").get_text()
    done = clerk.submit(desk, f"#return-{number} .return-approval", restock="y")
    assert f"Return no. {number} approved: ₹1,180 refunded" in done.words
    deliver()
    assert tests_consistency.stock_of(order.items[0].sku) == Stock(on_hand=4, reserved=0)
    assert payments.status_of(order.checkout_id) is PaymentStatus.CAPTURED
    seen = pages.get(f"/orders/{order.id}")
    assert "Approved" in seen.one(f"#return-{number}").get_text()
    assert "Refund of ₹1,180" in seen.words
    assert "is approved" in post.letters[-1].text
    assert list(consistency.violations()) == []


def test_a_declined_return_is_explained(pages: Pages, clerk: Pages, order: OrderView, post: MemoryPost) -> None:
    number = ask_return(order, 1)
    desk = clerk.get("/staff/returns")
    clerk.submit(desk, f"#return-{number} .return-refusal", answer="", status=422)
    done = clerk.submit(desk, f"#return-{number} .return-refusal", answer="It was used")
    assert f"Return no. {number} declined" in done.words
    assert "It was used" in clerk.get("/staff/returns?show=declined").words
    page = track(pages, order)
    assert "Declined" in page.one(f"#return-{number}").get_text()
    assert "It was used" in page.one(f"#return-{number}").get_text()


def test_a_guest_withdraws_a_return_that_is_still_open(pages: Pages, clerk: Pages, order: OrderView) -> None:
    number = ask_return(order, 1)
    page = track(pages, order)
    desk = clerk.get("/staff/returns")
    for _ in range(2):  # a double click
        done = pages.submit(page, f"#return-{number} form")
        assert "You keep the products" in done.words
    refused = clerk.submit(desk, f"#return-{number} .return-approval", status=409)
    assert "was withdrawn meanwhile" in refused.words
    assert orders.get_order(order.id).refunded.minor == 0


def test_a_return_approved_meanwhile_is_not_withdrawn(pages: Pages, order: OrderView) -> None:
    number = ask_return(order, 1)
    page = track(pages, order)
    orders.approve_return(number, restock=True, actor="meera@example.com")
    assert "has been approved" in pages.submit(page, f"#return-{number} form", status=409).words


def test_a_form_sent_twice_is_one_return(pages: Pages, order: OrderView) -> None:
    track(pages, order)
    form = pages.get(f"/orders/{order.id}/return")
    for _ in range(2):
        pages.submit(form, FORM, **units(order, 1))
    assert len(orders.returns_of(orders.get_order(order.id))) == 1
    refused = pages.submit(form, FORM, status=409, **units(order, 2))
    assert "You have already sent this form" in refused.words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "Enter how many"),
        (4, "cannot return that many"),
        ("two", "Enter a whole number"),
        (-1, "Enter a whole number"),
    ],
)
def test_a_return_with_an_invalid_quantity_is_refused_and_keeps_the_form(
    pages: Pages, order: OrderView, count: int | str, words: str
) -> None:
    track(pages, order)
    page = pages.submit(
        pages.get(f"/orders/{order.id}/return"), FORM, status=422, note="Too many", **units(order, count)
    )
    assert words in page.words
    assert page.one("textarea").get_text().strip() == "Too many"
    assert page.one(f"#units-{order.items[0].id}")["value"] == str(count)


def test_after_the_return_period_no_return_is_offered(pages: Pages, order: OrderView, now: Clock) -> None:
    now.advance(days=15)
    page = track(pages, order)
    assert not page.all("#order-return")
    assert "This order can no longer be returned" in pages.get(f"/orders/{order.id}/return").words


def test_a_visitor_without_access_to_an_order_cannot_return_it(pages: Pages, order: OrderView) -> None:
    assert pages.get(f"/orders/{order.id}/return").url.startswith(f"/track?number={order.id}")
