"""Calls of outside services: when they are not made, who tries a service out, what is counted, what is shared."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import requests
from flask import Flask

from storefront.core import outside_calls
from storefront.core.outside_calls import (
    Breakers,
    CallOutcome,
    OutsideCall,
    OutsideService,
    ServiceUnavailable,
    is_http_failure,
)
from tests.isolated_shop import at_once
from tests.live_server import ROOT
from tests.outages import join_probes
from tests.run import free_port


class Declined(Exception):
    """An answer."""


def is_failure(error: BaseException) -> bool:
    return isinstance(error, ConnectionError)


@dataclass
class Service:
    """Somebody else's service.

    :ivar error: raised instead of an answer
    :ivar asked: how often it was asked
    """

    error: Exception | None = None
    asked: int = 0

    def answer(self) -> int:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.asked


@dataclass
class Alone:
    """Implements `Host` for one process, or for a part of it that stands for a process."""

    own: Breakers = field(default_factory=Breakers)

    def breakers(self) -> Breakers:
        return self.own

    def detached(self, action: Callable[[], object]) -> Callable[[], object]:
        return action


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Alone:
    alone = Alone()
    monkeypatch.setattr(outside_calls, "_host", alone)
    return alone


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[OutsideCall]:
    """What observers are told."""
    calls: list[OutsideCall] = []
    monkeypatch.setattr(outside_calls, "observers", [calls.append])
    return calls


pytestmark = pytest.mark.usefixtures("host")

GATEWAY = OutsideService("gateway", is_failure, pause_seconds=3600)
IMPATIENT = OutsideService("gateway", is_failure, pause_seconds=0)  # its pause is over as soon as it began


def fail(service: OutsideService, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ConnectionError):
            service.call("send", Service(ConnectionError("no route")).answer)


# -------------------------------------------------------------------------------------------- open and closed


def test_after_three_failures_in_a_row_the_service_is_not_asked() -> None:
    fail(GATEWAY, 3)
    service = Service()
    with pytest.raises(ServiceUnavailable):
        GATEWAY.call("send", service.answer)
    assert service.asked == 0
    assert not GATEWAY.is_available()


def test_an_answer_in_between_starts_the_count_anew() -> None:
    fail(GATEWAY, 2)
    GATEWAY.call("send", Service().answer)
    fail(GATEWAY, 2)
    assert GATEWAY.is_available()


def test_a_refusal_is_an_answer() -> None:
    service = Service(Declined())
    for _ in range(10):
        with pytest.raises(Declined):
            GATEWAY.call("authorise", service.answer)
    assert service.asked == 10
    assert GATEWAY.is_available()


def test_services_have_breakers_of_their_own() -> None:
    fail(GATEWAY, 3)
    assert OutsideService("another", is_failure).call("send", Service().answer) == 1


def test_many_threads_call_at_the_same_time() -> None:
    together = threading.Barrier(4)  # broken, and an error, unless all four calls are inside at once
    calls = [lambda: GATEWAY.call("send", lambda: together.wait(10)) for _ in range(4)]
    assert sorted(at_once(Flask(__name__), calls)) == [0, 1, 2, 3]  # type: ignore[type-var]


# ------------------------------------------------------------------------------------------------- the trial


def test_when_the_pause_is_over_one_call_tries_the_service_out_and_an_answer_lets_all_in() -> None:
    fail(IMPATIENT, 3)
    trial = Service()
    others: list[bool] = []

    def answer_late() -> int:
        for _ in range(3):
            with pytest.raises(ServiceUnavailable):
                IMPATIENT.call("send", trial.answer)
            others.append(True)
        return trial.answer()

    assert IMPATIENT.call("send", answer_late) == 1
    assert others == [True] * 3
    assert IMPATIENT.is_available()
    assert IMPATIENT.call("send", trial.answer) == 2


def test_of_many_threads_one_tries_the_service_out() -> None:
    fail(IMPATIENT, 3)
    inside, leave = threading.Event(), threading.Event()

    def answer() -> str:
        inside.set()
        assert leave.wait(10)
        return "answered"

    def come_second() -> str:
        assert inside.wait(10)
        try:
            return IMPATIENT.call("send", lambda: "asked as well")
        finally:
            leave.set()

    first, second = at_once(Flask(__name__), [lambda: IMPATIENT.call("send", answer), come_second])
    assert first == "answered"
    assert isinstance(second, ServiceUnavailable)


def test_a_trial_that_fails_begins_another_pause(host: Alone) -> None:
    fail(IMPATIENT, 4)
    assert host.own.states() == {"gateway": "open"}


def test_a_trial_that_is_refused_was_answered() -> None:
    fail(IMPATIENT, 3)
    with pytest.raises(Declined):
        IMPATIENT.call("authorise", Service(Declined()).answer)
    assert IMPATIENT.is_available()


def test_a_probe_tries_the_service_out_in_the_background() -> None:
    fail(IMPATIENT, 3)
    probe = Service()
    assert not IMPATIENT.is_available(probe.answer)  # and nobody waited for it
    join_probes()
    assert probe.asked == 1
    assert IMPATIENT.is_available(probe.answer)


def test_a_probe_that_fails_leaves_the_service_unavailable() -> None:
    fail(IMPATIENT, 3)
    for _ in range(2):
        assert not IMPATIENT.is_available(Service(ConnectionError()).answer)
        join_probes()


def test_no_probe_is_sent_during_the_pause() -> None:
    fail(GATEWAY, 3)
    probe = Service()
    assert not GATEWAY.is_available(probe.answer)
    join_probes()
    assert probe.asked == 0


# ------------------------------------------------------------------------------------------------- the retry


def test_a_call_that_may_be_made_twice_is_repeated_once() -> None:
    service = Service()

    def stumble() -> int:
        service.error = ConnectionError() if service.asked == 0 else None
        return service.answer()

    assert GATEWAY.call("read", stumble, retry_on=(ConnectionError,)) == 2


def test_a_call_is_repeated_at_most_once_and_counts_as_one_failure() -> None:
    service = Service(ConnectionError())
    for _ in range(2):
        with pytest.raises(ConnectionError):
            GATEWAY.call("read", service.answer, retry_on=(ConnectionError,))
    assert service.asked == 4
    assert GATEWAY.is_available()


@pytest.mark.parametrize("retry_on", [(), (TimeoutError,)])
def test_any_other_call_and_any_other_error_is_not_repeated(retry_on: tuple[type[Exception], ...]) -> None:
    service = Service(ConnectionError())
    with pytest.raises(ConnectionError):
        GATEWAY.call("send", service.answer, retry_on=retry_on)
    assert service.asked == 1


def test_a_slow_service_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside_calls, "RETRY_WITHIN_SECONDS", -1)  # every call took longer
    service = Service(ConnectionError())
    with pytest.raises(ConnectionError):
        GATEWAY.call("read", service.answer, retry_on=(ConnectionError,))
    assert service.asked == 1


# --------------------------------------------------------------------------------------------- what is counted


def test_observers_are_told_of_every_call(seen: list[OutsideCall]) -> None:
    GATEWAY.call("send", Service().answer)
    with pytest.raises(Declined):
        GATEWAY.call("authorise", Service(Declined()).answer)
    fail(GATEWAY, 3)
    with pytest.raises(ServiceUnavailable):
        GATEWAY.call("send", Service().answer)
    assert [(call.operation, call.outcome, call.state) for call in seen] == [
        ("send", CallOutcome.ANSWERED, "closed"),
        ("authorise", CallOutcome.REFUSED, "closed"),
        ("send", CallOutcome.FAILED, "closed"),
        ("send", CallOutcome.FAILED, "closed"),
        ("send", CallOutcome.FAILED, "open"),
        ("send", CallOutcome.NOT_ASKED, "open"),
    ]
    assert {call.service for call in seen} == {"gateway"}
    assert all(call.seconds >= 0 for call in seen)


@pytest.mark.parametrize(("status", "is_one"), [(200, False), (400, False), (404, False), (429, True), (500, True)])
def test_an_http_status_is_a_failure_if_the_service_does_not_work(status: int, is_one: bool) -> None:
    response = requests.Response()
    response.status_code = status
    assert is_http_failure(requests.HTTPError(response=response)) is is_one


@pytest.mark.parametrize("error", [requests.ConnectionError(), requests.ReadTimeout()])
def test_no_http_answer_is_a_failure(error: Exception) -> None:
    assert is_http_failure(error)


def test_an_error_of_our_own_is_no_failure() -> None:
    assert not is_http_failure(TypeError())


# ------------------------------------------------------------------------------------------------------ Redis


@pytest.fixture
def redis_url() -> str:
    if "TEST_REDIS_URL" not in os.environ:
        pytest.skip(os.environ.get("TEST_MISSING_REDIS", "no Redis: start with bin/test"))
    return os.environ["TEST_REDIS_URL"]


ANOTHER_PROCESS = """
import sys
from storefront.core import outside_calls
from storefront.core.outside_calls import Breakers, OutsideService, ServiceUnavailable
redis_url, namespace, action = sys.argv[1:]
outside_calls._host._breakers = Breakers(redis_url, namespace)
service = OutsideService("gateway", lambda error: isinstance(error, ConnectionError), pause_seconds=3600)
def fail():
    raise ConnectionError
