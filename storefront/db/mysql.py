"""Connections to MySQL and MariaDB that make few round trips: decision 51.

A page reads several schemas, one connection each. A ping before and a ROLLBACK after each read would double its round
trips, so a connection is pinged only after a pause, and is in autocommit mode: reads open no transaction, and those of
READ COMMITTED would see the same rows in one. `transaction` begins its own by a BEGIN.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pymysql.connections import Connection as PyMySQLConnection
from pymysql.constants.SERVER_STATUS import SERVER_STATUS_IN_TRANS
from pymysql.err import Error
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import InvalidatePoolError

ROW_LOCK_SECONDS = 4  # less than a statement's time-out, or waiting for a row would look like an unavailable server
PING_AFTER_SECONDS = 1  # a connection that was used so lately is taken to be open
_USED_AT = "used at"  # key in the `info` of a pooled connection: when it was returned


class MySQLConnection(PyMySQLConnection):
    """A connection that sends COMMIT and ROLLBACK only when a transaction is open.

    :ivar server_status: flags of the server's last answer that was no row
    """

    server_status: int

    @property
    def may_be_in_transaction(self) -> bool:
        """Without autocommit a SELECT opens a transaction, and its answer does not say so."""
        return not self.get_autocommit() or bool(self.server_status & SERVER_STATUS_IN_TRANS)

    def commit(self) -> None:
        if self.may_be_in_transaction:
            super().commit()

    def rollback(self) -> None:
        if self.may_be_in_transaction:
            super().rollback()


def prepare_engine(engine: Engine, open_transaction: Callable[[], object | None]) -> None:
    """Set up what each connection of an engine does when it is opened, begins, and goes to and from the pool.

    :param open_transaction: the one that writes to this engine in the present context, if any
    """

    @event.listens_for(engine, "connect")
    def configure(connection: MySQLConnection, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {ROW_LOCK_SECONDS}")
            # Rules are enforced by conditional UPDATEs; gap locks would only add deadlocks.
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        connection.autocommit(True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if open_transaction() is not None:
            connection.exec_driver_sql("BEGIN")

    @event.listens_for(engine, "checkin")
    def note_use(connection: MySQLConnection | None, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping_after_pause(connection: MySQLConnection, record: Any, proxy: Any) -> None:
        if time.monotonic() - record.info.get(_USED_AT, time.monotonic()) <= PING_AFTER_SECONDS:
            return
        try:
            connection.ping()
        except Error as error:
            raise InvalidatePoolError from error
