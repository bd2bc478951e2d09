"""The transactional outbox: publishing, delivery, retries, crashes, concurrency."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError, OperationalError

from storefront.db import outbox
from storefront.db.session import read_session, retry_on_deadlock, transaction
from storefront.orders.models import Message
from storefront.payments.models import Message as PaymentMessage
from tests.conftest import ENGINES, NOON
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop


class Crash(BaseException):
    """The process dies here."""


@dataclass
class RecordingHandler:
    """A handler that notes what it received; the first `errors` are raised instead.

    :ivar received: keys, in order
    """

    received: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def __call__(self, key: str, payload: Mapping[str, Any]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.received.append(key)


def publish(*keys: str, topic: str = "news") -> None:
    with transaction("orders") as session:
        for key in keys:
            outbox.publish(session, Message, topic, key, {"about": key})


def publish_and_roll_back(schema: str, table: type[outbox.OutboxMessage]) -> None:
    with suppress(ZeroDivisionError), transaction(schema) as session:
        outbox.publish(session, table, "news", "news/1", {})
        raise ZeroDivisionError


def deliver(handler: outbox.Handler) -> int:
    return outbox.deliver("orders", Message, {"news": handler})


def row(key: str) -> Message:
    with read_session() as session:
        message = select(Message).where(Message.key == key)
        return session.scalars(message).one()


# ---------------------------------------------------------------------------------------------- delivery


def test_a_message_is_delivered_once(app: Flask) -> None:
    publish("news/1")
    handler = RecordingHandler()
    assert [deliver(handler) for _ in range(3)] == [1, 0, 0]
    assert handler.received == ["news/1"]
    assert row("news/1").delivered_at == NOON


def test_messages_are_delivered_in_the_order_they_were_written(app: Flask) -> None:
    keys = [f"news/{number}" for number in range(150)]
    publish(*keys)
    handler = RecordingHandler()
    assert deliver(handler) == 150
    assert handler.received == keys


def test_a_handler_gets_the_payload(app: Flask) -> None:
    publish("news/1")
    got: list[Mapping[str, Any]] = []
    deliver(lambda key, payload: got.append(payload))
    assert got == [{"about": "news/1"}]


def test_a_rolled_back_message_is_not_delivered(app: Flask) -> None:
    publish_and_roll_back("orders", Message)
    assert deliver(RecordingHandler()) == 0


def test_a_key_is_published_once(app: Flask) -> None:
    publish("news/1")
    with pytest.raises(IntegrityError):
        publish("news/1")


def test_a_handler_is_called_outside_any_transaction(app: Flask) -> None:
    def writes(key: str, payload: Mapping[str, Any]) -> None:
        with transaction("payments"):
            pass

    publish("news/1")
    assert deliver(writes) == 1


def test_messages_published_by_a_handler_are_delivered_too(app: Flask) -> None:
    received: list[str] = []

    def answers(key: str, payload: Mapping[str, Any]) -> None:
        received.append(key)
        if key == "news/1":
            publish("news/2")

    publish("news/1")
    deliver(answers)
    deliver(answers)
    assert received == ["news/1", "news/2"]


# ------------------------------------------------------------------------------------- waking the worker


@pytest.fixture
def wakes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry each time the worker was woken: how many messages it found to deliver."""
    counts: list[int] = []
    monkeypatch.setitem(app.extensions, "wake_worker", lambda: counts.append(deliver(RecordingHandler())))
    return counts


def test_messages_of_one_transaction_wake_the_worker_once_after_the_commit(wakes: list[int]) -> None:
    publish("news/1", "news/2")
    assert wakes == [2]


def test_a_transaction_without_a_message_does_not_wake_the_worker(wakes: list[int]) -> None:
    with transaction("orders") as session:
        session.execute(delete(Message))
    assert wakes == []


def test_a_rolled_back_message_does_not_wake_the_worker(wakes: list[int]) -> None:
    publish_and_roll_back("orders", Message)
    with transaction("orders"):
        pass  # nor does who comes after it
    assert wakes == []


def test_a_failed_commit_does_not_wake_the_worker(wakes: list[int]) -> None:
    def announce_twice() -> None:
        with transaction("orders") as session:
            outbox.publish(session, Message, "news", "news/1", {})
            session.add(Message(topic="news", key="news/1", payload={}, created_at=NOON, due_at=NOON))

    with pytest.raises(IntegrityError):
        announce_twice()
    assert wakes == []


def test_a_command_that_lost_a_deadlock_wakes_the_worker_once(wakes: list[int]) -> None:
    deadlocks = [OperationalError("INSERT", {}, Exception(1213, "Deadlock found"))]

    @retry_on_deadlock
    def announce() -> None:
        with transaction("orders") as session:
            outbox.publish(session, Message, "news", "news/1", {})
            if deadlocks:
                raise deadlocks.pop()

    announce()
    assert wakes == [1]


def test_each_schema_wakes_the_worker_for_its_own_messages(wakes: list[int]) -> None:
    publish_and_roll_back("payments", PaymentMessage)
    publish("news/1")
    assert wakes == [1]
    with transaction("payments") as session:
        outbox.publish(session, PaymentMessage, "news", "news/1", {})
    assert wakes == [1, 0], "the orders have nothing new"


