"""What the shop needs and whether it is there: for load balancers, for people, and for metrics.

A process is **down** when it reaches none of the schemas: it can sell nothing, and another process, on another machine,
may reach them. It is **degraded** when anything less is missing. That takes no process out of a load balancer: schemas,
Redis and worker are the same for all processes, so that all would be taken out at once, and a shop that sells without
one of its parts would be closed for want of it.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import redis
from flask import Flask, current_app
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from storefront.core.clock import utc_now
from storefront.db import worker_heartbeat
from storefront.db.session import db
from storefront.db.worker_heartbeat import WorkersSeen
from storefront.web.anonymous_request import run_anonymously

ANSWER_SECONDS = 2.0  # what has not answered by then counts as away
KEPT_SECONDS = 2.0  # whoever asks again meanwhile gets the same answer
MIN_FREE_BYTES = 1024**3  # of a data folder; databases, e-mails and images grow

R = TypeVar("R")

NOT_NEEDED_TO_SELL = {"webhooks"}  # schemas without which shoppers miss nothing

logger = logging.getLogger(__name__)


class Status(StrEnum):
    """The state of a process, or of something that it needs."""

    UP = "UP"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class Health:
    """What was found.

    :ivar schemas: whether each of them answers
    :ivar redis: whether it answers; None where the shop uses none
    :ivar workers: None where it could not be found out
    :ivar free_bytes: of the disk with the data folder
    """

    schemas: dict[str, bool]
    redis: bool | None
    workers: WorkersSeen | None
    free_bytes: int

    @property
    def has_worker(self) -> bool:
        """Whether a worker has given a sign of life lately."""
        return self.workers is not None and self.workers.alive > 0

    @property
    def has_space(self) -> bool:
        return self.free_bytes >= MIN_FREE_BYTES

    @property
    def status(self) -> Status:
        """The state of the process that found this."""
        if not any(is_up for schema, is_up in self.schemas.items() if schema not in NOT_NEEDED_TO_SELL):
            return Status.DOWN
        is_whole = all(self.schemas.values()) and self.redis is not False and self.has_worker and self.has_space
        return Status.UP if is_whole else Status.DEGRADED

    @property
    def heartbeat_age(self) -> timedelta | None:
        """Time since the last sign of life of any worker; None where there was none, or none could be read."""
        if self.workers is None or self.workers.last_beat_at is None:
            return None
        return max(utc_now() - self.workers.last_beat_at, timedelta(0))


class HealthChecker:
    """Finds out at most every `KEPT_SECONDS`, so that many who ask cost no more than one."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._found: Health | None = None
        self._found_at = 0.0
        url = app.config["REDIS_URL"]
        seconds = {"socket_connect_timeout": ANSWER_SECONDS, "socket_timeout": ANSWER_SECONDS}
        self._redis = redis.Redis.from_url(url, **seconds) if url else None

    def check(self) -> Health:
        """The state now, or a moment ago."""
        with self._lock:
            if self._found is None or time.monotonic() - self._found_at > KEPT_SECONDS:
                self._found = self._check()
                self._found_at = time.monotonic()
            return self._found

    def _check(self) -> Health:
        """Ask all at once: what is away is known after `ANSWER_SECONDS`, and not after the sum of all time-outs."""
        schemas = [str(schema) for schema in self._app.config["SQLALCHEMY_BINDS"]]
        pool = ThreadPoolExecutor(len(schemas) + 2, thread_name_prefix="health")
        answers = {schema: pool.submit(self._detached, partial(_is_schema_up, schema)) for schema in schemas}
        redis_answers = None if self._redis is None else pool.submit(self._is_redis_up)
        seen = pool.submit(self._detached, _workers_seen)
        asked: list[Future[Any]] = [*answers.values(), seen]
        if redis_answers is not None:
            asked.append(redis_answers)
        wait(asked, ANSWER_SECONDS)
        pool.shutdown(wait=False)
        return Health(
            schemas={schema: _result(answer, otherwise=False) for schema, answer in answers.items()},
            redis=None if redis_answers is None else _result(redis_answers, otherwise=False),
            workers=_result(seen, otherwise=None),
            free_bytes=shutil.disk_usage(self._app.config["DATA_DIR"]).free,
        )

    def _detached(self, ask: Callable[[], R]) -> R:
        """Ask in a request of its own: connections that are opened outside of one wait for commands."""
        return run_anonymously(self._app, ask)

    def _is_redis_up(self) -> bool:
        assert self._redis is not None  # noqa: S101 - asked only if there is one
        try:
            return bool(self._redis.ping())
        except RedisError as error:
            logger.warning("Redis cannot be reached: %s", error)
            return False


def _result(answer: Future[R], *, otherwise: R) -> R:
    return answer.result() if answer.done() else otherwise


def _is_schema_up(schema: str) -> bool:
    try:
        with db.engines[schema].connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        logger.error("schema %s cannot be reached: %s", schema, error)
        return False
    return True


def _workers_seen() -> WorkersSeen | None:
    try:
        return worker_heartbeat.workers_seen()
    except SQLAlchemyError as error:
        logger.warning("the workers' signs of life cannot be read: %s", error)
        return None


def init_app(app: Flask) -> None:
    """Create the checker of an application."""
    app.extensions["health"] = HealthChecker(app)


def check_health() -> Health:
    """The state of the current application now, or a moment ago."""
    checker: HealthChecker = current_app.extensions["health"]
    return checker.check()
