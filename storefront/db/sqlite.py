"""Connections to SQLite: the journal, durability, and writers that stand in line."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from storefront.db import folding, sqlite_queue

BUSY_SECONDS = 5  # wait for a locked database, then 503; reliability.md section 3
CACHE_KIB = 512  # of each connection; with SQLite's 2,000 a process grew by 15 MiB and no page was faster
# Schemas of which a power failure may undo the last commits, whose files stay whole: decision 50.
MAY_LOSE_LAST_COMMITS = frozenset({"cart"})


class Breaker(Protocol):
    """The circuit breaker of the database."""

    @property
    def is_open(self) -> bool: ...

    def trip(self) -> None: ...


class OpenTransaction(Protocol):
    """A transaction that writes.

    :ivar queue: the writers of its database, if it is this transaction's turn to write
    """

    queue: sqlite_queue.WriteQueue | None


def prepare_engine(
    engine: Engine, schema: str, breaker: Breaker, open_transaction: Callable[[], OpenTransaction | None]
) -> None:
    """Set up what each connection of an engine does when it is opened, and when it begins.

    :param open_transaction: the one that writes to this engine in the present context, if any
    """

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, record: Any) -> None:
        _configure(connection, schema, breaker)

    queue = sqlite_queue.WriteQueue()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        opened = open_transaction()
        if opened is None:
            connection.exec_driver_sql("BEGIN")
            return
        # A read lock cannot be upgraded once another connection has written, so writers take the write lock at once.
        raw = cast("sqlite3.Connection", connection.connection.driver_connection)
        with sqlite_queue.no_waiting(raw) as seconds:
            give_up_at = time.monotonic() + seconds
            if opened.queue is None and queue.acquire(seconds):
                opened.queue = queue
            if not sqlite_queue.begin_immediate(raw, give_up_at):
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # reports why it fails, as all statements do


def _configure(connection: sqlite3.Connection, schema: str, breaker: Breaker) -> None:
    connection.isolation_level = None  # sqlite3 must not open transactions by itself; `begin` does
    cursor = connection.cursor()
    # While the breaker is open a locked database fails at once.
    cursor.execute(f"PRAGMA busy_timeout = {0 if breaker.is_open else BUSY_SECONDS * 1000}")
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError:
        breaker.trip()
        raise
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute(f"PRAGMA synchronous = {'NORMAL' if schema in MAY_LOSE_LAST_COMMITS else 'FULL'}")
    cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
    folding.prepare_sqlite(connection)
