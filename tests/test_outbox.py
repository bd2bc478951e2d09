"""Messages: written with the change they announce, delivered at least once, and in quiet times exactly once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront import outbox
from storefront.database import queries, transaction
from storefront.orders.models import Message
from tests.conftest import ENGINES, NOON
from tests.fakes import Clock
from tests.own import at_once, own_shop


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Listener:
    """A handler that notes what it heard; the first `faults` are raised instead. :ivar heard: keys, in order"""

    heard: list[str] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)

    def __call__(self, key: str, payload: Mapping[str, Any]) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.heard.append(key)


def post(*keys: str, topic: str = "news") -> None:
    with transaction("orders") as session:
        for key in keys:
            outbox.post(session, Message, topic, key, {"about": key})


def deliver(listener: outbox.Handler) -> int:
    return outbox.deliver("orders", Message, {"news": listener})


def row(key: str) -> Message:
    with queries() as session:
        kept = select(Message).where(Message.key == key).execution_options(populate_existing=True)
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
    def change_and_fail() -> None:
        with transaction("orders") as session:
            outbox.post(session, Message, "news", "news/1", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
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
    assert pauses[-1] == outbox.SLOWEST_RETRY <= timedelta(minutes=4)


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
    monkeypatch.setattr(outbox, "MOST_ATTEMPTS", 3)
    post("news/1")
    listener = Listener(faults=[OSError("no")] * 5)
    for _ in range(6):
        deliver(listener)
        now.advance(hours=1)
    kept = row("news/1")
    assert (kept.attempts, kept.delivered_at, kept.last_error) == (3, None, "OSError: no")
    assert kept.parked_at == NOON + timedelta(hours=2)


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
