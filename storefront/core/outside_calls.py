"""Calls of services that belong to others: a circuit breaker for each, a bounded retry, one place that counts them.

Each user declares its service and makes every call by it:

    GATEWAY = OutsideService("sms", is_http_failure)
    GATEWAY.call("send", lambda: post(message))

A service that failed some times in a row is left alone for a while: calls fail at once with `ServiceUnavailable`, so
that nobody waits for it. Then one call tries it out, of all processes that share a Redis, and the others still fail at
once; when it is answered, all go on. A refusal is an answer: it never counts as a failure. Time-outs belong to the
call itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

import pybreaker
from pybreaker import STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, CircuitBreaker, CircuitBreakerError

from storefront.core.breaker_storage import BreakerStorage, SharedMemory
from storefront.core.errors import DomainError

RETRY_WITHIN_SECONDS = 2.0  # only a call that failed sooner is repeated: callers wait for a slow service once
RETRY_PAUSE_SECONDS = 0.2
TOO_MANY_REQUESTS, SERVER_ERRORS = 429, 500  # HTTP statuses

R = TypeVar("R")
IsFailure = Callable[[BaseException], bool]

logger = logging.getLogger(__name__)


class ServiceUnavailable(DomainError):
    """The service failed repeatedly a moment ago: it was not asked. What it did earlier is as unknown as before."""

    status = 503


class CallOutcome(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    REFUSED = "refused"  # the service answered with an error about this request, such as a declined card
    FAILED = "failed"  # no answer, or one that says that the service does not work
    NOT_ASKED = "not-asked"  # the circuit breaker is open


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """A call that ended, for metrics.

    :ivar seconds: from the call to its end, with the retry
    :ivar state: of the circuit breaker afterwards: closed, open or half-open
    """

    service: str
    operation: str
    outcome: CallOutcome
    seconds: float
    state: str


# Called after each call, in the thread of its caller. An observer must not raise.
observers: list[Callable[[OutsideCall], None]] = []


# ------------------------------------------------------------------------------------- interface to the application


class Host(Protocol):
    """What outside calls need from the application they are made in."""

    def breakers(self) -> Breakers:
        """The circuit breakers of the current application."""

    def detached(self, action: Callable[[], R]) -> Callable[[], R]:
        """Wrap an action so that it can run in another thread, after the present request has ended."""


class _Alone:
    """A process without an application."""

    def __init__(self) -> None:
        self._breakers = Breakers()

    def breakers(self) -> Breakers:
        return self._breakers

    def detached(self, action: Callable[[], R]) -> Callable[[], R]:
        return action


_host: Host


def set_host(host: Host) -> None:
    """Set where outside calls of this process find their circuit breakers."""
    global _host  # noqa: PLW0603 - services are declared at import, before the application
    _host = host


# ------------------------------------------------------------------------------------------------- the services


@dataclass(frozen=True)
class OutsideService:
    """A service that belongs to somebody else.

    :ivar name: unique in the shop, such as `stripe`, or `webhook:` and a host
    :ivar is_failure: whether an error says that the service does not work: a time-out, a connection that fails, a
        status of 500 and above, 429. Any other error is an answer.
    :ivar opens_after: failures in a row, of all processes, after which it is not asked
    :ivar pause_seconds: how long it is not asked
    """

    name: str
    is_failure: IsFailure
    opens_after: int = 3
    pause_seconds: float = 30

    def call(self, operation: str, ask: Callable[[], R], *, retry_on: tuple[type[Exception], ...] = ()) -> R:
        """Ask the service.

        :param operation: what is asked, for metrics: "capture", "send"
        :param ask: makes the call, with a time-out of its own
        :param retry_on: errors on which the call is repeated once; only for a call that may be carried out twice
        :raise ServiceUnavailable: it was not asked
        :raise Exception: what `ask` raised
        """
        breaker = _host.breakers().of(self)
        started, outcome = time.monotonic(), CallOutcome.FAILED
        try:
            with breaker.guard():
                answer = _ask(ask, retry_on)
            outcome = CallOutcome.ANSWERED
        except ServiceUnavailable:
            outcome = CallOutcome.NOT_ASKED
            raise
        except Exception as error:
            outcome = CallOutcome.FAILED if self.is_failure(error) else CallOutcome.REFUSED
            raise
        finally:
            if observers:
                ended = OutsideCall(self.name, operation, outcome, time.monotonic() - started, breaker.state)
                for observer in observers:
                    observer(ended)
        return answer

    def is_available(self, probe: Callable[[], object] | None = None) -> bool:
        """Tell whether a visitor may be offered what needs this service.

        :param probe: a cheap call, with a time-out of its own. Once the pause is over it is made in the background, so
            that no visitor waits for the first answer; until then the service stays unavailable. Without it the next
            call tries the service out.
        """
        breaker = _host.breakers().of(self)
        if breaker.state == STATE_CLOSED:
            return True
        if not breaker.is_due():
            return False
        if probe is not None:
            self._probe_in_background(probe)
        return probe is None

    def _probe_in_background(self, probe: Callable[[], object]) -> None:
        detached = _host.detached(lambda: self.call("probe", probe))

        def run() -> None:
            try:
                detached()
            except Exception as error:  # noqa: BLE001 - whatever it is, the breaker and the observers know
                logger.info("%s is still unavailable: %s", self.name, error)

        try:
            threading.Thread(target=run, name=f"probe-{self.name}", daemon=True).start()
        except RuntimeError:  # no more threads can be started: the next visitor tries again
            logger.warning("no thread could be started to probe %s", self.name)


def _ask(ask: Callable[[], R], retry_on: tuple[type[Exception], ...]) -> R:
    started = time.monotonic()
    try:
        return ask()
    except retry_on:
        if time.monotonic() - started > RETRY_WITHIN_SECONDS:
            raise
    time.sleep(RETRY_PAUSE_SECONDS)
    return ask()


def is_http_failure(error: BaseException) -> bool:
    """Tell whether an error of the library requests says that the service does not work."""
    import requests  # with its dependencies 4 MB, for processes that make such calls

    if not isinstance(error, requests.RequestException):
        return False
    status = None if error.response is None else error.response.status_code
    return status is None or status >= SERVER_ERRORS or status == TOO_MANY_REQUESTS


# ------------------------------------------------------------------------------------------------- the breakers


class Breakers:
    """The circuit breakers of one shop."""

    def __init__(self, redis_url: str = "", namespace: str = "") -> None:
        """Prepare the breakers.

        :param redis_url: of the server that shares their state; empty keeps it in the process
        :param namespace: part of every key, so that different shops on one Redis never share a state
        """
        self._shared, self._namespace = SharedMemory(redis_url), namespace
        self._breakers: dict[str, Breaker] = {}
        self._lock = threading.Lock()

    def of(self, service: OutsideService) -> Breaker:
        """The breaker of a service."""
        breaker = self._breakers.get(service.name)
        if breaker is None:
            with self._lock:
                key = f"breaker:{self._namespace}:{service.name}"
                breaker = self._breakers.setdefault(service.name, Breaker(service, BreakerStorage(self._shared, key)))
        return breaker

    def states(self) -> dict[str, str]:
        """The state of every breaker that this process has used: closed, open or half-open, by service."""
        return {name: breaker.state for name, breaker in list(self._breakers.items())}


class Breaker:
    """pybreaker's circuit breaker, whose trial is one call: pybreaker lets all through once the pause is over."""

    def __init__(self, service: OutsideService, storage: BreakerStorage) -> None:
        self._name, self._storage = service.name, storage
        self._circuit = CircuitBreaker(
            fail_max=service.opens_after,
            reset_timeout=service.pause_seconds,
            exclude=[lambda error: not service.is_failure(error)],
            listeners=[_Log()],
            state_storage=storage,
            name=service.name,
            throw_new_error_on_trip=False,
        )

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        return self._storage.state

    def is_due(self) -> bool:
        """Whether the pause is over, and nobody has been answered since."""
        opened_at, state = self._storage.opened_at, self.state
        pause = timedelta(seconds=self._circuit.reset_timeout)
        is_over = opened_at is None or datetime.now(UTC) >= opened_at + pause  # noqa: TID251 - pybreaker's own clock
        return state == STATE_HALF_OPEN or (state == STATE_OPEN and is_over)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run the block as a call of the service.

        :raise ServiceUnavailable: the block was not entered
        """
        if self.state == STATE_CLOSED:
            with self._calling():
                yield
            return
        with self._storage.trial() as is_mine:
            if not is_mine:
                raise ServiceUnavailable(f"{self._name} is being tried out after it failed repeatedly")
            with self._calling():
                yield

    @contextmanager
    def _calling(self) -> Iterator[None]:
        try:
            with self._circuit.calling():  # and not `call`, which lets one thread call at a time
                yield
        except CircuitBreakerError as error:
            raise ServiceUnavailable(f"{self._name} failed repeatedly and is not asked now") from error


class _Log(pybreaker.CircuitBreakerListener):
    def state_change(
        self, cb: CircuitBreaker, old_state: pybreaker.CircuitBreakerState | None, new_state: object
    ) -> None:
        name = getattr(new_state, "name", new_state)
        logger.warning("circuit breaker of %s: %s", cb.name, name)


set_host(_Alone())
