"""Metrics that only databases, queue and disk know: read when they are asked for, at most every few seconds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from flask import Flask, current_app
from huey import Huey
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from storefront.checkout import service as checkout
from storefront.core.clock import utc_now
from storefront.db import outbox, outbox_backlog
from storefront.db.replicas import catalog_replica
from storefront.db.session import db, is_unavailable
from storefront.messaging.signed_messages import MessageSigner
from storefront.web.anonymous_request import run_anonymously
from storefront.web.health_checks import Status, check_health

KEPT_SECONDS = 10.0  # several who scrape cost no more than one

logger = logging.getLogger(__name__)


class ShopCollector(Collector):
    """Reads the figures of an application.

    A source that cannot be read is left out, and named by `storefront_source_up`.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._read: list[Metric] = []
        self._read_at: float | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would collect to find out."""
        return []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if self._read_at is None or time.monotonic() - self._read_at > KEPT_SECONDS:
                self._read = run_anonymously(self._app, lambda: list(_figures()))
                self._read_at = time.monotonic()
            return self._read


def _figures() -> Iterator[Metric]:
    sources = GaugeMetricFamily("storefront_source_up", "Whether a source of figures could be read.", labels=["source"])
    yield from _health()
    for source, read in _sources().items():
        try:
            yield from list(read())
            sources.add_metric([source], 1)
        except Exception:
            logger.exception("figures of %s cannot be read", source)
            db.session.rollback()
            sources.add_metric([source], 0)
    yield sources


def _sources() -> dict[str, Callable[[], Iterable[Metric]]]:
    return {"queue": _queue, "checkouts": _checkouts, "outboxes": _outboxes}


def _health() -> Iterator[Metric]:
    found = check_health()
    yield _gauge("storefront_ready", "Whether this process can serve requests.", found.status is not Status.DOWN)
    schemas = GaugeMetricFamily("storefront_schema_up", "Whether a schema answers.", labels=["schema"])
    for schema, is_up in found.schemas.items():
        schemas.add_metric([schema], is_up)
    yield schemas
    if found.redis is not None:
        yield _gauge("storefront_redis_up", "Whether Redis answers.", found.redis)
    yield _gauge("storefront_data_free_bytes", "Free space of the data folder.", found.free_bytes)
    if found.workers is not None:
        yield _gauge("storefront_workers", "Workers that gave a sign of life within a minute.", found.workers.alive)
    if (age := found.heartbeat_age) is not None:
        help_text = "Time since the last sign of life of any worker."
        yield _gauge("storefront_worker_heartbeat_age_seconds", help_text, age.total_seconds())
    if (replica := catalog_replica()) is not None:
        replica.is_usable()  # has its lag measured from the first call on
        yield _gauge("storefront_replica_lag_seconds", "How far the replica is behind, at most.", replica.lag)


def _queue() -> Iterator[Metric]:
    huey: Huey = current_app.extensions["huey"]
    yield _gauge("storefront_queue_jobs", "Jobs that wait in the queue.", huey.storage.queue_size())
    signer: MessageSigner = huey.serializer
    oldest = huey.storage.enqueued_items(1)
    age = _age(signer.enqueued_at(bytes(oldest[0]))) if oldest else 0.0
    yield _gauge("storefront_queue_oldest_job_age_seconds", "How long the next job has waited.", age)


def _checkouts() -> Iterator[Metric]:
    counts = GaugeMetricFamily("storefront_checkouts_unfinished", "Orders under way.", labels=["state"])
    idle = GaugeMetricFamily(
        "storefront_checkout_idle_seconds",
        "How long nothing happened to an order under way, at most.",
        labels=["state"],
    )
    for backlog in checkout.backlog():
        counts.add_metric([backlog.state], backlog.count)
        idle.add_metric([backlog.state], _age(backlog.oldest_change_at))
    yield from (counts, idle)


def _outboxes() -> Iterator[Metric]:
    counts = GaugeMetricFamily(
        "storefront_outbox_messages", "Undelivered messages: waiting, or parked.", labels=["schema", "topic", "state"]
    )
    ages = GaugeMetricFamily(
        "storefront_outbox_oldest_age_seconds", "How long a message has waited.", labels=["schema", "topic"]
    )
    for schema, table in outbox.outboxes().items():
        if is_unavailable(schema):  # `storefront_schema_up` says so
            continue
        for backlog in outbox_backlog.backlog_of(table):
            counts.add_metric([schema, backlog.topic, "waiting"], backlog.waiting)
            counts.add_metric([schema, backlog.topic, "parked"], backlog.parked)
            ages.add_metric([schema, backlog.topic], _age(backlog.oldest_at))
    yield from (counts, ages)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _age(moment: datetime | None) -> float:
    """Seconds since then; 0 for none."""
    return 0.0 if moment is None else max((utc_now() - moment).total_seconds(), 0.0)


def init_app(app: Flask) -> None:
    """Create the collector of an application."""
    app.extensions["shop_collector"] = ShopCollector(app)


def shop_collector() -> ShopCollector:
    """The collector of the current application."""
    collector: ShopCollector = current_app.extensions["shop_collector"]
    return collector
