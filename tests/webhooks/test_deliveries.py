"""Deliveries: once for each endpoint, again after crashes and failures, until an endpoint is given up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from storefront.db.session import db, read_session
from storefront.webhooks import deliveries
from storefront.webhooks import service as webhooks
from storefront.webhooks.models import Delivery, Event, Message
from storefront.webhooks.values import (
    DeliveryState,
    DisabledReason,
    EndpointState,
    EventType,
)
from tests.conftest import ENGINES
from tests.factories.webhooks import delivery_of, make_delivery, make_endpoint, make_event, send_all
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop
from tests.webhook_receiver import Receiver, receiving

ADMIN = "admin@example.com"


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "JITTER", 0.0)


@pytest.fixture
def other() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def messages() -> list[str]:
    """Topics in the outbox of the schema."""
    return list(read_session().scalars(select(Message.topic)))


# ------------------------------------------------------------------------------------------------- what is sent


def test_an_event_goes_signed_to_every_endpoint_that_subscribes_to_it(
    app: Flask, receiver: Receiver, other: Receiver, now: Clock
) -> None:
    paid, stock = make_endpoint(receiver.url), make_endpoint(other.url, frozenset({EventType.STOCK_LOW}))
    event = make_event()
    assert webhooks.record_event(event) == 1
    now.advance(minutes=2)
    assert send_all() == 1
    (request,) = receiver.received
    assert request.id == event.id
    assert request.is_signed_with(str(paid.secret))
    assert not request.is_signed_with(str(stock.secret))
    assert request.payload == {
        "type": "order.paid",
        "timestamp": "2026-11-22T12:00:00.000Z",
        "data": {"order": {"id": "ORD-1"}},
    }
    assert request.body.decode().startswith('{"type":"order.paid",')
    assert int(request.headers["webhook-timestamp"]) == int(now.read().timestamp()), "of the attempt, not of the event"
    assert other.received == []
    delivery = delivery_of(paid.endpoint_id, event.id)
    assert (delivery.state, delivery.attempts, delivery.status) == (DeliveryState.DELIVERED, 1, 200)
    assert (delivery.answer, delivery.error) == ("thank you", "")
    assert delivery.duration_ms is not None
    assert webhooks.get_endpoint(paid.endpoint_id).last_success_at == now.read()


def test_an_event_that_is_recorded_again_is_sent_once_for_each_endpoint(
    app: Flask, receiver: Receiver, other: Receiver
) -> None:
    make_endpoint(receiver.url)
    make_endpoint(other.url)
    event = make_event()
    assert [webhooks.record_event(event) for _ in range(3)] == [2, 0, 0]
    send_all()
    assert webhooks.record_event(event) == 0
    send_all()
    assert receiver.ids == other.ids == [event.id]


def test_without_a_subscriber_nothing_is_kept(app: Flask) -> None:
    make_endpoint(events=frozenset({EventType.STOCK_LOW}))
    assert not webhooks.has_subscribers(EventType.ORDER_PAID)
    assert webhooks.has_subscribers(EventType.STOCK_LOW)
    assert webhooks.record_event(make_event()) == 0
    assert read_session().scalar(select(func.count()).select_from(Event)) == 0


def test_a_test_event_goes_to_one_endpoint_whatever_it_subscribes_to(
    app: Flask, receiver: Receiver, other: Receiver
) -> None:
    made = make_endpoint(receiver.url, frozenset({EventType.STOCK_LOW}))
    make_endpoint(other.url)
    webhooks.send_test_event(made.endpoint_id, actor=ADMIN)
    webhooks.send_test_event(made.endpoint_id, actor=ADMIN)
    send_all()
    assert receiver.types == ["webhook.test", "webhook.test"]
    assert len(set(receiver.ids)) == 2
    assert other.received == []


# ---------------------------------------------------------------------------------------------------- retries


def test_a_failed_delivery_is_tried_ten_times_by_the_recommended_schedule(
    app: Flask, receiver: Receiver, now: Clock
) -> None:
    receiver.answers = [500]
    made = make_endpoint(receiver.url)
    delivery = make_delivery(made.endpoint_id)
    began, attempts = now.read(), []
    for _ in range(20):
        if send_all():
            attempts.append(now.read() - began)
        delivery = delivery_of(made.endpoint_id, delivery.event_id)
        if delivery.state is not DeliveryState.PENDING:
            break
        now.at = delivery.due_at - timedelta(milliseconds=1)
        assert send_all() == 0, "too early"
        now.at = delivery.due_at
    hours = [round(attempt.total_seconds() / 3600, 2) for attempt in attempts]
    assert hours == [0, 0, 0.08, 0.58, 2.58, 7.58, 17.58, 31.58, 51.58, 75.58]
    assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.FAILED, 10, "answered 500")
    assert set(receiver.ids) == {delivery.event_id}
    assert len({request.body for request in receiver.received}) == 1
    assert all(request.headers["webhook-timestamp"] for request in receiver.received)
    now.advance(days=9)
    assert send_all() == 0


def test_retries_are_spread(app: Flask, receiver: Receiver, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "JITTER", 0.1)
    receiver.answers = [500]
    made = make_endpoint(receiver.url)
    events = [make_delivery(made.endpoint_id).event_id for _ in range(10)]
    send_all()
    due = {delivery_of(made.endpoint_id, event).due_at - now.read() for event in events}
    assert len(due) > 5
    assert all(timedelta(seconds=5) <= delay <= timedelta(seconds=5.5) for delay in due)


@pytest.mark.parametrize(("asked", "waits"), [("2", 5), ("3600", 3600), ("999999999", 86400)])
def test_a_receiver_may_ask_for_a_later_retry(
    app: Flask, receiver: Receiver, now: Clock, asked: str, waits: int
) -> None:
    receiver.answers, receiver.headers = [429], {"Retry-After": asked}
    made = make_endpoint(receiver.url)
    delivery = make_delivery(made.endpoint_id)
    send_all()
    assert delivery_of(made.endpoint_id, delivery.event_id).due_at == now.read() + timedelta(seconds=waits)


def test_a_receiver_that_recovers_gets_it(app: Flask, receiver: Receiver, now: Clock) -> None:
    receiver.answers = [503, 301, 200]
    made = make_endpoint(receiver.url)
    delivery = make_delivery(made.endpoint_id)
    for _ in range(3):
        send_all()
        now.advance(hours=1)
    assert len(receiver.received) == 3
    endpoint = webhooks.get_endpoint(made.endpoint_id)
    assert (endpoint.failures, endpoint.failing_since) == (0, None)
    assert delivery_of(made.endpoint_id, delivery.event_id).state is DeliveryState.DELIVERED


def test_a_failing_endpoint_does_not_keep_others_waiting(app: Flask, receiver: Receiver, other: Receiver) -> None:
    receiver.answers = [500]
    make_endpoint(receiver.url)
    webhooks.record_event(make_event())
    send_all()
    webhooks.record_event(make_event())
    make_endpoint(other.url)
    webhooks.record_event(make_event())
    assert webhooks.send_next()
    assert (len(receiver.received), len(other.received)) == (1, 1), "the healthy one comes first"


# ----------------------------------------------------------------------------------------- crashes and leases


def test_a_crash_after_the_answer_sends_it_again_with_the_same_id(
    app: Flask, receiver: Receiver, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_endpoint(receiver.url)
    delivery = make_delivery(made.endpoint_id)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "_note", killed)
        with pytest.raises(KeyboardInterrupt):
            webhooks.send_next()
    assert receiver.ids == [delivery.event_id]
    assert send_all() == 0, "another worker waits for the end of the lease"
    now.at += deliveries.LEASE
    assert send_all() == 1
    assert receiver.ids == [delivery.event_id] * 2
    assert receiver.received[0].body == receiver.received[1].body
    done = delivery_of(made.endpoint_id, delivery.event_id)
    assert (done.state, done.attempts) == (DeliveryState.DELIVERED, 2)


def test_while_it_is_sent_nothing_else_is_sent_to_the_endpoint(app: Flask, receiver: Receiver) -> None:
    made = make_endpoint(receiver.url)
    for _ in range(2):
        make_delivery(made.endpoint_id)
    others: list[bool] = []
    assert webhooks.send_next(on_claim=lambda: others.append(webhooks.send_next()))
    assert others == [False]
    assert webhooks.send_next()


def test_an_endpoint_that_is_deleted_while_it_is_sent_to_is_no_fault(app: Flask, receiver: Receiver) -> None:
    made = make_endpoint(receiver.url)
    make_delivery(made.endpoint_id)
    assert webhooks.send_next(on_claim=lambda: webhooks.delete_endpoint(made.endpoint_id, actor=ADMIN))
    assert len(receiver.received) == 1
    assert webhooks.list_endpoints() == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.usefixtures("real_time")
def test_many_senders_send_each_delivery_once(engine: str, tmp_path: Path) -> None:
    with receiving() as first, receiving() as second, own_shop(engine, tmp_path) as app:
        with app.app_context():
            make_endpoint(first.url)
            make_endpoint(second.url)
            events = [make_event() for _ in range(10)]
        recorded = at_once(app, [lambda event=event: webhooks.record_event(event) for event in [*events, *events]])
        assert sorted(str(count) for count in recorded) == ["0"] * 10 + ["2"] * 10

        def send_until_none() -> None:
            while webhooks.send_next():
                db.session.rollback()

        for _ in range(5):
            assert at_once(app, [send_until_none] * 4) == [None] * 4
        ids = sorted(event.id for event in events)
        assert (sorted(first.ids), sorted(second.ids)) == (ids, ids)


# --------------------------------------------------------------------------------------------------- giving up


def fail_once(endpoint_id: int) -> None:
    webhooks.record_event(make_event())
    assert webhooks.send_next()


def test_an_endpoint_that_answers_gone_is_disabled_at_once(app: Flask, receiver: Receiver, other: Receiver) -> None:
    receiver.answers = [410]
    made, healthy = make_endpoint(receiver.url), make_endpoint(other.url)
    first, second = make_delivery(made.endpoint_id), make_delivery(made.endpoint_id)
    send_all()
    assert len(receiver.received) == 1
    assert len(other.received) == 2
    endpoint = webhooks.get_endpoint(made.endpoint_id)
    assert (endpoint.state, endpoint.disabled_reason) == (EndpointState.DISABLED, DisabledReason.GONE)
    states = {delivery_of(made.endpoint_id, each.event_id).state for each in (first, second)}
    assert states == {DeliveryState.FAILED}
    assert messages() == ["webhook-endpoint-disabled"]
    webhooks.record_event(make_event())
    send_all()
    assert len(receiver.received) == 1, "nothing is kept for it"
    assert webhooks.get_endpoint(healthy.endpoint_id).state is EndpointState.ACTIVE


def test_an_endpoint_that_fails_for_five_days_is_disabled_once(app: Flask, receiver: Receiver, now: Clock) -> None:
    receiver.answers = [500]
    made = make_endpoint(receiver.url)
    for day in range(5):
        for _ in range(3):
            fail_once(made.endpoint_id)
        assert webhooks.get_endpoint(made.endpoint_id).state is EndpointState.ACTIVE, f"day {day}"
        now.advance(days=1)
    fail_once(made.endpoint_id)
    endpoint = webhooks.get_endpoint(made.endpoint_id)
    assert (endpoint.state, endpoint.disabled_reason) == (EndpointState.DISABLED, DisabledReason.FAILING)
    assert messages() == ["webhook-endpoint-disabled"]
    webhooks.set_paused(made.endpoint_id, False, actor=ADMIN)
    fail_once(made.endpoint_id)
    assert webhooks.get_endpoint(made.endpoint_id).state is EndpointState.ACTIVE, "it has five days again"


def test_a_success_within_the_days_keeps_an_endpoint(app: Flask, receiver: Receiver, now: Clock) -> None:
    made = make_endpoint(receiver.url)
    for _ in range(9):
        receiver.answers = [500]
        fail_once(made.endpoint_id)
        now.advance(days=1)
        receiver.answers = [200]
        send_all()
    assert webhooks.get_endpoint(made.endpoint_id).state is EndpointState.ACTIVE


def test_few_failures_far_apart_disable_nothing(app: Flask, receiver: Receiver, now: Clock) -> None:
    """A shop with an event a week must not lose its endpoint by two of them."""
    receiver.answers = [500]
    made = make_endpoint(receiver.url)
    for _ in range(2):
        fail_once(made.endpoint_id)
        now.advance(days=7)
    assert webhooks.get_endpoint(made.endpoint_id).state is EndpointState.ACTIVE


# ------------------------------------------------------------------------------------------------------- purge


def test_events_are_purged_after_thirty_days_whatever_became_of_them(
    app: Flask, receiver: Receiver, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "PURGE_BATCH", 2)
    made = make_endpoint(receiver.url)
    old = [make_delivery(made.endpoint_id) for _ in range(5)]
    assert webhooks.send_next()  # one is delivered, the others wait
    now.advance(days=29)
    young = make_delivery(made.endpoint_id)
    assert webhooks.purge_events() == 0
    now.advance(days=1, seconds=1)
    assert webhooks.purge_events() == len(old)
    db.session.rollback()
    assert read_session().scalars(select(Delivery.event_id)).all() == [young.event_id]
    assert read_session().scalars(select(Event.id)).all() == [young.event_id]


def test_deliveries_that_nobody_sends_are_a_violation(app: Flask, receiver: Receiver, now: Clock) -> None:
    made = make_endpoint(receiver.url)
    make_delivery(made.endpoint_id)
    now.advance(minutes=9)
    assert list(webhooks.violations()) == []
    now.advance(minutes=2)
    assert list(webhooks.violations()) == ["webhooks: 1 deliveries are overdue: does the worker run?"]
    webhooks.set_paused(made.endpoint_id, True, actor=ADMIN)
    assert list(webhooks.violations()) == []


def test_the_clock_of_an_event_is_utc(app: Flask, receiver: Receiver) -> None:
    make_endpoint(receiver.url)
    webhooks.record_event(make_event())
    send_all()
    assert datetime.fromisoformat(receiver.received[0].payload["timestamp"]).utcoffset() == timedelta(0)
