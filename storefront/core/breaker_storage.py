"""Where the circuit breakers of outside services keep their state: in Redis for all processes, or in this process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from pybreaker import STATE_CLOSED, CircuitMemoryStorage
from redis import Redis
from redis.exceptions import LockError, RedisError

REDIS_TIMEOUT_SECONDS = 0.5
REDIS_PAUSE_SECONDS = 5  # after an error Redis is not asked for so long, so that nothing waits for it again
KEPT_SECONDS = 24 * 3600  # in Redis, from the last change on
TRIAL_SECONDS = 120  # longer than any single call; the trial of a process that died ends then

R = TypeVar("R")

logger = logging.getLogger(__name__)


class SharedMemory:
    """Redis for states that are nice to share: while it does not answer, its users go on with their own."""

    def __init__(self, url: str) -> None:
        """Prepare to connect.

        :param url: of the Redis server; empty if there is none, so that every question gets its default
        """
        self._client = (
            Redis.from_url(url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS)
            if url
            else None
        )
        self._away_until = 0.0

    def ask(self, command: Callable[[Any], R], default: R) -> R:
        """Run a command on Redis.

        :param command: gets the client
        :return: its result; the default if there is no Redis, or it does not answer
        """
        if self._client is None or time.monotonic() < self._away_until:
            return default
        try:
            return command(self._client)
        except RedisError as error:
            logger.warning("the state of circuit breakers is not shared, Redis does not answer: %s", error)
            self._away_until = time.monotonic() + REDIS_PAUSE_SECONDS
            return default


class BreakerStorage(CircuitMemoryStorage):
    """The state of one circuit breaker, shared by all processes that reach the same Redis.

    pybreaker has a storage in Redis, too. It reports a closed breaker while Redis is away, asks for every figure anew
    until each times out, and keeps its keys for ever.
    """

    def __init__(self, shared: SharedMemory, key: str) -> None:
        """Create the storage of a breaker that is closed, unless Redis knows better.

        :param key: of its state in Redis
        """
        super().__init__(STATE_CLOSED)
        self._shared, self._key = shared, key
        self._trial = threading.Lock()

    @property
    def state(self) -> str:
        return self._field("state", str, self._state, missing=STATE_CLOSED)

    @state.setter
    def state(self, state: str) -> None:
        self._state = state
        self._write(lambda pipe: pipe.hset(self._key, "state", state))

    def increment_counter(self) -> None:
        super().increment_counter()
        self._write(lambda pipe: pipe.hincrby(self._key, "failures", 1))

    def reset_counter(self) -> None:
        super().reset_counter()
        self._shared.ask(lambda redis: redis.hdel(self._key, "failures"), None)

    @property
    def counter(self) -> int:
        return self._field("failures", int, self._fail_counter, missing=0)

    @property
    def opened_at(self) -> datetime | None:
        seconds = self._field("opened_at", float, None, missing=None)
        return self._opened_at if seconds is None else datetime.fromtimestamp(seconds, UTC)

    @opened_at.setter
    def opened_at(self, moment: datetime) -> None:
        self._opened_at = moment
        self._write(lambda pipe: pipe.hset(self._key, "opened_at", moment.timestamp()))

    def _field(self, name: str, read: Callable[[str], R], own: R, *, missing: R) -> R:
        """A field of the shared state.

        :param own: what this process knows, for while Redis is away
        :param missing: its value if Redis has none
        """

        def get(redis: Any) -> R:
            stored = redis.hget(self._key, name)
            return missing if stored is None else read(stored.decode())

        return self._shared.ask(get, own)

    def _write(self, change: Callable[[Any], object]) -> None:
        def run(redis: Any) -> None:
            with redis.pipeline() as pipe:
                change(pipe)
                pipe.expire(self._key, KEPT_SECONDS)
                pipe.execute()

        self._shared.ask(run, None)

    @contextmanager
    def trial(self) -> Iterator[bool]:
        """Take the right to the one call that may try a service out; it is given back at the end of the block.

        :return: False while another thread, or another process, has it
        """
        if not self._trial.acquire(blocking=False):
            yield False
            return
        try:
            lock = self._shared.ask(self._take_shared_trial, None)
            if lock is False:
                yield False
                return
            try:
                yield True
            finally:
                if lock is not None:
                    self._shared.ask(lambda _: _give_back(lock), None)
        finally:
            self._trial.release()

    def _take_shared_trial(self, redis: Any) -> Any:
        """The lock in Redis; False if another process has it."""
        lock = redis.lock(f"{self._key}:trial", timeout=TRIAL_SECONDS, blocking=False, thread_local=False)
        return lock if lock.acquire() else False


def _give_back(lock: Any) -> None:
    try:
        lock.release()
    except LockError:
        logger.warning("the trial of a service took longer than %s s", TRIAL_SECONDS)
