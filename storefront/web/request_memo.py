"""Values that are computed at most once per request."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from flask import g

T = TypeVar("T")


def once_per_request(compute: Callable[[], T]) -> Callable[[], T]:
    """Decorate a function without arguments so that its result is memoized until the request ends; errors are not."""

    @functools.wraps(compute)
    def memoized() -> T:
        memo: dict[Callable[[], T], T] = g.setdefault("memo", {})
        if compute not in memo:
            memo[compute] = compute()
        return memo[compute]

    return memoized
