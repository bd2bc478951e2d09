"""Running code in an artificial request without visitor data, to render what is cached for everyone."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import TypeVar

from flask import Flask

R = TypeVar("R")


def run_anonymously(app: Flask, compute: Callable[[], R], *, root: str = "") -> R:
    """Call a function in a request without cookies and account, with an empty `g` and a database session of its own.

    :param root: the path at which the shop is mounted, for the URLs that the function builds
    """

    def run() -> R:
        with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": root}):
            return compute()

    return Context().run(run)
