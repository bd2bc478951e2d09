"""A place for costly work in a process: few at a time, few who wait, and a prompt answer for everybody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from storefront.core.errors import RetryLater


class Busy(RetryLater):
    """The place was not free in time. Nothing was done."""

    status = 503


class WaitingLine:
    """Bounds how many threads do some work, and how many wait for that: the others are left to other requests."""

    def __init__(self, *, at_once: int, waiting: int, seconds: float, refused_with: type[Busy] = Busy) -> None:
        """Open the place.

        :param at_once: threads that work at a time
        :param waiting: threads that wait
        :param seconds: how long each waits
        :param refused_with: what is raised, a subclass of `Busy`
        """
        self._working = threading.BoundedSemaphore(at_once)
        self._line = threading.BoundedSemaphore(at_once + waiting)
        self._seconds, self._refused_with = seconds, refused_with

    def enter(self) -> None:
        """Take the place, after a short wait if need be; `leave` must follow.

        :raise Busy: not in time, or too many wait already
        """
        if self._line.acquire(blocking=False):
            if self._working.acquire(timeout=self._seconds):
                return
            self._line.release()
        raise self._refused_with(max(1, round(2 * self._seconds)))

    def leave(self) -> None:
        """Give the place back."""
        self._working.release()
        self._line.release()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold the place within the block.

        :raise Busy: not in time, or too many wait already
        """
        self.enter()
        try:
            yield
        finally:
            self.leave()
