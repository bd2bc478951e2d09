"""Statuses of an order, and what follows from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from storefront.core.money import Money
from storefront.orders.values import NEXT_STEPS, OrderId, OrderStatus, OrderView, StepNotAllowed
from tests.factories.shopping import ADDRESS, make_snapshot

STATUSES = list(OrderStatus)


def make_view(status: OrderStatus) -> OrderView:
    snapshot = make_snapshot(quantity=3)
    return OrderView(
        id=OrderId("ORD-261122000001"),
        row_id=1,
        checkout_id="a-checkout",
        customer_id=None,
        status=status,
        placed_at=datetime(2026, 11, 22, tzinfo=UTC),
        estimated_on=date(2026, 11, 29),
        email=snapshot.email,
        phone=snapshot.phone,
        address=ADDRESS,
        items=(*snapshot.items, replace(snapshot.items[0], sku="MUG-2", quantity=2)),
        subtotal=snapshot.subtotal,
        shipping=snapshot.shipping,
        tax=snapshot.tax,
        discount=snapshot.discount,
        grand_total=snapshot.grand_total,
        payment_kind="cod",
        payment_details="Cash on Delivery",
        lender="",
        timeline=(),
        refunded=Money(0, "INR"),
    )


def test_every_status_has_its_next_steps() -> None:
    assert set(NEXT_STEPS) == set(STATUSES)
    assert all(following <= set(STATUSES) for following in NEXT_STEPS.values())


def test_every_status_can_be_reached_from_the_first() -> None:
    reached = {OrderStatus.PENDING}
    for _ in STATUSES:
        reached |= {following for status in reached for following in NEXT_STEPS[status]}
    assert reached == set(STATUSES)


@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.UNDELIVERED, OrderStatus.REFUNDED])
def test_a_closed_order_stays_closed(status: OrderStatus) -> None:
    """A8, A9: only a delivered order can still be closed, by the refund of all its units."""
    assert NEXT_STEPS[status] == frozenset()
    assert NEXT_STEPS[OrderStatus.DELIVERED] == {OrderStatus.REFUNDED}


@pytest.mark.parametrize("status", [OrderStatus.SHIPPED, OrderStatus.DELIVERED])
def test_a_shipped_order_cannot_be_cancelled(status: OrderStatus) -> None:
    assert OrderStatus.CANCELLED not in NEXT_STEPS[status]


@pytest.mark.parametrize(
    ("status", "following"),
    [
        (OrderStatus.PENDING, OrderStatus.CONFIRMED),
        (OrderStatus.CONFIRMED, OrderStatus.PROCESSING),
        (OrderStatus.PROCESSING, OrderStatus.SHIPPED),
        (OrderStatus.SHIPPED, OrderStatus.DELIVERED),
        (OrderStatus.DELIVERED, None),
        (OrderStatus.CANCELLED, None),
        (OrderStatus.UNDELIVERED, None),
        (OrderStatus.REFUNDED, None),
    ],
)
def test_an_order_has_a_next_step(status: OrderStatus, following: OrderStatus | None) -> None:
    assert make_view(status).next_step is following


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_confirmed_order_can_be_cancelled_by_its_customer(status: OrderStatus) -> None:
    assert make_view(status).can_be_cancelled is (status is OrderStatus.CONFIRMED)


def test_an_order_counts_the_units_of_all_its_items() -> None:
    assert make_view(OrderStatus.CONFIRMED).unit_count == 5


def test_a_refused_step_names_both_statuses() -> None:
    refusal = StepNotAllowed(OrderStatus.SHIPPED, OrderStatus.CANCELLED)
    assert (refusal.current, refusal.wanted) == (OrderStatus.SHIPPED, OrderStatus.CANCELLED)
