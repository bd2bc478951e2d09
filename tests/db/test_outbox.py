"""Messages: written with the change they announce, delivered at least once, and in quiet times exactly once."""

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
class Listener:
    """A handler that notes what it heard; the first `faults` are raised instead.

    :ivar heard: keys, in order
    """

    heard: list[str] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)

    def __call__(self, key: str, payload: Mapping[str, Any]) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.heard.append(key)


def post(*keys: str, topic: str = "news") -> None:
    with transaction("orders") as session:
        for key in keys:
            outbox.publish(session, Message, topic, key, {"about": key})


def post_in_vain(schema: str, table: type[outbox.OutboxMessage]) -> None:
    with suppress(ZeroDivisionError), transaction(schema) as session:
        outbox.publish(session, table, "news", "news/1", {})
        raise ZeroDivisionError


def deliver(listener: outbox.Handler) -> int:
    return outbox.deliver("orders", Message, {"news": listener})


def row(key: str) -> Message:
    with read_session() as session:
        kept = select(Message).where(Message.key == key)
        return session.scalars(kept).one()


# ---------------------------------------------------------------------------------------------- delivery


def test_a_message_is_delivered_once(app: Flask) -> None:
    post("news/1")
    listener = Listener()
    assert [deliver(listener) for _ in range(3)] == [1, 0, 0]
    assert listener.heard == ["news/1"]
    assert row("news/1").delivered_at == NOON


def test_messages_come_in_the_order_they_were_written(app: Flask) -> None:
    keys = [f"news/{number}" for number in range(150)]
    post(*keys)
    listener = Listener()
    assert deliver(listener) == 150
    assert listener.heard == keys


def test_a_handler_gets_what_was_written(app: Flask) -> None:
    post("news/1")
    got: list[Mapping[str, Any]] = []
    deliver(lambda key, payload: got.append(payload))
    assert got == [{"about": "news/1"}]


def test_a_change_that_is_rolled_back_announces_nothing(app: Flask) -> None:
    post_in_vain("orders", Message)
    assert deliver(Listener()) == 0


def test_one_fact_is_announced_once(app: Flask) -> None:
    post("news/1")
    with pytest.raises(IntegrityError):
        post("news/1")


def test_a_handler_is_called_outside_any_transaction(app: Flask) -> None:
    def writes(key: str, payload: Mapping[str, Any]) -> None:
        with transaction("payments"):
            pass

    post("news/1")
    assert deliver(writes) == 1


def test_what_a_handler_announces_is_delivered_too(app: Flask) -> None:
    heard: list[str] = []

    def answers(key: str, payload: Mapping[str, Any]) -> None:
        heard.append(key)
        if key == "news/1":
            post("news/2")

    post("news/1")
    deliver(answers)
    deliver(answers)
    assert heard == ["news/1", "news/2"]


# ------------------------------------------------------------------------------------- waking the worker


