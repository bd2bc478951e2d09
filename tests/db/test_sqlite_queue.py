"""Writers of a SQLite database take turns in the order of their coming."""

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from storefront.db.sqlite_queue import WriteQueue, begin_immediate, no_waiting

LONG = 60  # seconds that no test waits for


class _Writer:
    """A thread that waits in line, and notes its name when its turn has come."""

    def __init__(self, queue: WriteQueue, name: int, turns: list[int], seconds: float = LONG) -> None:
        def wait() -> None:
            if queue.acquire(seconds):
                turns.append(name)
                queue.release()

        length = len(queue._waiting)
        self._thread = threading.Thread(target=wait)
        self._thread.start()
        give_up_at = time.monotonic() + LONG
        while len(queue._waiting) == length and self._thread.is_alive() and time.monotonic() < give_up_at:
            pass

    def join(self) -> None:
        self._thread.join(LONG)
        assert not self._thread.is_alive()


@pytest.fixture
def queue() -> WriteQueue:
    return WriteQueue()


def test_the_lock_goes_to_whoever_waits_longest(queue: WriteQueue) -> None:
    turns: list[int] = []
    assert queue.acquire(0)
    writers = [_Writer(queue, name, turns) for name in range(7)]
    queue.release()
    for writer in writers:
        writer.join()
    assert turns == list(range(7))


def test_one_who_comes_at_the_release_does_not_overtake(queue: WriteQueue) -> None:
    turns: list[int] = []
    assert queue.acquire(0)
    writer = _Writer(queue, 1, turns)
    queue.release()
    assert queue.acquire(LONG)
    assert turns == [1]
    queue.release()
    writer.join()


def test_one_who_gave_up_is_passed_over(queue: WriteQueue) -> None:
    turns: list[int] = []
    assert queue.acquire(0)
    impatient = _Writer(queue, 1, turns, seconds=0.01)
    patient = _Writer(queue, 2, turns)
    impatient.join()
    assert not queue.acquire(0)
    queue.release()
    patient.join()
    assert turns == [2]
    assert queue.acquire(0), "the lock was not released by the last"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE goods (name TEXT)")
    connection.close()
    return path


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(database, isolation_level=None, timeout=LONG, check_same_thread=False)


def test_a_writer_begins_when_the_other_process_has_finished(database: Path) -> None:
    other, ours = _connect(database), _connect(database)
    other.execute("BEGIN IMMEDIATE")
    began = threading.Event()

    def write() -> None:
        with no_waiting(ours):
            if begin_immediate(ours, time.monotonic() + LONG):
                began.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not began.wait(0.05)
    other.execute("COMMIT")
    assert began.wait(LONG)
    thread.join(LONG)
    assert ours.in_transaction
    other.close()
    ours.close()


def test_a_writer_gives_up_in_time_and_its_connection_waits_as_before(database: Path) -> None:
    other, ours = _connect(database), _connect(database)
    other.execute("BEGIN IMMEDIATE")
    with no_waiting(ours) as seconds:
        assert seconds == LONG
        assert not begin_immediate(ours, time.monotonic())
    assert ours.execute("PRAGMA busy_timeout").fetchone()[0] == LONG * 1000
    other.close()
    ours.close()


def test_another_fault_than_the_lock_is_not_waited_for(database: Path) -> None:
    ours = _connect(database)
    ours.execute("BEGIN")
    with no_waiting(ours):  # a transaction within a transaction
        assert not begin_immediate(ours, time.monotonic() + LONG)
    ours.close()
