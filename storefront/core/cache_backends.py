"""What dogpile.cache is fitted with: bounded memory, shared errors, a maximum age, a Redis that may be away."""

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
    """The dictionary of dogpile's memory backend, bounded: the least recently used values give way."""

    def __init__(self, max_size: int, size_of: Callable[[R], int] = lambda value: 1) -> None:
        """Make an empty one.

        :param max_size: of all values together
        :param size_of: of one value; without it values are counted
        """
        self.size = 0
        self._max_size, self._size_of = max_size, size_of
        self._values: OrderedDict[Hashable, R] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, default: Any = None) -> Any:
        """The value, which counts as used now, else `default`."""
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
        """Take a value out.

        :return: it, else `default`
        """
        with self._lock:
            return self._remove(key, default)

    def values(self) -> list[R]:
        """Everything in it, as it is now."""
        with self._lock:
            return list(self._values.values())

    def _remove(self, key: Hashable, default: Any = None) -> Any:
        if key not in self._values:
            return default
        value = self._values.pop(key)
        self.size -= self._size_of(value)
        return value


class Flight(CacheMutex):
    """The lock of one key. Who waits for it gets the error of its holder, rather than trying the same in turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._landing: Future[None] | None = None

    def acquire(self, wait: bool = True) -> bool:
        while True:
            with self._lock:
                if self._landing is None:
                    self._landing = Future()
                    return True
                landing = self._landing
            if not wait:
                return False
            landing.result()

    def fail(self, error: BaseException) -> None:
        """Tell all who wait that the holder has not computed anything."""
        if self._landing is not None:
            self._landing.set_exception(error)

    def release(self) -> None:
        with self._lock:
            landing, self._landing = self._landing, None
        if landing is not None and not landing.done():
            landing.set_result(None)

    def locked(self) -> bool:
        return self._landing is not None


class SingleFlight(ProxyBackend):
    """Gives a region such locks."""

    def __init__(self, flights: NameRegistry) -> None:
        super().__init__()
        self._flights = flights

    def get_mutex(self, key: str) -> CacheMutex:
        flight: Flight = self._flights.get(key)
        return flight


class MissWhileAway(ProxyBackend):
    """While Redis is away nothing is found in it and nothing kept: values are computed. Redis forgets by itself."""

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
    """Values beyond their maximum age are missing for dogpile, not stale."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def is_hard_invalidated(self, timestamp: float) -> bool:
        return time.time() - timestamp >= self._seconds  # noqa: TID251 - dogpile's own clock
