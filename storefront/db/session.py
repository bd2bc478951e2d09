"""Six schemas, one bind each; a transaction writes to one of them only."""

from __future__ import annotations

import functools
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import sqlalchemy as sa
from flask import Flask, current_app, has_request_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session
from sqlalchemy.sql import visitors

MAX_INTEGER = 2**31 - 1  # what an integer column holds; the ids are such columns

MAX_CONNECTIONS = 15  # of one process to one schema; a server process has eight threads
SQLITE_BUSY_SECONDS = 5  # reliability.md section 3: a locked database is waited for, then it is a 503
ANSWER_SECONDS = 5  # so long a request waits for a server's answer, then it is a 503 too …
COMMAND_SECONDS = 60  # … and a command, which sums up whole tables
ROW_LOCK_SECONDS = 4  # less than an answer is waited for, or it would look as if the server were away
UNAVAILABLE_AFTER_SECONDS = 3  # a server that does not take a connection by then is away
BREAKER_OPEN_SECONDS = 3  # a database that was waited for in vain is not waited for again for so long
MYSQL_DEADLOCK = 1213  # MySQL asks for the transaction to be run again
MYSQL_IS_FULL = {1040, 1203, 1226}  # it has as many connections as it may have: in all, of a user, of this user
FULL_PAUSE_SECONDS = 0.05
ATTEMPTS = 4

_writing: ContextVar[str | None] = ContextVar("schema being written", default=None)
_AFTER_COMMIT = "after commit"  # in `info` of the session: what its transaction asked for
# After blanks and remarks; a write that begins with WITH names its verb later, in words that no SELECT holds.
_WRITES = re.compile(
    r"(?:\s|/\*.*?\*/|--[^\n]*\n)*"
    r"(?:(?:insert|update|delete|replace)\b"
    r"|with\b.*\b(?:(?:insert|replace)\s+into|update\s+\S+\s+set|delete\s+from)\b)",
    re.IGNORECASE | re.DOTALL,
)


class WriteOutsideTransaction(RuntimeError):
    """A statement would have written to a schema that the open `transaction` does not own."""


class Base(DeclarativeBase):
    """The root of every table; names constraints so that migrations and error messages can name them."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RoutingSession(FlaskSession):
    """Finds the database of a Core statement by its tables, as Flask-SQLAlchemy does for mapped classes.

    Whatever is read is shown as the database has it now, also where the session had read it before.
    """

    def get_bind(
        self, mapper: Any = None, clause: Any = None, bind: Engine | Connection | None = None, **kwargs: Any
    ) -> Engine | Connection:
        if bind is None and mapper is None and clause is not None:
            for element in visitors.iterate(clause):
                table = getattr(element, "table", element)  # of a column, or the element itself
                if isinstance(table, sa.Table) and "bind_key" in table.metadata.info:
                    return self._db.engines[table.metadata.info["bind_key"]]
        return super().get_bind(mapper=mapper, clause=clause, bind=bind, **kwargs)

    # SQLAlchemy answers these two from what was read before, whatever the options of the session say.
    def get(self, entity: Any, ident: Any, **given: Any) -> Any:
        return super().get(entity, ident, **{"populate_existing": True, **given})

    def get_one(self, entity: Any, ident: Any, **given: Any) -> Any:
        return super().get_one(entity, ident, **{"populate_existing": True, **given})


@event.listens_for(RoutingSession, "do_orm_execute")
def _flush_before_reading(reading: ORMExecuteState) -> None:
    """Changes of rows that were not written yet would be overwritten by what is read of them."""
    if reading.is_select and not reading.is_column_load and reading.session.dirty:
        reading.session.flush()


db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    session_options={
        "class_": RoutingSession,
        "expire_on_commit": False,
        "autoflush": False,
        # Decision 31: what is read is as it is now, and so an UPDATE need not look for rows that were read before.
        "execution_options": {"populate_existing": True, "synchronize_session": False},
    },
)

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def read_session() -> Session:
    """The session to read with. Reads open no transaction of ours; see `transaction` for writing."""
    return db.session()


def dialect_of(schema: str) -> str:
    """`sqlite` or `mysql`: what a schema lives in."""
    name = db.engines[schema].dialect.name
    return "mysql" if name == "mariadb" else name


@contextmanager
def transaction(schema: str) -> Iterator[Session]:
    """Write to one schema; leaving the block commits, an exception rolls everything back.

    Reads before it are ended first, so what is read inside is the present state. It is not nested. What was asked for
    by `after_commit` is done when everything is committed.

    :raise WriteOutsideTransaction: a statement inside writes to another schema, or a transaction is open already
    """
    if _writing.get() is not None:
        raise WriteOutsideTransaction(f"{schema}: a transaction of {_writing.get()} is still open")
    session = db.session()
    session.rollback()
    actions: dict[Callable[[], None], None] = {}
    session.info[_AFTER_COMMIT] = actions
    token = _writing.set(schema)
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        _writing.reset(token)
        del session.info[_AFTER_COMMIT]
    for action in actions:
        action()


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Have something done when the caller's transaction is committed: once, however often it is asked for.

    :param action: must not raise: what was written stays written
    """
    session.info[_AFTER_COMMIT][action] = None  # a dict keeps their order


