"""A read-only replica of a MariaDB database, and how far it is behind.

How far is measured by positions in the binary log (GTIDs), not by clocks: what the primary had committed at a moment is
on the replica once the replica has reached the primary's position of that moment. Both are asked by the same process,
so moments are compared by one monotonic clock. `Seconds_Behind_Master` would be 0 for a replica whose connection hangs.

As long as `is_usable` says so, everything that was committed `max_lag` seconds ago or earlier is on the replica.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from storefront.db.session import UNAVAILABLE_AFTER_SECONDS, CircuitBreaker, db, engine_options, guard_writes

ANSWER_SECONDS = 2  # time-out of the replica; the primary is asked instead
MEASURE_EVERY_SECONDS = 0.25
MAX_MOMENTS = 1000  # remembered while the replica is behind; with fewer its lag would only seem larger

NEVER = float("-inf")

logger = logging.getLogger(__name__)
_now = time.monotonic

Position = dict[int, int]  # sequence number by replication domain


def parse_position(text: str | None) -> Position:
    """Parse a GTID position of MariaDB: `0-1-42,1-1-7`; empty for a server that has none."""
    entries = (entry.split("-") for entry in (text or "").split(",") if entry)
    return {int(domain): int(sequence) for domain, _, sequence in entries}


def includes(reached: Position, asked: Position) -> bool:
    """Whether a server that has reached one position has everything up to another; nobody has what is not known."""
    return bool(asked) and all(reached.get(domain, -1) >= sequence for domain, sequence in asked.items())


class Replica:
    """The replica of one schema.

    :ivar engine: for reading; refuses statements that write
    :ivar breaker: opens when the replica times out
    """

    def __init__(self, schema: str, primary_url: str, url: str, *, max_lag: int, pool_size: int) -> None:
        """Prepare to connect.

        :param max_lag: seconds; further behind it is not used
        """
        options = engine_options(url, pool_size)
        options["connect_args"] |= {"read_timeout": ANSWER_SECONDS, "connect_timeout": ANSWER_SECONDS}
        self.engine = sa.create_engine(url, **options)
        self.breaker = CircuitBreaker(self.engine, ANSWER_SECONDS)  # asked by page caches, too, outside of requests
        guard_writes(self.engine, schema)
        from storefront.db import mysql  # PyMySQL takes 10 MiB, which a shop on SQLite saves

        mysql.prepare_engine(self.engine, lambda: None)
        self._max_lag = max_lag
        self._asked = (_monitoring_engine(primary_url), _monitoring_engine(url))
        self._moments: deque[tuple[float, Position]] = deque(maxlen=MAX_MOMENTS)
        self._complete_at = NEVER  # what was committed before this moment is on the replica
        self._measuring = threading.Lock()
        self._monitor_of = 0  # process whose thread measures
        self._closed = threading.Event()

    @property
    def lag(self) -> float:
        """Seconds that the replica is behind at most; infinite if that is not known."""
        return _now() - self._complete_at

    def is_usable(self) -> bool:
        """Whether it is at most `max_lag` seconds behind; measured in the background from the first call on."""
        if self._monitor_of != os.getpid():
            self._start_monitor()
        return self.lag <= self._max_lag and not self.breaker.is_open

    def mark_away(self) -> None:
        """Do not use it until it was measured anew: it did not answer."""
        with self._measuring:
            self._forget()

    def _forget(self) -> None:
        self._complete_at = NEVER
        self._moments.clear()

    def measure(self) -> None:
        """Ask both servers how far they are.

        :raise SQLAlchemyError: one of them does not answer
        """
        primary, replica = self._asked
        with self._measuring:
            moment = _now()
            self._moments.append((moment, _position_of(primary, "gtid_binlog_pos")))
            try:
                reached = _position_of(replica, "gtid_slave_pos")
            except SQLAlchemyError:
                self._forget()
                raise
            while self._moments and includes(reached, self._moments[0][1]):
                self._complete_at, _ = self._moments.popleft()

    def _start_monitor(self) -> None:
        self._monitor_of = os.getpid()  # a forked process has no threads of its parent
        threading.Thread(target=self._monitor, name="replica-monitor", daemon=True).start()

    def _monitor(self) -> None:
        is_silent = False
        while not self._closed.wait(MEASURE_EVERY_SECONDS):
            try:
                self.measure()
                is_silent = False
            except SQLAlchemyError as error:
                if not is_silent:
                    logger.warning("the lag of the replica cannot be measured: %s", getattr(error, "orig", error))
                is_silent = True

    def close(self) -> None:
        """End the monitor and all connections."""
        self._closed.set()
        with self._measuring:
            for engine in (self.engine, *self._asked):
                engine.dispose()


def _monitoring_engine(url: str) -> Engine:
    """One connection, with short time-outs, besides those of requests."""
    seconds = {"connect_timeout": UNAVAILABLE_AFTER_SECONDS, "read_timeout": ANSWER_SECONDS}
    return sa.create_engine(url, pool_size=1, max_overflow=0, connect_args=seconds, hide_parameters=True)


def _position_of(engine: Engine, variable: str) -> Position:
    with engine.connect() as connection:
        return parse_position(connection.exec_driver_sql(f"SELECT @@global.{variable}").scalar())


def init_app(app: Flask) -> None:
    """Prepare the replica of the catalogue, if one is configured."""
    url, replica = app.config["CATALOG_REPLICA_URL"], None
    if url:
        primary_url = str(app.config["SQLALCHEMY_BINDS"]["catalog"]["url"])
        pool_size = app.config["DATABASE_POOL_SIZE"]
        replica = Replica("catalog", primary_url, url, max_lag=app.config["REPLICA_MAX_LAG"], pool_size=pool_size)
    app.extensions["catalog_replica"] = replica


def catalog_replica() -> Replica | None:
    """The replica of the catalogue of the current application."""
    return cast("Replica | None", current_app.extensions["catalog_replica"])


def replica_engines(replica: Replica) -> dict[Any, Engine]:
    """The engine of the catalogue's replica, by that of its primary."""
    return {db.engines["catalog"]: replica.engine}
