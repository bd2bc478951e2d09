"""Shared fixtures: one application per engine, every test rolled back in all schemas, no access to the network."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from config import SCHEMAS, Config
from storefront.application import create_app  # imports all views, by which tests are made
from storefront.catalog.search import engine as search_engine
from storefront.core import clock
from storefront.core.outside_calls import Breakers
from storefront.db.session import db
from tests import demo_shop, hashing
from tests.fakes import Clock, MemoryPost, MemoryTexts
from tests.mailbox import Mailbox
from tests.page_client import Pages
from tests.times import NOON, clock_reading, machine_time

pytest_plugins = (
    "tests.fixtures.callers",
    "tests.fixtures.purchases",
    "tests.fixtures.stripe",
    "tests.fixtures.webhooks",
)

MARIADB = os.environ.get("TEST_MARIADB_URL")
ENGINES = ["sqlite", "mariadb"]
WEB_FOLDERS = {"api", "deploy", "pages", "staff", "web"}
WEB_FILES = {"test_conventions.py"}
LONG_FOLDERS = {"journeys", "proofs"}
# A test of them takes many seconds.
LONG_FILES = {"catalog/listing/test_read_model.py", "cli/backup/test_backup.py", "test_access_matrix.py"}


def pytest_report_header() -> list[str]:
    missing = {"MariaDB": "TEST_MARIADB_URL", "Redis": "TEST_REDIS_URL", "Chromium": "TEST_CHROMIUM"}
    return [f"{name} is missing: its tests are skipped" for name, key in missing.items() if key not in os.environ]


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not among modules and tests: it took a tenth of the time of pages."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 50)


@pytest.fixture(scope="session", autouse=True)
def _closed_network() -> Iterator[None]:
    """Refuse connections to other machines."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else address
        if self.family != socket.AF_UNIX and host not in {"127.0.0.1", "localhost", "::1"}:
            raise PermissionError(f"a test tried to connect to {host}")
        connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def _fixed_clock() -> Iterator[None]:
    """Fix the time for session fixtures, too: shops that several tests share get data of the same time."""
    with clock_reading(Clock(NOON).read):
        yield


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashing() -> Iterator[None]:
    yield from hashing.cheap()


@pytest.fixture(scope="session", autouse=True)
def _remembered_words() -> Iterator[None]:
    """Split each text into words once: the doctor asks for those of the whole demo shop after most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_engine, "_indexable", lru_cache(maxsize=5000)(search_engine._indexable))
        yield


@pytest.fixture
def real_hashing() -> Iterator[None]:
    """Hash passwords at the cost of production."""
    yield from hashing.real()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the engines that a test of the shared shop runs on: docs/decisions/0022-tests-on-two-engines.md."""
    if "database_url" in metafunc.fixturenames:
        engines = ["sqlite"] if is_sqlite_enough(metafunc) else ENGINES
        metafunc.parametrize("database_url", engines, indirect=True, scope="session")


def is_sqlite_enough(metafunc: pytest.Metafunc) -> bool:
    """Whether a test of the shared shop need not run on MariaDB as well."""
    if "engine" in metafunc.fixturenames:  # it has a shop of its own, on the engines that it names
        return True
    if metafunc.definition.get_closest_marker("browser"):  # it looks at pages
        return True
    return is_web_test(metafunc.definition.path) and not metafunc.definition.get_closest_marker("both_engines")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long tests first, so that at the end no worker waits for the other: those on SQLite, then on MariaDB.

    Tests of one engine stay in pytest's order.
    """
    items.sort(key=lambda item: (engine_of(item) == "mariadb", not takes_long(item.path)))


def engine_of(item: pytest.Item) -> str | None:
    """Return the engine of the shared shop that a test uses, None where it uses none."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("database_url") if callspec else None


def takes_long(file: Path) -> bool:
    """Whether the tests of a file take many seconds each."""
    path = file.relative_to(Path(__file__).parent)
    return path.parts[0] in LONG_FOLDERS or path.as_posix() in LONG_FILES


