"""Values that are computed at most once a request."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from flask import g

T = TypeVar("T")


def once_per_request(compute: Callable[[], T]) -> Callable[[], T]:
    """Remember what a function without arguments returns until the request ends; an error is not remembered."""

    @functools.wraps(compute)
    def remembered() -> T:
        memo: dict[Callable[[], T], T] = g.setdefault("memo", {})
        if compute not in memo:
            memo[compute] = compute()
        return memo[compute]

    return remembered
