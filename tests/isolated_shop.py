"""Shops with databases of their own, for tests that need real commits: races, migrations, unavailable databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest
from flask import Flask
from limits.errors import StorageError

from storefront import create_app
from storefront.db import sqlite
from storefront.db.session import db
from storefront.web.security_headers import limiter
from tests import demo_shop
from tests.conftest import make_config, make_databases

Result = TypeVar("Result")


@contextmanager
def own_shop(engine: str, folder: Path, *, filled: bool = True) -> Iterator[Flask]:
    """Create a shop with databases of its own and drop them at the end.

    :param filled: load the demo shop; otherwise the databases are empty and have no tables
    """
    for url in make_databases(engine, folder):
        with pytest.MonkeyPatch.context() as patch, shop_at(url, folder) as app:
            patch.setattr(sqlite, "BUSY_SECONDS", 60)  # races wait for their turn on a busy machine, too
            if filled:
                with app.app_context():
                    demo_shop.fill()
            yield app


@contextmanager
def shop_at(url: str, folder: Path, **settings: str) -> Iterator[Flask]:
    """Create the application on existing databases; its connections are closed at the end.

    :param url: template of database URLs
    """
    app = create_app(make_config(folder, url, **settings))
    app.extensions["wake_worker"] = lambda: None
    try:
        yield app
    finally:
        if limiter.enabled:
            with suppress(StorageError):
                _forget_what_was_counted()
        limiter.enabled = False  # the limiter is shared by all applications of this process
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()


def _forget_what_was_counted() -> None:
    """A thread of the storage in memory that is just clearing up would stumble over what is gone: it ends first."""
    timer = getattr(limiter.storage, "timer", None)
    if timer is not None and timer.is_alive():
        timer.join(10)
    limiter.reset()


PUBLIC_ORIGIN = "https://shop.example"
PRODUCTION = {
    "STOREFRONT_ENV": "production",
    "SECRET_KEY": "only-for-tests, and as long as in production",
    "MAIL_URL": "smtp://localhost:25",
    "PUBLIC_ORIGIN": PUBLIC_ORIGIN,
}
THROUGH_PROXY = {"Host": "shop.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "10.1.2.3"}


@contextmanager
def real_shop_in(folder: Path) -> Iterator[Flask]:
    """Create a shop with production settings, at `PUBLIC_ORIGIN` behind a proxy that terminates TLS."""
    settings = {**PRODUCTION, "PROXY_COUNT": "1"}
    with own_shop("sqlite", folder), shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, **settings) as app:
        yield app


def at_once(app: Flask, calls: list[Callable[[], Result]]) -> list[Result | Exception]:
    """Run every call in a thread of its own, all started at the same moment by a barrier.

    :return: what each returned or raised, in the order of `calls`
    """
    start = threading.Barrier(len(calls))
    outcomes: list[Result | Exception] = [RuntimeError("it never ended")] * len(calls)

    def run(index: int, call: Callable[[], Result]) -> None:
        with app.app_context():
            start.wait(30)
            try:
                outcomes[index] = call()
            except Exception as error:  # noqa: BLE001 - the test checks it
                outcomes[index] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes
