"""The threads that send webhooks: beside the worker's own, and a slow receiver keeps one of them only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask

from storefront.webhooks import service as webhooks
from storefront.worker import webhook_sender
from storefront.worker.webhook_sender import WebhookSender
from tests.conftest import ENGINES
from tests.factories.webhooks import make_endpoint, make_event
from tests.isolated_shop import own_shop
from tests.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.usefixtures("real_time")


@pytest.fixture(params=ENGINES)
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with own_shop(request.param, tmp_path) as app, app.app_context():
        yield app


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    with ExitStack() as stack:
        yield [stack.enter_context(receiving()) for _ in range(3)]


def eventually(is_so: Callable[[], bool]) -> None:
    give_up_at, pause = time.monotonic() + 30, threading.Event()
    while not is_so():
        assert time.monotonic() < give_up_at, "it never happened"
        pause.wait(0.02)


def test_what_is_due_is_sent_at_once_and_a_slow_receiver_keeps_no_other_waiting(
    own: Flask, receivers: list[Receiver]
) -> None:
    slow, *quick = receivers
    is_over = threading.Event()
    slow.meanwhile = lambda: is_over.wait(30)
    for receiver in receivers:
        make_endpoint(receiver.url)
    sender = WebhookSender(own)
    for _ in range(6):
        webhooks.record_event(make_event())
    began = time.monotonic()
    sender.wake()
    assert time.monotonic() - began < 1, "waking returns at once"
    eventually(lambda: all(len(receiver.received) == 6 for receiver in quick))
    assert len(slow.received) == 1
    is_over.set()
    eventually(lambda: len(slow.received) == 6)
    sender.stop()


def test_a_fault_is_logged_and_the_next_wake_goes_on(
    own: Flask, receivers: list[Receiver], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_endpoint(receivers[0].url)
    webhooks.record_event(make_event())
    sender = WebhookSender(own)

    def away(**arguments: object) -> bool:
        raise OSError("no such database")

    with monkeypatch.context() as patch:
        patch.setattr(webhook_sender.webhooks, "send_next", away)
        sender.wake()
        eventually(lambda: "webhooks cannot be sent" in caplog.text)
    eventually(lambda: sender._running == 0)
    sender.wake()
    eventually(lambda: len(receivers[0].received) == 1)
    sender.stop()


def test_a_sender_that_is_stopped_sends_nothing_more(own: Flask, receivers: list[Receiver]) -> None:
    make_endpoint(receivers[0].url)
    webhooks.record_event(make_event())
    sender = WebhookSender(own)
    sender.stop()
    sender.wake()
    sender._threads.shutdown(wait=True)
    assert receivers[0].received == []