def is_web_test(file: Path) -> bool:
    """Whether a file tests pages or the API. They contain no SQL, so one engine is enough."""
    path = file.relative_to(Path(__file__).parent)
    return path.parts[0] in WEB_FOLDERS or path.as_posix() in WEB_FILES


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL template of empty databases, for each engine that the test runs on."""
    yield from make_databases(request.param, tmp_path_factory.mktemp("databases"))


def make_databases(engine: str, folder: Path) -> Iterator[str]:
    """Yield the URL template of new databases; drop them at the end."""
    if engine == "sqlite":
        yield f"sqlite:///{folder}/{{schema}}.db"
        return
    if MARIADB is None:
        pytest.skip(os.environ.get("TEST_MISSING_MARIADB", "no MariaDB: start with bin/test"))
    name = f"storefront_test_{os.getpid()}_{folder.name.replace('-', '_')}"
    yield f"{MARIADB}/{name}_{{schema}}"
    server = sa.create_engine(MARIADB, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        for schema in SCHEMAS:
            connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name}_{schema}"))
    server.dispose()


def make_config(folder: Path, url: str, **settings: str) -> Config:
    """Make a configuration with its own data folder and databases, without rate limits and cache."""
    patch = pytest.MonkeyPatch()
    environment = {
        "STOREFRONT_ENV": "testing",
        "STOREFRONT_DATA": str(folder),
        "DATABASE_URL": url,
        "DATABASE_POOL_SIZE": "1",  # many shops share a server's 151 connections
        "SECRET_KEY": "only-for-tests",
        "RATELIMIT_ENABLED": "0",
        "CACHE_ENABLED": "0",
        **settings,
    }
    for name, value in environment.items():
        patch.setenv(name, value)
    patch.delenv("REDIS_URL", raising=False)
    config = Config()
    patch.undo()
    return config


@pytest.fixture(scope="session")
def shop(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The demo shop, loaded and committed once for each engine."""
    app = create_app(make_config(tmp_path_factory.mktemp("data"), database_url))
    with app.app_context():
        demo_shop.fill()
    app.extensions["wake_worker"] = lambda: None  # tests deliver messages explicitly
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def app(shop: Flask) -> Iterator[Flask]:
    """The demo shop; its databases are rolled back after the test."""
    with rolled_back(shop):
        yield shop


@contextmanager
def rolled_back(shop: Flask) -> Iterator[None]:
    """Wrap each database in an outer transaction: commits become savepoints, and everything is undone at the end."""
    engines = db._app_engines[shop]
    originals = dict(engines)
    connections = {schema: engine.connect() for schema, engine in originals.items()}
    outer = {schema: connection.begin() for schema, connection in connections.items()}
    for connection in connections.values():
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql("BEGIN")  # else autocommit: `storefront.db.mysql`
    engines.update(connections)
    joins = db.session.session_factory.kw
    joins["join_transaction_mode"] = "create_savepoint"
    shop.extensions["breakers"] = Breakers()  # services that failed in another test are asked again
    try:
        with shop.app_context():
            yield
    finally:
        del joins["join_transaction_mode"]
        engines.update(originals)
        for schema, connection in connections.items():
            outer[schema].rollback()
            connection.close()


@pytest.fixture
def pages(app: Flask) -> Pages:
    """A browser without JavaScript."""
    return Pages(app)


@pytest.fixture
def post(app: Flask) -> Iterator[MemoryPost]:
    """The mail transport of this test, which keeps e-mails in memory."""
    real, app.extensions["mailer"] = app.extensions["mailer"], MemoryPost()
    yield app.extensions["mailer"]
    app.extensions["mailer"] = real


@pytest.fixture
def mailbox(app: Flask, post: MemoryPost) -> Iterator[Mailbox]:
    """E-mails and text messages sent in this test."""
    real, app.extensions["sms"] = app.extensions["sms"], MemoryTexts()
    yield Mailbox(app, post, app.extensions["sms"])
    app.extensions["sms"] = real


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The current time, which is fixed until a test advances it."""
    fixed = Clock(NOON)
    monkeypatch.setattr(clock, "_read", fixed.read)
    return fixed


@pytest.fixture
def real_time(now: Clock) -> Iterator[None]:
    """Use the machine's clock, as the live shop does: by a fixed clock its leases would have expired."""
    with machine_time():
        yield
