"""Sums over whole tables, kept for a minute in each process: figures to look at, never to decide by."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from cachetools import TTLCache
from flask import current_app

SECONDS = 60

P = ParamSpec("P")
R = TypeVar("R")


def kept_for_a_minute(schema: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep what a query of a schema answers, by its arguments, which must be hashable.

    What it answers says as of when. `CACHE_COUNTS` turns it off.
    """

    def keep(query: Callable[P, R]) -> Callable[P, R]:
        answers: TTLCache[Any, R] = TTLCache(maxsize=32, ttl=SECONDS)
        lock = threading.Lock()

        @functools.wraps(query)
        def ask(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current_app.config["CACHE_COUNTS"]:
                return query(*args, **kwargs)
            database = str(current_app.config["SQLALCHEMY_BINDS"][schema]["url"])
            key = (database, args, tuple(sorted(kwargs.items())))
            with lock:
                if key in answers:
                    return answers[key]
            answer = query(*args, **kwargs)
            with lock:
                answers[key] = answer
            return answer

        return ask

    return keep