def rows_changed(result: Any) -> int:
    """How many rows an UPDATE or DELETE matched; on MySQL too, also where the values were the same already."""
    return cast("sa.CursorResult[Any]", result).rowcount


P = ParamSpec("P")
R = TypeVar("R")


def retry_on_deadlock(command: Callable[P, R]) -> Callable[P, R]:
    """Run a command again when the database chose it as the loser of a deadlock.

    The command must be one `transaction`: everything it did was rolled back, so running it again is safe.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(ATTEMPTS - 1):
            try:
                return command(*args, **kwargs)
            except OperationalError as error:
                if error.orig is None or error.orig.args[0] != MYSQL_DEADLOCK:
                    raise
        return command(*args, **kwargs)

    return run


def init_app(app: Flask) -> None:
    """Bind every schema and arm each engine: the write guard, and SQLite's journal and locking modes."""
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {})
    for schema, url in app.config["SQLALCHEMY_BINDS"].items():
        app.config["SQLALCHEMY_BINDS"][schema] = {"url": url, **_engine_options(url, app.config["DATABASE_POOL_SIZE"])}
    db.init_app(app)
    with app.app_context():
        app.extensions["circuit_breakers"] = {str(key): CircuitBreaker(engine) for key, engine in db.engines.items()}
        for bind_key, engine in db.engines.items():
            _guard(engine, str(bind_key))
            if engine.dialect.name == "sqlite":
                _prepare_sqlite(engine, str(bind_key), app.extensions["circuit_breakers"][str(bind_key)])


def _engine_options(url: str, kept: int) -> dict[str, Any]:
    """:param kept: connections that stay open in each process; more are opened as they are needed, and closed again"""
    if url.startswith("sqlite"):
        return {"hide_parameters": True, "connect_args": {"timeout": SQLITE_BUSY_SECONDS}}
    # READ COMMITTED: our rules are conditional UPDATEs, gap locks would only add deadlocks.
    return {
        "hide_parameters": True,  # an error that is logged names no customer
        "isolation_level": "READ COMMITTED",
        "pool_pre_ping": True,
        "pool_size": kept,
        "max_overflow": MAX_CONNECTIONS - kept,
        "pool_recycle": 1800,
        "pool_timeout": UNAVAILABLE_AFTER_SECONDS,
        "connect_args": {
            "connect_timeout": UNAVAILABLE_AFTER_SECONDS,
            "read_timeout": ANSWER_SECONDS,
            "write_timeout": ANSWER_SECONDS,
            "init_command": f"SET SESSION innodb_lock_wait_timeout = {ROW_LOCK_SECONDS}",
        },
    }


class CircuitBreaker:
    """Notes that a database was waited for in vain, so that the next request need not wait as long for nothing."""

    def __init__(self, engine: Engine) -> None:
        self._until = 0.0
        event.listen(engine, "handle_error", self._note)
        if engine.dialect.name != "sqlite":
            event.listen(engine, "do_connect", self._connect)

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self._until

    def _note(self, context: ExceptionContext) -> None:
        words = str(context.original_exception)
        if "timed out" in words or "database is locked" in words:
            self.trip()

    def trip(self) -> None:
        """It was waited for in vain just now."""
        self._until = time.monotonic() + BREAKER_OPEN_SECONDS

    def _connect(self, dialect: sa.Dialect, record: Any, arguments: Any, options: dict[str, Any]) -> DBAPIConnection:
        if self.is_open:
            raise dialect.loaded_dbapi.OperationalError(2003, "it did not answer a moment ago")
        if not has_request_context():
            options["read_timeout"] = COMMAND_SECONDS
        give_up_at = time.monotonic() + UNAVAILABLE_AFTER_SECONDS
        while True:
            try:
                return dialect.connect(*arguments, **options)
            except dialect.loaded_dbapi.OperationalError as error:
                if error.args[0] not in MYSQL_IS_FULL or time.monotonic() > give_up_at:
                    raise
            time.sleep(FULL_PAUSE_SECONDS)  # a crowd gives its connections back as soon as it is answered


def is_unavailable(schema: str) -> bool:
    """Whether a schema was waited for in vain a moment ago: what can be done without it should be."""
    absence: CircuitBreaker = current_app.extensions["circuit_breakers"][schema]
    return absence.is_open


def _guard(engine: Engine, schema: str) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def refuse_foreign_write(
        conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> None:
        if _WRITES.match(statement) and _writing.get() != schema:
            raise WriteOutsideTransaction(
                f"{schema} written within a transaction of {_writing.get()}: {statement[:80]}"
            )


def _prepare_sqlite(engine: Engine, schema: str, absence: CircuitBreaker) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # sqlite3 must not open transactions by itself: `begin` below does
        cursor = connection.cursor()
        # Until one connection succeeds they are opened one after the other: whoever comes next must not wait again.
        cursor.execute(f"PRAGMA busy_timeout = {0 if absence.is_open else SQLITE_BUSY_SECONDS * 1000}")
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            absence.trip()
            raise
        cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits when power fails
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A read that must become a write fails at once when another writer came first; a writer says so at its start.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() == schema else "BEGIN")
