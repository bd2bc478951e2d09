"""The application cache: stale-while-revalidate, single flight, eviction, Redis."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import pytest
from flask import Flask
from pydantic import TypeAdapter
from redis import Redis

from storefront.core import cache, cache_backends
from storefront.core.cache import CacheSettings, RefreshingCache, cached_query
from storefront.core.cache_backends import BoundedStore
from storefront.core.money import Money
from storefront.orders.sales_reports import DaySales, Sales
from tests.isolated_shop import at_once

FRESH, MAX_AGE = 30, 120  # seconds

R = TypeVar("R")


@dataclass
class Computation:
    """Answers 1, 2, 3 …, and says in which thread.

    :ivar failing: raise instead
    :ivar go: what an answer waits for
    """

    count: int = 0
    threads: list[str] = field(default_factory=list)
    failing: bool = False
    go: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go.set()

    def __call__(self) -> int:
        self.threads.append(threading.current_thread().name)
        self.begun.set()
        assert self.go.wait(30)
        if self.failing:
            raise LookupError("no answer")
        self.count += 1
        return self.count


class Ticks:
    """Seconds that pass when a test says so."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Host:
    """An application that says what a test lets it say, and detaches nothing."""

    def __init__(self) -> None:
        self.now = CacheSettings(enabled=True, namespace="a shop")

    def settings(self) -> CacheSettings:
        return self.now

    def detached(self, compute: Callable[[], R]) -> Callable[[], R]:
        return compute


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    passing = Ticks()
    monkeypatch.setattr(time, "time", passing)
    return passing


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    told = Host()
    monkeypatch.setattr(cache, "_host", told)
    return told


def a_cache(**more: Any) -> RefreshingCache[int]:
    return RefreshingCache("numbers", fresh_seconds=FRESH, max_age_seconds=MAX_AGE, max_entries=10, **more)


@pytest.fixture
def numbers(ticks: Ticks, host: Host) -> RefreshingCache[int]:
    return a_cache()


@pytest.fixture
def compute() -> Iterator[Computation]:
    question = Computation()
    yield question
    question.go.set()
    settle()


def settle() -> None:
    """Wait until nothing is refreshed in the background."""
    for thread in threading.enumerate():
        if thread.name == "cache-refresh":
            thread.join(30)
            assert not thread.is_alive()


def test_a_fresh_value_is_not_computed_again(numbers: RefreshingCache[int], compute: Computation, ticks: Ticks) -> None:
    assert numbers.get_or_compute("all", compute) == 1
    ticks.now += FRESH - 1
    assert numbers.get_or_compute("all", compute) == 1
    assert numbers.get_or_compute("mugs", compute) == 2
    assert compute.threads == ["MainThread"] * 2


def test_a_stale_value_is_served_and_refreshed_in_the_background(
    numbers: RefreshingCache[int], compute: Computation, ticks: Ticks
) -> None:
    numbers.get_or_compute("all", compute)
    ticks.now += FRESH + 1
    compute.go.clear()  # a visitor who waited for it would wait in vain
    assert [numbers.get_or_compute("all", compute) for _ in range(3)] == [1, 1, 1]
    compute.go.set()
    settle()
    assert numbers.get_or_compute("all", compute) == 2
    assert compute.threads == ["MainThread", "cache-refresh"]


def test_a_value_beyond_its_maximum_age_is_not_served(
    numbers: RefreshingCache[int], compute: Computation, ticks: Ticks
) -> None:
    numbers.get_or_compute("all", compute)
    ticks.now += MAX_AGE
    assert numbers.get_or_compute("all", compute) == 2
    assert compute.threads == ["MainThread"] * 2


def test_refresh_replaces_the_value(numbers: RefreshingCache[int], compute: Computation) -> None:
    numbers.get_or_compute("all", compute)
    assert numbers.refresh("all", compute) == 2
    assert numbers.get_or_compute("all", compute) == 2


class Watched(Future[Any]):
    """Says when somebody waits for it."""

    waiting = threading.Semaphore(0)

    def result(self, timeout: float | None = None) -> Any:
        Watched.waiting.release()
        return super().result(timeout)


