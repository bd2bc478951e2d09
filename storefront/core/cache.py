"""The application cache, for figures that are expensive to compute and may be stale. Never used for decisions.

dogpile.cache keeps values, locks and ages. Added here: a stale value is served while one thread of the process
refreshes it, nothing is served beyond its maximum age, and all who wait for a computation that fails get its error.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import threading
import typing
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from dogpile.cache import CacheRegion, make_region
from dogpile.cache.api import CacheMutex, CantDeserializeException
from dogpile.util import NameRegistry
from pydantic import TypeAdapter, ValidationError

from storefront.core import metrics
from storefront.core.cache_backends import BoundedStore, Flight, MaxAge, MissWhileAway, SingleFlight

QUERY_FRESH_SECONDS = 60
QUERY_MAX_AGE_SECONDS = 300
QUERY_MAX_ENTRIES = 32
REDIS_TIMEOUT_SECONDS = 0.5

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)
_refreshing = threading.Semaphore()  # one refresh at a time per process: requests come first


# ------------------------------------------------------------------------------------- interface to the application


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """The cache settings of the current application.

    :ivar enabled: False computes every value on every call
    :ivar namespace: part of every key, so that shops with different databases never share a value
    :ivar redis_url: Redis server of the shared caches; empty keeps them in the memory of the process
    """

    enabled: bool
    namespace: str
    redis_url: str = ""


class CacheHost(Protocol):
    """What the cache needs from the application it runs in."""

    def settings(self) -> CacheSettings:
        """The settings of the current application."""

    def detached(self, compute: Callable[[], R]) -> Callable[[], R]:
        """Wrap a computation so that it can run in another thread, after the present request has ended."""


class _Disabled:
    def settings(self) -> CacheSettings:
        return CacheSettings(enabled=False, namespace="")

    def detached(self, compute: Callable[[], R]) -> Callable[[], R]:
        return compute


_host: CacheHost = _Disabled()


def set_host(host: CacheHost) -> None:
    """Set where every cache of this process gets its settings and runs its background work."""
    global _host  # noqa: PLW0603 - caches are created at import, before the application
    _host = host


def is_enabled() -> bool:
    """Whether caching is enabled in the current application."""
    return _host.settings().enabled


# -------------------------------------------------------------------------------------------------- the cache


class RefreshingCache(Generic[R]):
    """A cache of computed values of one kind, by hashable keys: stale-while-revalidate, single flight."""

    def __init__(
        self,
        name: str,
        *,
        fresh_seconds: float,
        max_age_seconds: int,
        max_entries: int,
        shared_as: TypeAdapter[R] | None = None,
    ) -> None:
        """Configure a cache; its store is opened on first use.

        :param name: unique among the caches of the shop
        :param fresh_seconds: age from which a value is refreshed in the background
        :param max_age_seconds: age from which a value is no longer served
        :param max_entries: values kept per process; the least recently used are evicted
        :param shared_as: how values are serialized for Redis, where configured; None keeps them in the process
        """
        self._name = name
        self._fresh_seconds, self._max_age_seconds, self._max_entries = fresh_seconds, max_age_seconds, max_entries
        self._adapter = shared_as
        self._regions: dict[str, CacheRegion] = {}
        self._opening = threading.Lock()
        self._flights = NameRegistry(lambda key: Flight())
        self._hits = metrics.CACHE_REQUESTS.labels(name, "hit")
        self._misses = metrics.CACHE_REQUESTS.labels(name, "miss")

    def get_or_compute(self, key: Hashable, compute: Callable[[], R]) -> R:
        """Return the cached value, else compute and cache it.

        :param key: compared by equality within a process, by its `repr` between processes
        :param compute: may also be called in another thread, outside of any visitor's request
        """
        settings = _host.settings()
        if not settings.enabled:
            return compute()
        stored_key = self._stored_key(settings, key)
        computing: set[int] = set()  # threads: a refresh in the background is none of this caller's
        compute_or_fail = functools.partial(self._compute, stored_key, compute, computing)
        value: R = self._region(settings).get_or_create(stored_key, compute_or_fail)
        (self._misses if threading.get_ident() in computing else self._hits).inc()
        return value

    def refresh(self, key: Hashable, compute: Callable[[], R]) -> R:
        """Compute and cache the value now, for a caller who knows that the cached one is wrong."""
        value, settings = compute(), _host.settings()
        if settings.enabled:
            self._region(settings).set(self._stored_key(settings, key), value)
        return value

    def _compute(self, stored_key: str, compute: Callable[[], R], computing: set[int]) -> R:
        computing.add(threading.get_ident())
        try:
            return compute()
        except BaseException as error:
            self._flights.get(stored_key).fail(error)
            raise

    def _is_shared(self, settings: CacheSettings) -> bool:
        return self._adapter is not None and bool(settings.redis_url)

    def _stored_key(self, settings: CacheSettings, key: Hashable) -> Any:
        """A key for dogpile: a string for Redis, anything hashable for its memory backend."""
        namespaced = (settings.namespace, key)
        if not self._is_shared(settings):
            return namespaced
        return f"cache:{self._name}:{hashlib.sha256(repr(namespaced).encode()).hexdigest()}"

    def _region(self, settings: CacheSettings) -> CacheRegion:
        url = settings.redis_url if self._is_shared(settings) else ""
        with self._opening:
            if url not in self._regions:
                self._regions[url] = self._open_redis(url) if url else self._open_memory()
            return self._regions[url]

    def _open_memory(self) -> CacheRegion:
        store: BoundedStore[Any] = BoundedStore(self._max_entries)
        return make_region(async_creation_runner=_refresh_in_background).configure(
            "dogpile.cache.memory",
            expiration_time=self._fresh_seconds,
            arguments={"cache_dict": store},
            wrap=[SingleFlight(self._flights)],
            region_invalidator=MaxAge(self._max_age_seconds),
        )

    def _open_redis(self, url: str) -> CacheRegion:
        assert self._adapter is not None  # noqa: S101 - only shared caches are opened in Redis
        return make_region(
            async_creation_runner=_refresh_in_background,
            serializer=self._adapter.dump_json,
            deserializer=functools.partial(_read_json, self._adapter),
        ).configure(
            "dogpile.cache.redis",
            expiration_time=self._fresh_seconds,
            arguments={
                "url": url,
                "socket_timeout": REDIS_TIMEOUT_SECONDS,
                "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
            },
            wrap=[SingleFlight(self._flights), MissWhileAway(self._max_age_seconds)],
            region_invalidator=MaxAge(self._max_age_seconds),
        )


def cached_query(query: Callable[P, R]) -> Callable[P, R]:
    """Decorate a query over namespaced tables so that its result is cached by its arguments, in Redis where configured.

    The arguments must be hashable, and the result should contain the moment it was computed at.
    """
    cache: RefreshingCache[R] = RefreshingCache(
        f"{query.__module__}.{query.__qualname__}",
        fresh_seconds=QUERY_FRESH_SECONDS,
        max_age_seconds=QUERY_MAX_AGE_SECONDS,
        max_entries=QUERY_MAX_ENTRIES,
        shared_as=TypeAdapter(typing.get_type_hints(query)["return"]),
    )

    @functools.wraps(query)
    def cached(*args: P.args, **kwargs: P.kwargs) -> R:
        key = (args, tuple(sorted(kwargs.items())))
        return cache.get_or_compute(key, lambda: query(*args, **kwargs))

    return cached


def _read_json(adapter: TypeAdapter[R], serialized: bytes) -> R:
    """Parse a value from Redis; one written by another version of the shop counts as missing."""
    try:
        return adapter.validate_json(serialized)
    except ValidationError as error:
        raise CantDeserializeException from error


def _refresh_in_background(region: CacheRegion, key: str, compute: Callable[[], Any], flight: CacheMutex) -> None:
    """Recompute a stale value in a thread, or leave it stale if one is running: dogpile's async runner."""
    if not _refreshing.acquire(blocking=False):
        flight.release()
        return
    detached = _host.detached(compute)

    def run() -> None:
        try:
            region.set(key, detached())
        except Exception:
            logger.exception("a cached value could not be refreshed")
        finally:
            flight.release()
            _refreshing.release()

    try:
        threading.Thread(target=run, name="cache-refresh", daemon=True).start()
    except RuntimeError:  # no more threads can be started
        flight.release()
        _refreshing.release()
