"""Running code in an artificial request without visitor data, to render what is cached for everyone."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, TypeVar

from flask import Flask

from storefront.db import read_source

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

R = TypeVar("R")


# What is left of a visitor's request: where it went.
_ADDRESS = frozenset(
    {"HTTP_HOST", "PATH_INFO", "QUERY_STRING", "SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme"}
)

_NO_REQUEST: WSGIEnvironment = {}


def run_anonymously(app: Flask, compute: Callable[[], R], environ: WSGIEnvironment = _NO_REQUEST) -> R:
    """Call a function in a request without cookies and account, with an empty `g` and a database session of its own.

    It reads from a replica if the present request does.

    :param environ: of a request whose address this one has; nothing else of it is used
    """
    address = {name: value for name, value in environ.items() if name in _ADDRESS}
    source = read_source.present()

    def run() -> R:
        with read_source.reading_from(source), app.test_request_context(environ_overrides=address):
            return compute()

    return Context().run(run)
