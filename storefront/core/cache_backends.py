"""Extensions of dogpile.cache: bounded memory, shared errors, a maximum age, tolerance of an unavailable Redis."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from dogpile.cache.api import NO_VALUE, CacheMutex
from dogpile.cache.proxy import ProxyBackend
from dogpile.cache.region import DefaultInvalidationStrategy
from dogpile.util import NameRegistry
from redis.exceptions import RedisError

R = TypeVar("R")

logger = logging.getLogger(__name__)


class BoundedStore(Generic[R]):
    """A bounded dictionary for dogpile's memory backend; the least recently used values are evicted."""

    def __init__(self, max_size: int, size_of: Callable[[R], int] = lambda value: 1) -> None:
        """Create an empty store.

        :param max_size: limit of the sizes of all values together
        :param size_of: computes the size of one value; by default every value counts 1
        """
        self.size = 0
        self._max_size, self._size_of = max_size, size_of
        self._values: OrderedDict[Hashable, R] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Return the value and mark it as used, else `default`."""
        with self._lock:
            value = self._values.get(key)
            if value is None:
                return default
            self._values.move_to_end(key)
            return value

    def __setitem__(self, key: Hashable, value: R) -> None:
        with self._lock:
            self._remove(key)
            self._values[key] = value
            self.size += self._size_of(value)
            while self.size > self._max_size:
                self._remove(next(iter(self._values)))

    def pop(self, key: Hashable, default: Any = None) -> Any:
        """Remove and return a value, else `default`."""
        with self._lock:
            return self._remove(key, default)

    def values(self) -> list[R]:
        """A copy of all values."""
        with self._lock:
            return list(self._values.values())

    def _remove(self, key: Hashable, default: Any = None) -> Any:
        if key not in self._values:
            return default
        value = self._values.pop(key)
        self.size -= self._size_of(value)
        return value


class Flight(CacheMutex):
    """The lock of one key; all who wait for it get the error of its holder instead of repeating the computation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcome: Future[None] | None = None

    def acquire(self, wait: bool = True) -> bool:
        while True:
            with self._lock:
                if self._outcome is None:
                    self._outcome = Future()
                    return True
                outcome = self._outcome
            if not wait:
                return False
            outcome.result()

    def fail(self, error: BaseException) -> None:
        """Raise the holder's error in all who wait for the lock."""
        if self._outcome is not None:
            self._outcome.set_exception(error)

    def release(self) -> None:
        with self._lock:
            outcome, self._outcome = self._outcome, None
        if outcome is not None and not outcome.done():
            outcome.set_result(None)

    def locked(self) -> bool:
        return self._outcome is not None


class SingleFlight(ProxyBackend):
    """Gives a cache region `Flight` locks."""

    def __init__(self, flights: NameRegistry) -> None:
        super().__init__()
        self._flights = flights

    def get_mutex(self, key: str) -> CacheMutex:
        flight: Flight = self._flights.get(key)
        return flight


class MissWhileAway(ProxyBackend):
    """Treats every key as missing while Redis is unavailable, and lets Redis expire what is stored."""

    def __init__(self, max_age_seconds: int) -> None:
        super().__init__()
        self._max_age_seconds = max_age_seconds

    def get_serialized(self, key: str) -> Any:
        try:
            return self.proxied.get_serialized(key)
        except RedisError as error:
            logger.warning("the cache in Redis cannot be read: %s", error)
            return NO_VALUE

    def set_serialized(self, key: str, value: bytes) -> None:
        try:
            # dogpile writes with SETEX, which the client has deprecated.
            self.proxied.writer_client.set(key, value, ex=self._max_age_seconds)  # type: ignore[attr-defined]
        except RedisError as error:
            logger.warning("the cache in Redis cannot be written: %s", error)


class MaxAge(DefaultInvalidationStrategy):
    """Makes values beyond their maximum age missing for dogpile, instead of stale."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def is_hard_invalidated(self, timestamp: float) -> bool:
        return time.time() - timestamp >= self._seconds  # noqa: TID251 - dogpile's own clock