@pytest.fixture
def wakes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry each time the worker was woken: how many messages it found to deliver."""
    counts: list[int] = []
    monkeypatch.setitem(app.extensions, "wake_worker", lambda: counts.append(deliver(Listener())))
    return counts


def test_messages_of_one_transaction_wake_the_worker_once_and_are_there_by_then(wakes: list[int]) -> None:
    post("news/1", "news/2")
    assert wakes == [2]


def test_a_transaction_without_a_message_wakes_nobody(wakes: list[int]) -> None:
    with transaction("orders") as session:
        session.execute(delete(Message))
    assert wakes == []


def test_a_message_that_is_rolled_back_wakes_nobody(wakes: list[int]) -> None:
    post_in_vain("orders", Message)
    with transaction("orders"):
        pass  # nor does who comes after it
    assert wakes == []


def test_a_commit_that_fails_wakes_nobody(wakes: list[int]) -> None:
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
    post_in_vain("payments", PaymentMessage)
    post("news/1")
    assert wakes == [1]
    with transaction("payments") as session:
        outbox.publish(session, PaymentMessage, "news", "news/1", {})
    assert wakes == [1, 0], "the orders have nothing new"


def test_a_queue_that_cannot_be_reached_is_logged_and_keeps_what_was_written(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreachable() -> None:
        raise ConnectionRefusedError("no queue here")

    monkeypatch.setitem(app.extensions, "wake_worker", unreachable)
    post("news/1")
    assert deliver(Listener()) == 1
    assert "the queue cannot be reached" in caplog.text


# ----------------------------------------------------------------------------------------------- failure


def test_a_message_that_fails_comes_back(app: Flask, now: Clock) -> None:
    post("news/1")
    listener = Listener(faults=[ConnectionRefusedError("the mail server is away")])
    assert deliver(listener) == 0
    assert row("news/1").last_error == "ConnectionRefusedError: the mail server is away"
    now.advance(seconds=15)
    assert deliver(listener) == 1
    kept = row("news/1")
    assert (kept.attempts, kept.last_error) == (2, "")


def test_pauses_grow_up_to_the_slowest(app: Flask, now: Clock) -> None:
    post("news/1")
    listener = Listener(faults=[OSError()] * 20)
    pauses = []
    for _ in range(7):
        deliver(listener)
        due_at = row("news/1").due_at
        pauses.append(due_at - now.at)
        now.at = due_at
    assert pauses == sorted(pauses)
    assert pauses[:3] == [outbox.FIRST_RETRY, 2 * outbox.FIRST_RETRY, 4 * outbox.FIRST_RETRY]
    assert pauses[-1] == outbox.MAX_RETRY_DELAY <= timedelta(minutes=4)


def test_a_message_is_not_tried_before_its_pause_is_over(app: Flask, now: Clock) -> None:
    post("news/1")
    listener = Listener(faults=[OSError()])
    deliver(listener)
    now.advance(seconds=14)
    assert deliver(listener) == 0
    assert row("news/1").attempts == 1


def test_a_message_that_fails_does_not_hold_up_the_others(app: Flask) -> None:
    post("news/1", "news/2", "news/3")
    listener = Listener(faults=[OSError()])
    assert deliver(listener) == 2
    assert listener.heard == ["news/2", "news/3"]


def test_a_topic_that_nobody_listens_to_waits_for_a_listener(app: Flask, now: Clock) -> None:
    post("news/1", topic="unheard-of")
    assert deliver(Listener()) == 0
    now.advance(minutes=1)
    listener = Listener()
    assert outbox.deliver("orders", Message, {"unheard-of": listener}) == 1


def test_after_the_last_attempt_a_message_is_parked_for_a_person_to_look(
    app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_ATTEMPTS", 3)
    post("news/1")
    listener = Listener(faults=[OSError("no")] * 5)
    for _ in range(6):
        deliver(listener)
        now.advance(hours=1)
    kept = row("news/1")
    assert (kept.attempts, kept.delivered_at, kept.last_error) == (3, None, "OSError: no")
    assert kept.failed_at == NOON + timedelta(hours=2)


def test_an_endless_fault_is_noted_as_far_as_there_is_room(app: Flask) -> None:
    post("news/1")
    deliver(Listener(faults=[OSError("😀" * 1000)]))
    assert len(row("news/1").last_error) == 255


# ---------------------------------------------------------------------------------------------- crashes


def test_a_process_that_dies_before_a_delivery_loses_nothing(app: Flask, now: Clock) -> None:
    post("news/1", "news/2")
    listener = Listener(faults=[Crash()])
    with pytest.raises(Crash):
        deliver(listener)
    now.advance(seconds=121)
    deliver(listener)
    assert sorted(listener.heard) == ["news/1", "news/2"]


def test_a_process_that_dies_between_delivery_and_note_repeats_it_under_the_same_key(app: Flask, now: Clock) -> None:
    heard: list[str] = []

    def deliver_and_die_once(key: str, payload: Mapping[str, Any]) -> None:
        heard.append(key)
        if len(heard) == 1:
            raise Crash

    post("news/1")
    with pytest.raises(Crash):
        deliver(deliver_and_die_once)
    assert deliver(deliver_and_die_once) == 0, "another must not have it before the lease is over"
    now.advance(seconds=121)
    assert deliver(deliver_and_die_once) == 1
    assert heard == ["news/1", "news/1"]
    assert row("news/1").delivered_at == now.at


def test_who_wakes_up_after_its_lease_changes_no_note_of_who_came_after(app: Flask, now: Clock) -> None:
    quick = Listener()

    def sleeps_and_fails(key: str, payload: Mapping[str, Any]) -> None:
        now.advance(minutes=3)
        assert deliver(quick) == 1
        raise OSError("too late")

    post("news/1")
    assert deliver(sleeps_and_fails) == 0
    kept = row("news/1")
    assert (quick.heard, kept.last_error, kept.delivered_at) == (["news/1"], "", now.at)


# --------------------------------------------------------------------------------------- several at once


@pytest.mark.parametrize("engine", ENGINES)
def test_deliverers_at_once_deliver_every_message_once(engine: str, tmp_path: Path) -> None:
    heard: Counter[str] = Counter()
    lock = threading.Lock()

    def listen(key: str, payload: Mapping[str, Any]) -> None:
        with lock:
            heard[key] += 1

    keys = [f"news/{number}" for number in range(40)]
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            post(*keys)
        delivered = at_once(app, [lambda: deliver(listen)] * 5)
        assert sum(count for count in delivered if isinstance(count, int)) == 40, delivered
        assert heard == Counter(keys)


def test_outboxes_are_delivered_in_the_order_in_which_one_sets_off_the_next(app: Flask) -> None:
    assert list(outbox.outboxes()) == ["payments", "orders", "catalog", "accounts"]
    assert all(table.__bind_key__ == schema for schema, table in outbox.outboxes().items())
