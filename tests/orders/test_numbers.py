"""Order numbers in every spelling."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import update

from storefront.db.session import transaction
from storefront.orders import service as orders
from storefront.orders.models import Order
from storefront.orders.service import admin_list
from storefront.orders.values import OrderId, UnknownOrder
from tests.factories.shopping import EMAIL, make_snapshot, new_checkout_id

CUSTOMER = 70_003


def make(number: str, email: str = EMAIL) -> OrderId:
    """Create an order with this number."""
    made = orders.create_order(new_checkout_id(), replace(make_snapshot(email=email), customer_id=CUSTOMER))
    with transaction("orders") as session:
        session.execute(update(Order).where(Order.order_id == made).values(order_id=number))
    return OrderId(number)


SPELLINGS = [
    "ORD-261122004711",
    "#ORD-261122004711",
    "# ord-261122004711",
    "ord 261122004711",
    "ORD261122004711",
    "261122004711",
    "#261122004711",
    "ORD-261122004711.",
    "(ORD-261122004711),",
    "ORD–261122004711",
    "ORD — 261122004711",
    "ORD‑261122004711",  # noqa: RUF001 - a hyphen that does not break
    "ORD−261122004711",
    "ORD_261122004711",
    "ORD-261122-004711",
    "261122 004711",
    "ＯＲＤ－２６１１２２００４７１１",  # noqa: RUF001 - full width
    "२६११२२००४७११",
    "\u200bORD-261122004711\u00a0",
    "Order no. ORD-261122004711",
    "order number: 261122004711",
    "No. 261122004711",
    '"ORD-261122004711"',
]


@pytest.mark.parametrize("typed", SPELLINGS)
def test_an_order_is_found_by_its_number_in_any_spelling(app: Flask, typed: str) -> None:
    """C12: on the tracking page, at the customer desk, in the audit log."""
    number = make("ORD-261122004711")
    make("ORD-261122004712")
    assert orders.track(typed, EMAIL) == number
    assert orders.find_number(typed) == number
    buyer = orders.find_buyer(typed)
    assert buyer is not None
    assert buyer.customer_id == CUSTOMER


@pytest.mark.parametrize("typed", [typed for typed in SPELLINGS if " " not in typed])
def test_a_search_reads_a_number_in_any_spelling(app: Flask, typed: str) -> None:
    """C12: at the order desk, and in the history of an account."""
    number = make("ORD-261122004711")
    make("ORD-261122004712")
    found = admin_list.list_orders(admin_list.OrderQuery(typed, admin_list.OrderFilter.ALL)).orders
    assert [order.id for order in found] == [number]
    assert [order.id for order in orders.orders_of(CUSTOMER, typed).orders] == [number]


def test_digits_that_two_orders_have_are_decided_by_the_email_address(app: Flask) -> None:
    """C12: digits alone only if they are unambiguous."""
    make("4711", email="ravi@example.com")
    ours = make("ORD-4711")
    assert orders.track("4711.", EMAIL) == ours
    assert orders.track("#4711", "ravi@example.com") == "4711"
    assert orders.find_number("#4711") is None
    assert orders.find_number("4711") == "4711"  # the one with exactly this number
    make("ORD-4712")
    make("4712")
    with pytest.raises(UnknownOrder):
        orders.track("#4712", EMAIL)


@pytest.mark.parametrize("typed", ["Web_1001.a", "web_1001.A", " WEB_1001.A", "#web_1001.a"])
def test_a_number_of_an_older_shop_keeps_its_own_marks(app: Flask, typed: str) -> None:
    """C12: capitals or not, on both engines."""
    number = make("Web_1001.a")
    make("Web-1001.b")
    assert orders.track(typed, EMAIL) == number


@pytest.mark.parametrize("number", ["NOV-1001", "No5", "NO.7", "ORDER-8"])
def test_a_number_that_looks_like_a_label_is_found(app: Flask, number: str) -> None:
    """C12: numbers of an older shop, in any case."""
    made = make(number)
    assert [orders.track(typed, EMAIL) for typed in (number, number.lower(), f"#{number}.")] == [made] * 3


@pytest.mark.parametrize("typed", ["", "#", ".", "ORD", "ORD-", "%", "_" * 12, "26112200471", "2611220047110"])
def test_what_is_no_number_finds_nothing(app: Flask, typed: str) -> None:
    make("ORD-261122004711")
    assert orders.find_number(typed) is None
    with pytest.raises(UnknownOrder):
        orders.track(typed, EMAIL)
