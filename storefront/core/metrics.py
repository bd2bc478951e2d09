"""The counters and histograms of the shop, for Prometheus; `docs/monitoring.md` says what each means.

Each process counts for itself. Where gunicorn has started it (`deploy/gunicorn_metrics.py`), counts are in files that
all its processes share, and any of them can add them up: `exposition`. No label holds what a visitor can invent: labels
are routes, names of ours, and statuses, so that their number is bounded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from storefront.core.outside_calls import OutsideCall

FILES_SETTING = "PROMETHEUS_MULTIPROC_DIR"  # environment variable of the library: the folder of the shared files

REGISTRY = CollectorRegistry()
disable_created_metrics()  # a second series for each counter, which nobody asks for

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_CALL_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_ORDER_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300, 900, 3600)

REQUESTS = Counter("storefront_http_requests", "Requests answered.", ("route", "method", "status"), registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "storefront_http_request_seconds",
    "Time until the answer began.",
    ("route", "method"),
    buckets=_REQUEST_SECONDS,
    registry=REGISTRY,
)
STATEMENT_SECONDS = Counter("storefront_database_seconds", "Time spent in statements.", ("schema",), registry=REGISTRY)
STATEMENTS = Counter("storefront_database_statements", "Statements executed.", ("schema",), registry=REGISTRY)
DATABASE_ERRORS = Counter(
    "storefront_database_errors", "Statements and connections that failed.", ("schema",), registry=REGISTRY
)
CONNECTIONS = Gauge(
    "storefront_database_connections",
    "Connections of the pools: open, and of these in use.",
    ("schema", "state"),
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
CACHE_REQUESTS = Counter(
    "storefront_cache_requests", "Values asked of a cache: hit or miss.", ("cache", "result"), registry=REGISTRY
)
OUTBOX_DELIVERIES = Counter(
    "storefront_outbox_deliveries",
    "Attempts to deliver a message: delivered, failed, or parked, which is the last that failed.",
    ("schema", "topic", "outcome"),
    registry=REGISTRY,
)
SAGA_STEPS = Counter(
    "storefront_saga_steps",
    "Steps of orders: done, refused, waiting, failed, undone, undo-failed.",
    ("step", "outcome"),
    registry=REGISTRY,
)
SAGA_STEP_SECONDS = Histogram(
    "storefront_saga_step_seconds",
    "Time of one attempt at a step.",
    ("step",),
    buckets=_CALL_SECONDS,
    registry=REGISTRY,
)
SAGAS = Counter(
    "storefront_sagas",
    "Orders that ended: completed, held for approval, or failed for a reason.",
    ("outcome",),
    registry=REGISTRY,
)
SAGA_SECONDS = Histogram(
    "storefront_saga_seconds",
    "Time from placing an order to its end.",
    ("outcome",),
    buckets=_ORDER_SECONDS,
    registry=REGISTRY,
)
STOCK_OUTS = Counter(
    "storefront_stock_outs", "Variants of which fewer were left than an order needed.", registry=REGISTRY
)
MESSAGES = Counter(
    "storefront_messages", "E-mails and text messages: sent or failed.", ("channel", "outcome"), registry=REGISTRY
)
PROVIDER_CALLS = Counter(
    "storefront_provider_calls",
    "Calls of services that belong to others: answered, refused, failed or not-asked.",
    ("provider", "operation", "outcome"),
    registry=REGISTRY,
)
PROVIDER_CALL_SECONDS = Histogram(
    "storefront_provider_call_seconds",
    "Time of a call of a service that belongs to others.",
    ("provider", "operation"),
    buckets=_CALL_SECONDS,
    registry=REGISTRY,
)
BREAKER_OPEN = Gauge(
    "storefront_breaker_open",
    "1 from the failures that open a circuit breaker until the service is answered again, else 0.",
    ("provider",),
    multiprocess_mode="livemostrecent",
    registry=REGISTRY,
)

# What an attempt that raised an error comes to, by that error.
Outcome = Callable[[Exception], str]


@contextmanager
def counting(counter: Counter, seconds: Histogram, *labels: str, success: str, error: Outcome) -> Iterator[None]:
    """Count and time an attempt.

    :param counter: its last label is the outcome
    :param seconds: has the same labels but the outcome
    :param success: the outcome if the block raises nothing
    """
    started = time.perf_counter()
    outcome = success
    try:
        yield
    except Exception as raised:
        outcome = error(raised)
        raise
    finally:
        seconds.labels(*labels).observe(time.perf_counter() - started)
        counter.labels(*labels, outcome).inc()


def note_outside_call(call: OutsideCall) -> None:
    """Count a call of a service that belongs to others."""
    PROVIDER_CALL_SECONDS.labels(call.service, call.operation).observe(call.seconds)
    PROVIDER_CALLS.labels(call.service, call.operation, call.outcome).inc()
    BREAKER_OPEN.labels(call.service).set(call.state != "closed")


@contextmanager
def message(channel: str) -> Iterator[None]:
    """Count a message to a person.

    :param channel: email or sms
    """
    outcome = "failed"
    try:
        yield
        outcome = "sent"
    finally:
        MESSAGES.labels(channel, outcome).inc()


def exposition(collector: Collector) -> bytes:
    """All metrics in Prometheus' text format: what this process counted, or all processes with shared files.

    :param collector: of what is read now
    """
    if os.environ.get(FILES_SETTING):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)
    else:
        counted = REGISTRY
    now = CollectorRegistry(auto_describe=False)
    now.register(collector)
    return generate_latest(counted) + generate_latest(now)
