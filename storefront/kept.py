"""Answers that cost much and may be a little old, kept in each process: figures to look at, never to decide by.

One that is no longer fresh is given all the same, while a thread asks anew: nobody waits for it. Whoever asks what was
not asked lately waits for the answer, and so do all who ask it at that moment: it is asked once.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from cachetools import TTLCache
from flask import Flask, current_app

from storefront.nobody import as_nobody

SECONDS = 60  # how long a sum over a whole table is fresh
LONGEST_SECONDS = 300  # … and may be shown

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)
_background = threading.Semaphore()  # one thread of a process asks anew, whatever it is: visitors come first


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """:ivar fresh_until: by the timer of what keeps it"""

    value: R
    fresh_until: float


class Kept(Generic[R]):
    """The answers to questions of one kind, by hashable keys."""

    def __init__(self, *, fresh: float, longest: float, most: int, timer: Callable[[], float] = time.monotonic) -> None:
        """:param fresh: seconds until it is asked anew :param longest: seconds until it is not given any more"""
        self._fresh, self._timer = fresh, timer
        self._answers: TTLCache[Hashable, Answer[R]] = TTLCache(most, longest, timer)
        self._awaited: dict[Hashable, Future[R]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, ask: Callable[[], R]) -> R:
        """The answer that is kept, else what `ask` returns. It is called in another thread, too, and as nobody."""
        with self._lock:
            kept, awaited = self._answers.get(key), self._awaited.get(key)
            if kept and (awaited or self._timer() < kept.fresh_until or not _background.acquire(blocking=False)):
                return kept.value
            if not awaited:
                self._awaited[key] = Future()
        if awaited:
            return awaited.result()
        if not kept:
            return self._ask(key, ask)
        self._ask_in_background(key, ask)
        return kept.value

    def renew(self, key: Hashable, ask: Callable[[], R]) -> R:
        """Ask now, for whoever sees that the answer kept no longer holds."""
        value = ask()
        self._keep(key, value)
        return value

    def _keep(self, key: Hashable, value: R) -> None:
        with self._lock:
            self._answers[key] = Answer(value, self._timer() + self._fresh)

    def _ask(self, key: Hashable, ask: Callable[[], R]) -> R:
        try:
            value = ask()
            self._keep(key, value)
        except BaseException as error:
            self._end_of_waiting(key).set_exception(error)
            raise
        self._end_of_waiting(key).set_result(value)
        return value

    def _end_of_waiting(self, key: Hashable) -> Future[R]:
        with self._lock:
            return self._awaited.pop(key)

    def _ask_in_background(self, key: Hashable, ask: Callable[[], R]) -> None:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

        def run() -> None:
            try:
                self._ask(key, lambda: as_nobody(app, ask))
            except Exception:
                logger.exception("what is kept could not be asked anew")
            finally:
                _background.release()

        try:
            threading.Thread(target=run, name="kept", daemon=True).start()
        except RuntimeError as error:  # the machine gives no more threads
            self._end_of_waiting(key).set_exception(error)
            _background.release()


def kept_for_a_minute(schema: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep what a query of a schema answers, by its arguments, which must be hashable.

    What it answers says as of when. `CACHE_COUNTS` turns it off.
    """

    def keep(query: Callable[P, R]) -> Callable[P, R]:
        kept: Kept[R] = Kept(fresh=SECONDS, longest=LONGEST_SECONDS, most=32)

        @functools.wraps(query)
        def ask(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current_app.config["CACHE_COUNTS"]:
                return query(*args, **kwargs)
            database = str(current_app.config["SQLALCHEMY_BINDS"][schema]["url"])
            key = (database, args, tuple(sorted(kwargs.items())))
            return kept.get(key, lambda: query(*args, **kwargs))

        return ask

    return keep