for _ in range(3 if action == "fail" else 1):
    try:
        print(service.call("send", fail if action == "fail" else lambda: "answered"))
    except (ConnectionError, ServiceUnavailable) as error:
        print(type(error).__name__)
"""


def run_another_process(redis_url: str, namespace: str, action: str) -> list[str]:
    command = [sys.executable, "-c", ANOTHER_PROCESS, redis_url, namespace, action]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split()


def test_processes_share_what_they_know_of_a_service(host: Alone, redis_url: str) -> None:
    namespace = uuid.uuid4().hex
    host.own = Breakers(redis_url, namespace)
    assert GATEWAY.call("send", Service().answer) == 1
    assert run_another_process(redis_url, namespace, "fail") == ["ConnectionError"] * 3
    with pytest.raises(ServiceUnavailable):
        GATEWAY.call("send", Service().answer)
    assert run_another_process(redis_url, namespace, "ask") == ["ServiceUnavailable"]
    assert run_another_process(redis_url, uuid.uuid4().hex, "ask") == ["answered"]  # another shop


def test_failures_of_all_processes_count_together(host: Alone, redis_url: str) -> None:
    namespace = uuid.uuid4().hex
    for _ in range(3):  # each with breakers of its own, as three processes have
        host.own = Breakers(redis_url, namespace)
        fail(GATEWAY, 1)
    host.own = Breakers(redis_url, namespace)
    assert not GATEWAY.is_available()


def test_one_process_tries_a_service_out_and_the_answer_counts_for_all(host: Alone, redis_url: str) -> None:
    namespace = uuid.uuid4().hex
    mine, other = Breakers(redis_url, namespace), Breakers(redis_url, namespace)
    host.own = mine
    fail(IMPATIENT, 3)

    def answer() -> str:
        host.own = other
        with pytest.raises(ServiceUnavailable):
            IMPATIENT.call("send", Service().answer)
        host.own = mine
        return "answered"

    assert IMPATIENT.call("send", answer) == "answered"
    host.own = other
    assert IMPATIENT.call("send", Service().answer) == 1


def test_without_redis_each_process_goes_by_what_it_knows_itself(host: Alone) -> None:
    host.own = Breakers(f"redis://127.0.0.1:{free_port()}/0", "shop")
    fail(IMPATIENT, 3)
    assert host.own.states() == {"gateway": "open"}
    assert IMPATIENT.call("send", Service().answer) == 1
    assert host.own.states() == {"gateway": "closed"}
