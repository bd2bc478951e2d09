"""The writers of one SQLite database wait in line within a process, instead of asking for the lock at random times.

SQLite's own way to wait is to sleep for 1 to 100 ms and ask again, so that the newest writer often is the first and an
old one may give up. Here the writers of a process take turns in the order of their coming, and only the first of the
line asks, at short intervals, since another process may hold the lock. The line makes waiting fair; what keeps two
writers apart is SQLite's lock.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

PAUSE_SECONDS = 0.001  # between two attempts of the first in line; an attempt costs a few microseconds


class WriteQueue:
    """A lock that is handed over in the order in which it was asked for.

    `threading.Lock` gives no such order: a thread that comes while the lock is released may take it before those that
    wait.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._is_taken = False
        self._waiting: deque[Lock] = deque()

    def acquire(self, seconds: float) -> bool:
        """Wait for this thread's turn.

        :param seconds: at most so long
        :return: whether the lock was acquired, and must be released
        """
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=max(seconds, 0)):
            return True
        with self._guard:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
        return True  # handed over at the last moment

    def release(self) -> None:
        """Hand the lock to whoever waits longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


@contextmanager
def no_waiting(connection: sqlite3.Connection) -> Iterator[float]:
    """Let statements on a locked database fail at once.

    :return: seconds that they wait otherwise
    """
    milliseconds = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        yield milliseconds / 1000
    finally:
        connection.execute(f"PRAGMA busy_timeout = {milliseconds}")


def begin_immediate(connection: sqlite3.Connection, give_up_at: float) -> bool:
    """Begin a writing transaction as soon as no other connection has one.

    :param connection: within `no_waiting`
    :param give_up_at: when to stop trying, by `time.monotonic`
    :return: whether it began
    """
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # the low byte; the others say why
                return False
        else:
            return True
        if time.monotonic() >= give_up_at:
            return False
        time.sleep(PAUSE_SECONDS)
