"""Waiting for a connection to a MariaDB that has no more connections."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError

from storefront.db import session
from storefront.db.session import db
from tests.conftest import MARIADB, make_databases
from tests.isolated_shop import shop_at

USER = f"storefront_single_{os.getpid()}"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """A shop whose user may have one connection to the server."""
    with databases(tmp_path) as url:
        single = f"mysql+pymysql://{USER}@{url.partition('@')[2]}"
        with shop_at(single, tmp_path) as app, app.app_context():
            yield app


@contextmanager
def databases(folder: Path) -> Iterator[str]:
    with contextmanager(make_databases)("mariadb", folder) as url:
        server = sa.create_engine(str(MARIADB), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(sa.text(f"CREATE USER {USER}@'%' WITH MAX_USER_CONNECTIONS 1"))
            for schema in ("cart", "catalog"):
                connection.execute(sa.text(f"CREATE DATABASE {url.format(schema=schema).rpartition('/')[2]}"))
            connection.execute(sa.text(f"GRANT SELECT ON *.* TO {USER}@'%'"))
            try:
                yield url
            finally:
                connection.execute(sa.text(f"DROP USER {USER}@'%'"))
        server.dispose()


def test_connecting_succeeds_once_another_connection_is_closed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    first = db.engines["cart"].connect()
    pauses = []

    def give_back(seconds: float) -> None:
        pauses.append(seconds)
        first.invalidate()

    monkeypatch.setattr(time, "sleep", give_back)
    with db.engines["catalog"].connect() as second:
        assert second.execute(sa.text("SELECT 1")).scalar() == 1
    assert pauses, "there was room at once"
    first.close()


def test_connecting_fails_after_the_time_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "UNAVAILABLE_AFTER_SECONDS", 0)
    with db.engines["cart"].connect(), pytest.raises(OperationalError) as refused:
        db.engines["catalog"].connect()
    assert isinstance(refused.value.orig, pymysql.OperationalError)
    assert refused.value.orig.args[0] in session.MYSQL_IS_FULL