def test_an_unreachable_queue_is_logged_and_the_message_is_still_delivered(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreachable() -> None:
        raise ConnectionRefusedError("no queue here")

    monkeypatch.setitem(app.extensions, "wake_worker", unreachable)
    publish("news/1")
    assert deliver(RecordingHandler()) == 1
    assert "the queue cannot be reached" in caplog.text


# ----------------------------------------------------------------------------------------------- failure


def test_a_failed_message_is_retried(app: Flask, now: Clock) -> None:
    publish("news/1")
    handler = RecordingHandler(errors=[ConnectionRefusedError("the mail server is away")])
    assert deliver(handler) == 0
    assert row("news/1").last_error == "ConnectionRefusedError: the mail server is away"
    now.advance(seconds=15)
    assert deliver(handler) == 1
    message = row("news/1")
    assert (message.attempts, message.last_error) == (2, "")


def test_retry_delays_double_up_to_the_maximum(app: Flask, now: Clock) -> None:
    publish("news/1")
    handler = RecordingHandler(errors=[OSError()] * 20)
    delays = []
    for _ in range(7):
        deliver(handler)
        due_at = row("news/1").due_at
        delays.append(due_at - now.at)
        now.at = due_at
    assert delays == sorted(delays)
    assert delays[:3] == [outbox.FIRST_RETRY, 2 * outbox.FIRST_RETRY, 4 * outbox.FIRST_RETRY]
    assert delays[-1] == outbox.MAX_RETRY_DELAY <= timedelta(minutes=4)


def test_a_message_is_not_retried_before_its_delay_is_over(app: Flask, now: Clock) -> None:
    publish("news/1")
    handler = RecordingHandler(errors=[OSError()])
    deliver(handler)
    now.advance(seconds=14)
    assert deliver(handler) == 0
    assert row("news/1").attempts == 1


def test_a_failed_message_does_not_block_the_others(app: Flask) -> None:
    publish("news/1", "news/2", "news/3")
    handler = RecordingHandler(errors=[OSError()])
    assert deliver(handler) == 2
    assert handler.received == ["news/2", "news/3"]


def test_a_message_without_a_handler_waits_for_one(app: Flask, now: Clock) -> None:
    publish("news/1", topic="unheard-of")
    assert deliver(RecordingHandler()) == 0
    now.advance(minutes=1)
    handler = RecordingHandler()
    assert outbox.deliver("orders", Message, {"unheard-of": handler}) == 1


def test_after_the_last_attempt_a_message_is_given_up(app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_ATTEMPTS", 3)
    publish("news/1")
    handler = RecordingHandler(errors=[OSError("no")] * 5)
    for _ in range(6):
        deliver(handler)
        now.advance(hours=1)
    message = row("news/1")
    assert (message.attempts, message.delivered_at, message.last_error) == (3, None, "OSError: no")
    assert message.failed_at == NOON + timedelta(hours=2)


def test_a_long_error_is_cut_to_its_column(app: Flask) -> None:
    publish("news/1")
    deliver(RecordingHandler(errors=[OSError("😀" * 1000)]))
    assert len(row("news/1").last_error) == 255


# ---------------------------------------------------------------------------------------------- crashes


def test_a_process_that_dies_before_a_delivery_loses_nothing(app: Flask, now: Clock) -> None:
    publish("news/1", "news/2")
    handler = RecordingHandler(errors=[Crash()])
    with pytest.raises(Crash):
        deliver(handler)
    now.advance(seconds=121)
    deliver(handler)
    assert sorted(handler.received) == ["news/1", "news/2"]


def test_a_process_that_dies_after_the_handler_ran_delivers_again_with_the_same_key(app: Flask, now: Clock) -> None:
    received: list[str] = []

    def deliver_and_die_once(key: str, payload: Mapping[str, Any]) -> None:
        received.append(key)
        if len(received) == 1:
            raise Crash

    publish("news/1")
    with pytest.raises(Crash):
        deliver(deliver_and_die_once)
    assert deliver(deliver_and_die_once) == 0, "another must not have it before the lease is over"
    now.advance(seconds=121)
    assert deliver(deliver_and_die_once) == 1
    assert received == ["news/1", "news/1"]
    assert row("news/1").delivered_at == now.at


def test_a_worker_whose_lease_expired_does_not_overwrite_the_result_of_the_next(app: Flask, now: Clock) -> None:
    quick = RecordingHandler()

    def sleeps_and_fails(key: str, payload: Mapping[str, Any]) -> None:
        now.advance(minutes=3)
        assert deliver(quick) == 1
        raise OSError("too late")

    publish("news/1")
    assert deliver(sleeps_and_fails) == 0
    message = row("news/1")
    assert (quick.received, message.last_error, message.delivered_at) == (["news/1"], "", now.at)


# --------------------------------------------------------------------------------------- several at once


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_workers_deliver_every_message_once(engine: str, tmp_path: Path) -> None:
    received: Counter[str] = Counter()
    lock = threading.Lock()

    def listen(key: str, payload: Mapping[str, Any]) -> None:
        with lock:
            received[key] += 1

    keys = [f"news/{number}" for number in range(40)]
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            publish(*keys)
        delivered = at_once(app, [lambda: deliver(listen)] * 5)
        assert sum(count for count in delivered if isinstance(count, int)) == 40, delivered
        assert received == Counter(keys)


def test_outboxes_are_delivered_in_the_order_their_messages_trigger_each_other(app: Flask) -> None:
    assert list(outbox.outboxes()) == ["webhooks", "payments", "orders", "catalog", "accounts"]
    assert all(table.__bind_key__ == schema for schema, table in outbox.outboxes().items())
