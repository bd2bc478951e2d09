"""Changes of an order's address, tracking number and delivery date, and until when they are allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from storefront.db.audit_log import AuditQuery
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, TooLateToChange, UnknownOrder
from tests import consistency
from tests.factories.shopping import ADDRESS, make_order

NEW_ADDRESS = replace(ADDRESS, line1="1 Hill Road", city="Nashik", phone="+91 11111 22222")

pytestmark = pytest.mark.usefixtures("app")


def test_a_changed_shipping_address_is_in_the_timeline() -> None:
    order = make_order()
    orders.change_address(order.id, NEW_ADDRESS, by="you")
    changed = orders.get_order(order.id)
    assert (changed.address, changed.phone) == (NEW_ADDRESS, NEW_ADDRESS.phone)
    assert (changed.timeline[-1].status, changed.timeline[-1].note) == ("confirmed", "Shipping address changed")
    consistency.assert_balanced()


@pytest.mark.parametrize("status", [OrderStatus.PROCESSING, OrderStatus.CANCELLED])
def test_the_address_of_a_packed_or_cancelled_order_cannot_be_changed(status: OrderStatus) -> None:
    order = make_order()
    if status is OrderStatus.CANCELLED:
        orders.cancel(order.id, by="you")
    else:
        orders.advance(order.id, status, by="the shop")
    with pytest.raises(TooLateToChange) as refusal:
        orders.change_address(order.id, NEW_ADDRESS, by="you")
    assert refusal.value.current is status
    assert orders.get_order(order.id).address == ADDRESS


def test_the_latest_tracking_number_is_shown() -> None:
    order = make_order()
    assert order.tracking_number == ""
    for number in ("AWB-1", "AWB-1", "AWB-2"):
        orders.set_tracking(order.id, number, by="the shop")
    noted = orders.get_order(order.id)
    assert noted.tracking_number == "AWB-2"
    assert len(noted.timeline) == len(order.timeline) + 2
    consistency.assert_balanced()


def test_the_estimated_delivery_date_can_be_changed() -> None:
    order = make_order()
    orders.expect_on(order.id, date(2026, 12, 24))
    assert orders.get_order(order.id).estimated_on == date(2026, 12, 24)


def test_changes_by_staff_are_audited_unless_nothing_changed() -> None:
    order = make_order()
    for _ in range(2):
        orders.set_tracking(order.id, "AWB-1", by="the shop", actor="clerk@example.com")
        orders.expect_on(order.id, date(2026, 12, 24), actor="clerk@example.com")
    assert [(act.actor, act.what, act.subject, act.detail) for act in orders.audit_entries(AuditQuery(), 10)] == [
        ("clerk@example.com", "day of arrival", order.id, f"from {order.estimated_on} to 2026-12-24"),
        ("clerk@example.com", "tracking number", order.id, "AWB-1"),
    ]


def test_an_unknown_order_cannot_be_changed() -> None:
    for change in (
        lambda: orders.change_address("ORD-1", NEW_ADDRESS, by="you"),
        lambda: orders.set_tracking("ORD-1", "AWB", by="the shop"),
        lambda: orders.expect_on("ORD-1", date(2026, 12, 24)),
    ):
        with pytest.raises(UnknownOrder):
            change()
