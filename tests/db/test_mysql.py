"""Connections to MariaDB: what they send, and that one closed by the server is replaced."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from pymysql.constants import COMMAND
from sqlalchemy.exc import IntegrityError, OperationalError

from storefront.cart.models import Cart
from storefront.core.clock import utc_now
from storefront.db import mysql
from storefront.db.session import db, read_session, transaction
from tests.conftest import MARIADB
from tests.isolated_shop import own_shop

pytestmark = pytest.mark.skipif(MARIADB is None, reason="no MariaDB: start with bin/test")

COUNT = sa.select(sa.func.count(Cart.id))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with own_shop("mariadb", tmp_path) as app, app.app_context():
        yield app


@pytest.fixture
def sent(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent from now on: the first word of each statement, PING for a ping."""
    commands: list[str] = []
    execute = mysql.MySQLConnection._execute_command

    def note(connection: mysql.MySQLConnection, command: int, sql: str | bytes) -> None:
        text = sql if isinstance(sql, str) else sql.decode()
        commands.append("PING" if command == COMMAND.COM_PING else text.split()[0])
        execute(connection, command, sql)

    read_cart()
    monkeypatch.setattr(mysql.MySQLConnection, "_execute_command", note)
    return commands


def read_cart() -> int:
    """Read in a session of its own, as a request does."""
    try:
        return read_session().scalar(COUNT) or 0
    finally:
        db.session.remove()


def open_cart_twice() -> None:
    with transaction("cart") as session:
        for _ in range(2):
            session.add(Cart(user_id=7, updated_at=utc_now()))
            session.flush()


def let_pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    real = time.monotonic
    monkeypatch.setattr(mysql.time, "monotonic", lambda: real() + seconds)


def kill_connections(app: Flask) -> None:
    """Close all connections to the carts from the server's side."""
    database = db.engines["cart"].url.database
    server = sa.create_engine(str(MARIADB), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        found = sa.text("SELECT id FROM information_schema.processlist WHERE db = :name")
        for one in connection.scalars(found, {"name": database}).all():
            connection.exec_driver_sql(f"KILL {one}")
    server.dispose()


def test_a_read_sends_its_statement_and_nothing_else(sent: list[str]) -> None:
    read_cart()
    read_cart()
    assert sent == ["SELECT", "SELECT"]


def test_a_command_begins_a_transaction_and_commits_it(sent: list[str]) -> None:
    with transaction("cart") as session:
        session.add(Cart(user_id=7, updated_at=utc_now()))
    db.session.remove()
    assert sent == ["BEGIN", "INSERT", "COMMIT"]
    assert read_cart() == 1


def test_a_command_that_fails_is_rolled_back(sent: list[str]) -> None:
    with pytest.raises(IntegrityError):
        open_cart_twice()
    db.session.remove()
    assert sent == ["BEGIN", "INSERT", "INSERT", "ROLLBACK"]
    assert read_cart() == 0


def test_a_connection_without_autocommit_is_rolled_back_after_a_read(app: Flask, sent: list[str]) -> None:
    """A SELECT has opened a transaction there, and the server's answer did not say so."""
    with db.engines["cart"].connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(COUNT)
    assert "ROLLBACK" in sent[sent.index("SELECT") :]


def test_a_connection_is_pinged_after_a_pause(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    let_pass(monkeypatch, mysql.PING_AFTER_SECONDS + 1)
    read_cart()
    assert sent == ["PING", "SELECT"]


def test_a_connection_closed_during_a_pause_is_replaced(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    read_cart()
    kill_connections(app)
    let_pass(monkeypatch, mysql.PING_AFTER_SECONDS + 1)
    assert read_cart() == 0


def test_one_read_fails_when_the_server_closed_a_connection_just_used(app: Flask) -> None:
    read_cart()
    kill_connections(app)
    with pytest.raises(OperationalError):
        read_cart()
    assert read_cart() == 0
