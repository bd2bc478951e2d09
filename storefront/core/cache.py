"""The cache of the shop: figures that are expensive and may be a little old. They are shown, never decided by.

dogpile.cache keeps values, locks and ages. Added here: a stale value is served while one thread of the process
refreshes it, nothing is served beyond its maximum age, and whoever waits for a computation that fails gets its error.
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

from storefront.core.cache_backends import BoundedStore, Flight, MaxAge, MissWhileAway, SingleFlight

QUERY_FRESH_SECONDS = 60
QUERY_MAX_AGE_SECONDS = 300
QUERY_MAX_ENTRIES = 32
REDIS_TIMEOUT_SECONDS = 0.5

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)
_refreshing = threading.Semaphore()  # one refresh at a time in a process: visitors come first


# ------------------------------------------------------------------------------------- the application around it


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """How the application that is asking wants its values cached.

    :ivar enabled: False computes every value anew
    :ivar namespace: part of every key, so that shops with different databases never share a value
    :ivar redis_url: where shared caches are kept; empty for the memory of the process
    """

    enabled: bool
    namespace: str
    redis_url: str = ""


class CacheHost(Protocol):
    """What the cache asks of the application it runs in."""

    def settings(self) -> CacheSettings:
        """The settings of whichever application is asking."""

    def detached(self, compute: Callable[[], R]) -> Callable[[], R]:
        """A computation as it can be run in another thread, after the request that asked for it has ended."""


class _Disabled:
    def settings(self) -> CacheSettings:
        return CacheSettings(enabled=False, namespace="")

    def detached(self, compute: Callable[[], R]) -> Callable[[], R]:
        return compute


_host: CacheHost = _Disabled()


def set_host(host: CacheHost) -> None:
    """Let every cache of this process ask an application for settings and background work."""
    global _host  # noqa: PLW0603 - caches are made at import, before there is an application
    _host = host


def is_enabled() -> bool:
    """Whether the application that is asking caches anything."""
    return _host.settings().enabled


# -------------------------------------------------------------------------------------------------- the cache


class RefreshingCache(Generic[R]):
    """Computed values of one kind, by hashable keys: stale while revalidating, single flight."""

    def __init__(
        self,
        name: str,
        *,
        fresh_seconds: float,
        max_age_seconds: int,
        max_entries: int,
        shared_as: TypeAdapter[R] | None = None,
    ) -> None:
        """Describe a cache; its store is opened when it is first asked.

        :param name: unique among the caches of the shop
        :param fresh_seconds: age from which a value is refreshed in the background
        :param max_age_seconds: age from which a value is not served any more
        :param max_entries: values one process keeps, the least recently used give way
        :param shared_as: how values are written to Redis, where there is one; None keeps them in the process
        """
        self._name = name
        self._fresh_seconds, self._max_age_seconds, self._max_entries = fresh_seconds, max_age_seconds, max_entries
        self._adapter = shared_as
        self._regions: dict[str, CacheRegion] = {}
        self._opening = threading.Lock()
        self._flights = NameRegistry(lambda key: Flight())

    def get_or_compute(self, key: Hashable, compute: Callable[[], R]) -> R:
        """The cached value, else what `compute` returns; also called in another thread, for nobody in particular.

        :param key: compared by equality in a process, by its `repr` between processes
        """
        settings = _host.settings()
        if not settings.enabled:
            return compute()
        stored_key = self._stored_key(settings, key)
        reporting = functools.partial(self._compute, stored_key, compute)
        value: R = self._region(settings).get_or_create(stored_key, reporting)
        return value

    def refresh(self, key: Hashable, compute: Callable[[], R]) -> R:
        """Compute now, for a caller who sees that the cached value no longer holds."""
        value, settings = compute(), _host.settings()
        if settings.enabled:
            self._region(settings).set(self._stored_key(settings, key), value)
        return value

    def _compute(self, stored_key: str, compute: Callable[[], R]) -> R:
        try:
            return compute()
        except BaseException as error:
            self._flights.get(stored_key).fail(error)
            raise

    def _is_shared(self, settings: CacheSettings) -> bool:
        return self._adapter is not None and bool(settings.redis_url)

    def _stored_key(self, settings: CacheSettings, key: Hashable) -> Any:
        """dogpile's keys are texts; those of its memory backend may be whatever a dictionary takes."""
        whole = (settings.namespace, key)
        if not self._is_shared(settings):
            return whole
        return f"cache:{self._name}:{hashlib.sha256(repr(whole).encode()).hexdigest()}"

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
        assert self._adapter is not None  # noqa: S101 - only shared caches come here
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
    """Cache what a query over whole tables returns, by its arguments, which must be hashable; shared where Redis is.

    The value returned should say as of when it holds.
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


def _read_json(adapter: TypeAdapter[R], written: bytes) -> R:
    """A value out of Redis; one of another shape, as another version of the shop wrote it, is missing."""
    try:
        return adapter.validate_json(written)
    except ValidationError as error:
        raise CantDeserializeException from error


def _refresh_in_background(region: CacheRegion, key: str, compute: Callable[[], Any], flight: CacheMutex) -> None:
    """Compute a stale value anew in a thread, or leave it stale where no thread is free: dogpile's runner."""
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
    except RuntimeError:  # the machine gives no more threads
        flight.release()
        _refreshing.release()
