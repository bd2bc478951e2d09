"""TLS of connections to MariaDB: none to the same machine, unless it is asked for."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.db.session import db
from tests.conftest import MARIADB

needs_mariadb = pytest.mark.skipif(MARIADB is None, reason="no MariaDB: start with bin/test")


class ContextMadeError(Exception):
    """A TLS context was made."""


@pytest.fixture
def no_context(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **named: Any) -> None:
        raise ContextMadeError

    monkeypatch.setattr(ssl, "create_default_context", refuse)


def connect(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1


@needs_mariadb
@pytest.mark.usefixtures("no_context")
def test_a_connection_to_this_machine_makes_no_context() -> None:
    connect(str(MARIADB))


@pytest.mark.usefixtures("no_context")
def test_the_engines_of_the_shop_make_no_context(app: Flask) -> None:
    for engine in db._app_engines[app].values():
        with engine.engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1


@needs_mariadb
@pytest.mark.usefixtures("no_context")
def test_tls_that_is_asked_for_is_kept() -> None:
    with pytest.raises(ContextMadeError):
        connect(f"{MARIADB}/?ssl_check_hostname=false")


@pytest.mark.usefixtures("no_context")
@pytest.mark.parametrize("host", ["db.invalid", "192.0.2.1"])
def test_another_machine_is_offered_tls(host: str) -> None:
    with pytest.raises(ContextMadeError):
        connect(f"mysql+pymysql://root@{host}/")
