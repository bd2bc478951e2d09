"""A request that nobody sent: what is made for everyone is made in it, where nothing of a visitor can be reached."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import TypeVar

from flask import Flask

R = TypeVar("R")


def run_anonymously(app: Flask, make: Callable[[], R], *, root: str = "") -> R:
    """Make something without a visitor: no cookie, no account, an empty `g` and a database session of its own.

    :param root: the path at which the shop is mounted, if it is, for the addresses of what is made
    """

    def run() -> R:
        with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": root}):
            return make()

    return Context().run(run)
