"""Orders: created once, unaffected by the catalogue, changing status only as allowed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from storefront.catalog.models import Product, Variant
from storefront.db.session import read_session, transaction
from storefront.orders import service as orders
from storefront.orders.models import Message, Order
from storefront.orders.refund_values import NotRefundable, RefundRequest
from storefront.orders.values import NEXT_STEPS, OrderId, OrderStatus, OrderView, StepNotAllowed, UnknownOrder
from tests.conftest import NOON
from tests.factories.catalog import make_product, rupees
from tests.factories.shopping import ADDRESS, EMAIL, make_order, make_snapshot, new_checkout_id
from tests.fakes import Clock

pytestmark = pytest.mark.usefixtures("app")

STATUSES = list(OrderStatus)


def create(email: str = EMAIL) -> tuple[str, OrderId]:
    """A pending order.

    :return: its checkout and its number
    """
    checkout = new_checkout_id()
    return checkout, orders.create_order(checkout, make_snapshot(email=email))


def create_at(status: OrderStatus) -> OrderId:
    """An order of any status, set directly in the database."""
    _, order_id = create()
    with transaction("orders") as session:
        session.execute(update(Order).where(Order.order_id == order_id).values(status=status))
    return order_id


def messages() -> list[str]:
    with read_session() as session:
        return list(session.scalars(select(Message.key).order_by(Message.id)))


def statuses_of(order: OrderView) -> list[OrderStatus]:
    return [event.status for event in order.timeline]


# --------------------------------------------------------------------------------------------- creation


def test_an_order_stores_the_snapshot() -> None:
    snapshot = make_snapshot(name="Clay Mug", price=rupees("349.25"), quantity=3)
    order = orders.get_order(orders.create_order(new_checkout_id(), snapshot))
    assert tuple(replace(item, id=None) for item in order.items) == snapshot.items
    assert (order.subtotal, order.shipping, order.tax, order.discount, order.grand_total) == (
        snapshot.subtotal,
        snapshot.shipping,
        snapshot.tax,
        snapshot.discount,
        snapshot.grand_total,
    )
    assert (order.email, order.phone, order.address) == (snapshot.email, snapshot.phone, snapshot.address)
    assert (order.payment_kind, order.payment_details) == ("cod", "Cash on Delivery")
    assert order.status is OrderStatus.PENDING


def test_text_in_any_script_is_stored_unchanged() -> None:
    address = replace(ADDRESS, full_name="आशा राव", line1="Straße 12 – “Haus” ☕", city="Ürümqi")
    snapshot = replace(make_snapshot(name="Müg 😀"), address=address)
    order = orders.get_order(orders.create_order(new_checkout_id(), snapshot))
    assert order.address == address
    assert order.items[0].name == "Müg 😀"


def test_an_order_number_has_the_date_and_random_digits() -> None:
    numbers = {create()[1] for _ in range(5)}
    assert len(numbers) == 5
    assert all(re.fullmatch(r"ORD-261122\d{6}", number) for number in numbers)


def test_an_order_has_an_estimated_delivery_date() -> None:
    order = orders.get_order(create()[1])
    assert (order.placed_at, order.estimated_on) == (NOON, date(2026, 11, 29))


def test_a_checkout_has_one_order() -> None:
    checkout, order_id = create()
    assert orders.create_order(checkout, make_snapshot(name="Something else")) == order_id
    assert orders.get_order(order_id).items[0].name == "Clay Mug"
    assert statuses_of(orders.get_order(order_id)) == [OrderStatus.PENDING]


def test_a_taken_order_number_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    _, taken = create()
    numbers = iter([taken, taken, OrderId("ORD-261122999999")])
    monkeypatch.setattr(orders, "_new_order_id", lambda: next(numbers))
    assert create()[1] == "ORD-261122999999"


def test_an_order_that_does_not_add_up_is_refused_by_the_database() -> None:
    snapshot = replace(make_snapshot(), grand_total=rupees(1))
    with pytest.raises(DBAPIError):
        orders.create_order(new_checkout_id(), snapshot)


def test_an_order_never_changes_when_the_catalogue_does() -> None:
    mug = make_product(name="Clay Mug", price=500)
    order = make_order((mug, 2))
    with transaction("catalog") as session:
        session.execute(update(Variant).where(Variant.sku == mug.sku).values(price=99999, name="XL"))
        session.execute(update(Product).where(Product.id == mug.id).values(name="Gone", slug="gone", active=False))
    assert orders.get_order(order.id) == order


def test_an_unknown_order_number_is_refused() -> None:
    with pytest.raises(UnknownOrder):
        orders.get_order("ORD-261122000000")


# ------------------------------------------------------------------------------------------------ steps


def test_a_confirmation_publishes_one_message() -> None:
    checkout, order_id = create()
    for _ in range(3):
        orders.confirm_order(checkout)
    order = orders.get_order(order_id)
    assert order.status is OrderStatus.CONFIRMED
    assert statuses_of(order) == [OrderStatus.PENDING, OrderStatus.CONFIRMED]
    assert messages() == [f"order-placed/{order_id}"]


def test_a_pending_order_publishes_no_message() -> None:
    create()
    assert messages() == []


def test_every_status_of_an_order_is_in_its_timeline(now: Clock) -> None:
    order_id = make_order().id
    for status in (OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        now.advance(hours=5)
        orders.advance(order_id, status, by="Meera", tracking="AWB 77" if status is OrderStatus.SHIPPED else "")
    timeline = orders.get_order(order_id).timeline
    assert [event.status for event in timeline] == STATUSES[: STATUSES.index(OrderStatus.DELIVERED) + 1]
    assert [event.by for event in timeline] == ["the shop", "the shop", "Meera", "Meera", "Meera"]
    assert [event.tracking_number for event in timeline] == ["", "", "", "AWB 77", ""]
    assert [event.at.hour for event in timeline] == [12, 12, 17, 22, 3]


@pytest.mark.parametrize("wanted", STATUSES)
@pytest.mark.parametrize("current", STATUSES)
def test_staff_can_set_only_the_statuses_that_are_theirs(current: OrderStatus, wanted: OrderStatus) -> None:
    order_id = create_at(current)
    if wanted in NEXT_STEPS[current] and wanted in orders.STAFF_STEPS:
        orders.advance(order_id, wanted, by="staff")
        assert orders.get_order(order_id).status is wanted
        return
    with pytest.raises(StepNotAllowed) as refusal:
        orders.advance(order_id, wanted, by="staff")
    assert (refusal.value.current, refusal.value.wanted) == (current, wanted)
    assert orders.get_order(order_id).status is current
    assert statuses_of(orders.get_order(order_id)) == [OrderStatus.PENDING]


def test_an_unknown_order_cannot_be_advanced() -> None:
    with pytest.raises(UnknownOrder):
        orders.advance("ORD-261122000000", OrderStatus.PROCESSING, by="staff")


# ---------------------------------------------------------------------------------------------- cancelling


def test_the_order_of_a_failed_checkout_is_cancelled_with_a_note() -> None:
    checkout, order_id = create()
    orders.cancel_order(checkout, "Nothing was charged")
    orders.cancel_order(checkout, "Nothing was charged")
    order = orders.get_order(order_id)
    assert statuses_of(order) == [OrderStatus.PENDING, OrderStatus.CANCELLED]
    assert order.timeline[-1].note == "Nothing was charged"
    assert messages() == []


def test_a_checkout_without_an_order_has_nothing_to_cancel() -> None:
    orders.cancel_order(new_checkout_id(), "Nothing was charged")
    assert messages() == []


def test_a_cancellation_publishes_messages_for_restock_refund_and_email_once() -> None:
    order_id = make_order().id
    orders.cancel(order_id, by="you")
    with pytest.raises(StepNotAllowed):
        orders.cancel(order_id, by="you")
    assert orders.get_order(order_id).status is OrderStatus.CANCELLED
    assert sorted(messages()) == sorted(
        f"{topic}/{order_id}"
        for topic in (
            "order-placed",
            "order-cancelled-restock",
            "order-cancelled-refund",
            "order-cancelled-letter",
        )
    )


@pytest.mark.parametrize("status", [status for status in STATUSES if status is not OrderStatus.CONFIRMED])
def test_a_customer_can_cancel_only_a_confirmed_order(status: OrderStatus) -> None:
    order_id = create_at(status)
    with pytest.raises(StepNotAllowed) as refusal:
        orders.cancel(order_id, by="you")
    assert refusal.value.current is status
    assert messages() == []


def test_staff_may_cancel_an_order_that_is_being_packed() -> None:
    order_id = create_at(OrderStatus.PROCESSING)
    orders.cancel(order_id, by="Meera", note="Found broken", may_be_packed=True)
    last = orders.get_order(order_id).timeline[-1]
    assert (last.status, last.by, last.note) == (OrderStatus.CANCELLED, "Meera", "Found broken")


def test_a_pending_order_cannot_be_withdrawn_from() -> None:
    """A10: before the confirmation there is no contract."""
    order = orders.create_order(new_checkout_id(), make_snapshot())
    assert orders.return_eligibility(orders.get_order(order)) is None


def test_an_unknown_order_cannot_be_cancelled() -> None:
    with pytest.raises(UnknownOrder):
        orders.cancel("ORD-261122000000", by="you")


# ---------------------------------------------------------------------------------------------- tracking


def test_an_order_is_tracked_by_number_and_email_address() -> None:
    _, order_id = create(email="Asha.Rao@Example.com")
    assert orders.track(order_id, "Asha.Rao@Example.com") == order_id


@pytest.mark.parametrize("email", ["asha.rao@example.com", " ASHA.RAO@EXAMPLE.COM "])
def test_tracking_ignores_case_and_spaces(email: str) -> None:
    _, order_id = create(email="Asha.Rao@Example.com")
    assert orders.track(f" {order_id.lower()} ", email) == order_id


def test_a_wrong_number_and_a_wrong_address_get_the_same_error() -> None:
    _, order_id = create(email="asha@example.com")
    _, other = create(email="ravi@example.com")
    wrong = [(order_id, "ravi@example.com"), (other, "asha@example.com"), ("ORD-261122000000", "asha@example.com")]
    for number, email in [*wrong, (order_id, ""), ("", "asha@example.com"), ("%", "%"), (order_id, "ásha@example.com")]:
        with pytest.raises(UnknownOrder) as refusal:
            orders.track(number, email)
        assert str(refusal.value) == number


# --------------------------------------------------------------------------------------------- summaries


def test_summaries_are_newest_first_without_unknown_numbers() -> None:
    first, second = create()[1], create()[1]
    listed = orders.summaries([first, "ORD-261122000000", second])
    assert [order.id for order in listed] == [second, first]
    assert (listed[0].unit_count, listed[0].first_item, listed[0].grand_total) == (2, "Clay Mug", rupees(1680))


def test_summaries_of_no_numbers_are_empty(app: Flask) -> None:
    create()
    assert orders.summaries([]) == []


def test_a_pending_order_cannot_be_refunded(app: Flask) -> None:
    number = orders.create_order(new_checkout_id(), make_snapshot())
    with pytest.raises(NotRefundable) as refusal:
        orders.refund(number, RefundRequest({}, amount=rupees(1)), key="a-key", actor="meera@example.com")
    assert refusal.value.current is OrderStatus.PENDING