@pytest.mark.parametrize("failing", [False, True], ids=["answered", "failed"])
def test_concurrent_callers_wait_for_one_computation(
    app: Flask, numbers: RefreshingCache[int], compute: Computation, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    monkeypatch.setattr(cache_backends, "Future", Watched)
    monkeypatch.setattr(Watched, "waiting", threading.Semaphore(0))  # without what an earlier test left
    compute.go.clear()
    compute.failing = failing

    def end() -> int:
        assert compute.begun.wait(30)
        assert all(Watched.waiting.acquire(timeout=30) for _ in range(4))
        compute.go.set()
        return 0

    *got, _ = at_once(app, [*[lambda: numbers.get_or_compute("all", compute)] * 5, end])
    assert len(compute.threads) == 1
    if failing:
        assert [type(error) for error in got] == [LookupError] * 5
        compute.failing = False
        assert numbers.get_or_compute("all", compute) == 1
    else:
        assert got == [1] * 5


def test_an_error_in_the_background_is_logged_and_the_stale_value_served(
    numbers: RefreshingCache[int], compute: Computation, ticks: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    numbers.get_or_compute("all", compute)
    ticks.now += FRESH + 1
    compute.failing = True
    assert numbers.get_or_compute("all", compute) == 1
    settle()
    (record,) = caplog.records
    assert record.exc_info
    assert isinstance(record.exc_info[1], LookupError)
    compute.failing = False
    assert numbers.get_or_compute("all", compute) == 1
    settle()
    assert numbers.get_or_compute("all", compute) == 2


def test_one_thread_of_a_process_refreshes_at_a_time(
    numbers: RefreshingCache[int], compute: Computation, ticks: Ticks
) -> None:
    other = a_cache()
    assert (numbers.get_or_compute("all", compute), other.get_or_compute("all", compute)) == (1, 2)
    ticks.now += FRESH + 1
    compute.go.clear()
    assert (numbers.get_or_compute("all", compute), other.get_or_compute("all", compute)) == (1, 2)
    assert compute.begun.wait(30)
    compute.go.set()
    settle()
    assert compute.threads == ["MainThread", "MainThread", "cache-refresh"]
    other.get_or_compute("all", compute)
    settle()
    assert compute.threads.count("cache-refresh") == 2


def test_without_another_thread_the_stale_value_is_served(
    numbers: RefreshingCache[int], compute: Computation, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    numbers.get_or_compute("all", compute)
    ticks.now += FRESH + 1
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert [numbers.get_or_compute("all", compute) for _ in range(2)] == [1, 1]
    numbers.get_or_compute("all", compute)
    settle()
    assert numbers.get_or_compute("all", compute) == 2


def test_a_cache_that_is_turned_off_computes_each_time(
    numbers: RefreshingCache[int], compute: Computation, host: Host
) -> None:
    host.now = replace(host.now, enabled=False)
    assert [numbers.get_or_compute("all", compute) for _ in range(2)] == [1, 2]
    assert numbers.refresh("all", compute) == 3
    host.now = replace(host.now, enabled=True)
    assert numbers.get_or_compute("all", compute) == 4


def test_shops_with_other_databases_share_no_value(
    numbers: RefreshingCache[int], compute: Computation, host: Host
) -> None:
    assert numbers.get_or_compute("all", compute) == 1
    host.now = replace(host.now, namespace="another shop")
    assert numbers.get_or_compute("all", compute) == 2


def test_the_least_recently_used_values_are_evicted(numbers: RefreshingCache[int], compute: Computation) -> None:
    for key in range(10):
        numbers.get_or_compute(key, compute)
    numbers.get_or_compute(0, compute)
    numbers.get_or_compute("one more", compute)
    assert numbers.get_or_compute(0, compute) == 1
    assert numbers.get_or_compute(1, compute) == 12


def test_a_store_holds_no_more_than_its_size() -> None:
    store = BoundedStore[str](10, len)
    store["a"], store["b"], store["c"] = "1234", "5678", "90"
    assert (store.size, store.values()) == (10, ["1234", "5678", "90"])
    store["b"] = "56789"
    assert (store.size, store.get("a"), store.get("b")) == (7, None, "56789")
    store["d"] = "longer than it all"
    assert (store.size, store.values()) == (0, [])
    assert (store.pop("b", "none"), store.get("b", "none")) == ("none", "none")


def test_a_query_is_cached_by_its_arguments(host: Host, ticks: Ticks) -> None:
    count = iter(range(100))

    @cached_query
    def visits(days: int, *, page: str = "all") -> int:
        return next(count)

    assert [visits(7), visits(7), visits(30), visits(7, page="home"), visits(7)] == [0, 0, 1, 2, 0]


# ---------------------------------------------------------------------------------------------------- Redis


@pytest.fixture
def redis(host: Host) -> Iterator[Redis]:
    url = os.environ.get("TEST_REDIS_URL")
    if url is None:
        pytest.skip("no Redis: start with bin/test")
    client = Redis.from_url(url)
    host.now = replace(host.now, redis_url=url, namespace=f"test {os.getpid()} {time.monotonic_ns()}")
    before = set(client.keys("cache:*"))
    yield client
    if mine := set(client.keys("cache:*")) - before:
        client.delete(*mine)
    client.close()


SALES = Sales((DaySales(date(2026, 5, 1), 3, Money(123_45, "INR")),), datetime(2026, 5, 1, 12, tzinfo=UTC))


def sales_cache() -> RefreshingCache[Sales]:
    adapter = TypeAdapter(Sales)
    return RefreshingCache("sales", fresh_seconds=FRESH, max_age_seconds=MAX_AGE, max_entries=10, shared_as=adapter)


def fail() -> Any:
    raise AssertionError("it was cached")


def test_processes_share_what_is_in_redis(redis: Redis) -> None:
    assert sales_cache().get_or_compute((7,), lambda: SALES) == SALES
    assert sales_cache().get_or_compute((7,), fail) == SALES


def test_redis_stores_json_with_an_expiry(redis: Redis, host: Host) -> None:
    sales_cache().get_or_compute((7,), lambda: SALES)
    (key,) = [key for key in redis.keys("cache:sales:*") if b'"revenue":{"minor":12345' in redis.get(key)]
    assert 0 < redis.ttl(key) <= MAX_AGE


def test_a_value_written_by_another_version_is_recomputed(redis: Redis) -> None:
    other = RefreshingCache(
        "sales", fresh_seconds=FRESH, max_age_seconds=MAX_AGE, max_entries=10, shared_as=TypeAdapter(int)
    )
    assert other.get_or_compute((7,), lambda: 5) == 5
    assert sales_cache().get_or_compute((7,), lambda: SALES) == SALES


def test_a_cache_that_is_not_shared_stays_in_the_process(redis: Redis, compute: Computation) -> None:
    assert a_cache().get_or_compute("all", compute) == 1
    assert not redis.keys("cache:numbers:*")


def test_without_redis_values_are_computed(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.now = replace(host.now, redis_url="redis://127.0.0.1:1")
    numbers = a_cache(shared_as=TypeAdapter(int))
    assert [numbers.get_or_compute("all", lambda: 1) for _ in range(2)] == [1, 1]
    assert "the cache in Redis cannot be read" in caplog.text
