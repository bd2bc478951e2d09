"""What happens in the shop becomes an event of webhooks: once, with a payload for programs, and beside the e-mails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.catalog.inventory.admin import Reason
from storefront.catalog.values import Sku
from storefront.db.dead_letters import dead_letters_by_schema
from storefront.db.session import db, read_session
from storefront.orders import service as orders
from storefront.orders.models import Message as OrdersMessage
from storefront.orders.values import OrderStatus, OrderView
from storefront.webhooks import service as webhooks
from storefront.webhooks.models import Event
from storefront.webhooks.values import EventType
from storefront.worker import tasks, webhook_events
from tests.factories.accounts import make_account, make_staff
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import make_order_at, refund
from tests.factories.shopping import ADDRESS, EMAIL, PHONE, make_order
from tests.factories.stock import adjust, change_of, sell
from tests.factories.webhooks import LOCAL_URL, make_endpoint, send_all
from tests.fakes import Clock
from tests.mailbox import Mailbox
from tests.webhook_receiver import Receiver

BY_STAFF = {"by": "the shop", "actor": "clerk@example.com"}


@pytest.fixture
def endpoint(app: Flask) -> int:
    return make_endpoint().endpoint_id


@pytest.fixture(autouse=True)
def _request(app: Flask) -> Iterator[None]:
    with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
        yield


def events() -> list[tuple[str, dict[str, Any]]]:
    """Type and data of the events recorded so far."""
    db.session.rollback()
    rows = read_session().scalars(select(Event).order_by(Event.created_at, Event.type))
    return [(row.type, json.loads(row.payload)["data"]) for row in rows]


def types() -> list[str]:
    return [event_type for event_type, _ in events()]


def data_of(event_type: EventType) -> dict[str, Any]:
    (data,) = [data for found, data in events() if found == event_type]
    return data


def test_an_order_is_told_with_what_a_program_needs_and_nothing_personal(
    endpoint: int, mailbox: Mailbox, now: Clock
) -> None:
    mug = make_product(stock=10)
    order = make_order((mug, 2))
    now.advance(minutes=1)
    mailbox.deliver()
    assert types() == ["order.confirmed"]
    told = data_of(EventType.ORDER_CONFIRMED)["order"]
    lines = told.pop("lines")
    assert told == {
        "id": order.id,
        "status": "confirmed",
        "placed_at": "2026-11-22T12:00:00.000Z",
        "payment_method": "cod",
        "currency": "INR",
        "subtotal": order.subtotal.minor,
        "shipping": order.shipping.minor,
        "tax": order.tax.minor,
        "discount": 0,
        "total": order.grand_total.minor,
        "refunded": 0,
    }
    (item,) = order.items
    assert lines == [
        {
            "sku": mug.sku,
            "product_id": mug.id,
            "name": item.name,
            "option": item.option,
            "quantity": 2,
            "quantity_refunded": 0,
            "unit_price": item.unit_price.minor,
            "line_total": item.line_total.minor,
        }
    ]
    stored = " ".join(read_session().scalars(select(Event.payload)))
    for personal in (EMAIL, PHONE, ADDRESS.full_name, ADDRESS.line1, ADDRESS.city, ADDRESS.postal_code):
        assert personal not in stored
    assert json.loads(stored)["timestamp"] == "2026-11-22T12:00:00.000Z", "when it happened"


@pytest.mark.parametrize(
    ("payment", "is_paid"), [("sandbox-success", True), ("upi", True), ("cod", False), ("bnpl", False)]
)
def test_an_order_that_is_paid_when_it_is_confirmed_is_told_as_paid(
    endpoint: int, mailbox: Mailbox, payment: str, is_paid: bool
) -> None:
    make_order(payment=payment)
    mailbox.deliver()
    assert ("order.paid" in types()) is is_paid


def test_the_life_of_an_order_paid_on_delivery(endpoint: int, mailbox: Mailbox, now: Clock) -> None:
    order = make_order()
    for status in (OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED):
        now.advance(hours=1)
        parcel = {"tracking": "AWB 1", "carrier": "Blue Dart"} if status is OrderStatus.SHIPPED else {}
        orders.advance(order.id, status, **BY_STAFF, **parcel)
        mailbox.deliver()
    orders.receive_cash(order.id, actor="clerk@example.com")
    mailbox.deliver()
    assert types() == ["order.confirmed", "order.shipped", "order.paid"]
    shipment = data_of(EventType.ORDER_SHIPPED)["shipment"]
    assert (shipment["carrier"], shipment["tracking_number"]) == ("Blue Dart", "AWB 1")
    assert data_of(EventType.ORDER_PAID)["order"]["status"] == "delivered"


def test_a_cancelled_order_that_was_paid_is_refunded_as_well(endpoint: int, mailbox: Mailbox) -> None:
    order = make_order(payment="sandbox-success")
    mailbox.deliver()
    orders.cancel(order.id, by="the customer")
    mailbox.deliver()
    assert types()[-2:] == ["order.cancelled", "order.refunded"] or set(types()) >= {
        "order.cancelled",
        "order.refunded",
    }
    assert data_of(EventType.ORDER_CANCELLED)["order"]["status"] == "cancelled"
    refunded = data_of(EventType.ORDER_REFUNDED)["refund"]
    (item,) = order.items
    assert refunded == {
        "id": None,
        "amount": order.grand_total.minor,
        "currency": "INR",
        "reduces_amount_due": False,
        "lines": [{"sku": item.sku, "quantity": 2}],
    }


def test_a_cancelled_order_that_nobody_paid_is_not_refunded(endpoint: int, mailbox: Mailbox) -> None:
    order = make_order()
    orders.cancel(order.id, by="the customer")
    mailbox.deliver()
    assert sorted(types()) == ["order.cancelled", "order.confirmed"]


def test_a_parcel_that_came_back_is_told_as_cancelled(endpoint: int, mailbox: Mailbox) -> None:
    order = make_order_at(OrderStatus.SHIPPED)
    orders.mark_undelivered(order.id, restock=True, **BY_STAFF)
    mailbox.deliver()
    assert data_of(EventType.ORDER_CANCELLED)["order"]["status"] == "undelivered"


def test_a_refund_in_part_is_told_with_its_lines(endpoint: int, mailbox: Mailbox) -> None:
    order = make_order(payment="sandbox-success")
    number = refund(order, 1)
    mailbox.deliver()
    told = data_of(EventType.ORDER_REFUNDED)
    (item,) = order.items
    assert told["refund"]["lines"] == [{"sku": item.sku, "quantity": 1}]
    assert told["refund"]["id"] == number
    assert told["refund"]["amount"] == told["order"]["refunded"] > 0
    assert told["order"]["lines"][0]["quantity_refunded"] == 1


def test_refunds_are_told_apart(endpoint: int, mailbox: Mailbox) -> None:
    order = make_order(payment="sandbox-success")
    for _ in range(2):
        refund(order, amount=rupees(1))
        mailbox.deliver()
    assert types().count("order.refunded") == 2


def test_stock_that_falls_and_comes_back_is_told(endpoint: int, mailbox: Mailbox) -> None:
    mug = make_product(stock=12)
    sell(mug.sku, 12)
    mailbox.deliver()
    low = data_of(EventType.STOCK_LOW)
    assert (low["count"], [row["sku"] for row in low["variants"]]) == (1, [mug.sku])
    assert low["variants"][0]["available"] == 0
    adjust(change_of(mug.sku, delta=5), reason=Reason.RECEIVED)
    mailbox.deliver()
    assert data_of(EventType.STOCK_BACK) == {"sku": mug.sku, "product_id": mug.id, "available": 5}


# ------------------------------------------------------------------------------ beside what the message is for


def message_of(order: OrderView) -> OrdersMessage:
    return read_session().scalars(select(OrdersMessage).where(OrdersMessage.key == f"order-placed/{order.id}")).one()


def test_a_message_that_is_handled_again_makes_one_event(endpoint: int, mailbox: Mailbox) -> None:
    order = make_order()
    mailbox.deliver()
    message = message_of(order)
    for _ in range(2):
        tasks.SUBSCRIPTIONS[message.topic](message.key, message.payload)
    assert types() == ["order.confirmed"]


def test_a_mail_server_that_is_away_delays_no_event(endpoint: int, mailbox: Mailbox, now: Clock) -> None:
    mailbox.post.is_down = True
    order = make_order()
    mailbox.deliver()
    assert types() == ["order.confirmed"]
    mailbox.post.is_down = False
    now.advance(minutes=1)
    mailbox.deliver()
    assert types() == ["order.confirmed"]
    assert [letter.subject for letter in mailbox.post.letters] == [f"Your order {order.id}"]


def test_a_database_of_webhooks_that_is_away_delays_no_letter_and_loses_no_event(
    endpoint: int, mailbox: Mailbox, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object) -> None:
        raise OSError("no such database")

    with monkeypatch.context() as patch:
        patch.setattr(webhooks, "has_subscribers", away)
        order = make_order()
        mailbox.deliver()
        message = message_of(order)
        tasks.SUBSCRIPTIONS[message.topic](message.key, message.payload)  # again, as after a crash
    assert [letter.subject for letter in mailbox.post.letters][:1] == [f"Your order {order.id}"]
    assert types() == []
    assert [failed.key for failed in dead_letters_by_schema()["orders"].entries()] == [
        f"{webhook_events.WEBHOOK_EVENT_DUE}/order-placed/{order.id}"
    ]
    now.advance(minutes=1)
    mailbox.deliver()
    assert types() == ["order.confirmed"]


def test_a_shop_without_endpoints_asks_for_nothing_more(
    app: Flask, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*arguments: object) -> None:
        raise AssertionError("nobody subscribes")

    monkeypatch.setattr(webhooks, "record_event", unexpected)
    order = make_order()
    mailbox.deliver()
    assert events() == []
    assert len(mailbox.post.letters) == 1
    assert message_of(order).last_error == ""


def test_from_the_order_to_the_receiver(app: Flask, mailbox: Mailbox, receiver: Receiver) -> None:
    secret = make_endpoint(receiver.url, frozenset({EventType.ORDER_CONFIRMED})).secret
    order = make_order()
    mailbox.deliver()
    send_all()
    (request,) = receiver.received
    assert request.is_signed_with(str(secret))
    assert request.payload["data"]["order"]["id"] == order.id


# -------------------------------------------------------------------------------------------- the admins are told


def test_every_admin_is_told_of_a_disabled_endpoint(app: Flask, mailbox: Mailbox, receiver: Receiver) -> None:
    first, second = make_staff(email="first@example.com"), make_staff(email="second@example.com")
    make_account(email="nobody@example.com")
    made = make_endpoint(receiver.url)
    receiver.answers = [410]
    webhooks.send_test_event(made.endpoint_id, actor="first@example.com")
    send_all()
    for admin in (first, second):
        (letter,) = mailbox.letters_to(str(admin.email))
        assert letter.subject == "The webhook to 127.0.0.1 was disabled"
        assert f"/staff/webhooks/{made.endpoint_id}" in letter.text
        assert "410 Gone" in letter.text
    assert mailbox.letters_to("nobody@example.com") == []


def test_nobody_is_told_of_an_endpoint_that_was_resumed_meanwhile(
    app: Flask, mailbox: Mailbox, receiver: Receiver
) -> None:
    admin = make_staff(email="first@example.com")
    made = make_endpoint(receiver.url)
    receiver.answers = [410]
    webhooks.send_test_event(made.endpoint_id, actor="first@example.com")
    send_all()
    webhooks.set_paused(made.endpoint_id, False, actor="first@example.com")
    assert mailbox.letters_to(str(admin.email)) == []


def test_a_deleted_variant_makes_no_event(endpoint: int) -> None:
    webhook_events.record_postponed(
        "webhook-event-due/back-in-stock/1",
        {"topic": "back-in-stock", "key": "back-in-stock/1", "payload": {"sku": Sku("NO-SUCH"), "product": 1}},
    )
    assert events() == []
    assert webhooks.get_endpoint(endpoint).url == LOCAL_URL
