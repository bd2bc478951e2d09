"""Database sessions and transactions: one bind for each schema; a transaction writes to one schema only."""

from __future__ import annotations

import contextlib
import functools
import re
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import sqlalchemy as sa
from flask import Flask, current_app, has_request_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session
from sqlalchemy.sql import visitors

from storefront.db import (
    engine_metrics,
    local_connections,  # noqa: F401 - listens to every engine
    read_source,
    sqlite,
    sqlite_queue,
)

MAX_INTEGER = 2**31 - 1  # largest value of an integer column, such as an id

MAX_CONNECTIONS = 15  # per process and schema; a server process has eight threads
ANSWER_SECONDS = 5  # time-out of a statement within a request, then 503
COMMAND_SECONDS = 60  # time-out of a statement of a command, which may read whole tables
UNAVAILABLE_AFTER_SECONDS = 3  # time-out for connecting
BREAKER_OPEN_SECONDS = 3  # after a time-out requests fail at once for so long
MYSQL_DEADLOCK = 1213  # the transaction must be run again
MYSQL_IS_FULL = {1040, 1203, 1226}  # too many connections: in all, of any user, of this user
FULL_PAUSE_SECONDS = 0.05  # between attempts to connect to a full server
ATTEMPTS = 4  # at a command that loses a deadlock
UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeout)  # what a database that does not answer raises


@dataclass(slots=True)
class _OpenTransaction:
    """The transaction of the present context.

    :ivar tables: those that it wrote so far; "?" for one that its statement does not begin with
    :ivar queue: the writers of its SQLite database, if it is this transaction's turn to write
    """

    schema: str
    tables: set[str]
    queue: sqlite_queue.WriteQueue | None = None


_open: ContextVar[_OpenTransaction | None] = ContextVar("open transaction", default=None)
_is_waited_for: ContextVar[bool] = ContextVar("a request waits for it", default=False)
BeforeCommit = Callable[[Session, AbstractSet[str]], None]
_before_commit: dict[str, list[BeforeCommit]] = {}  # by schema
_AFTER_COMMIT = "after commit"  # key in `session.info`: callbacks of the open transaction
# A writing statement, after blanks and comments; one that begins with WITH has its verb later.
_WRITES = re.compile(
    r"(?:\s|/\*.*?\*/|--[^\n]*\n)*"
    r"(?:(?:insert|update|delete|replace)\b"
    r"|with\b.*\b(?:(?:insert|replace)\s+into|update\s+\S+\s+set|delete\s+from)\b)",
    re.IGNORECASE | re.DOTALL,
)
_WRITTEN_TABLE = re.compile(
    r"\s*(?:(?:insert|replace)\b[^(]*?\binto|update|delete\s+from)\s+[`\"]?(\w+)", re.IGNORECASE
)


class WriteOutsideTransaction(RuntimeError):
    """A statement tried to write to another schema than that of the open `transaction`."""


class Base(DeclarativeBase):
    """Base class of all models; names constraints, so that migrations and error messages can refer to them."""

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

    Reads always return the present state of the database, not that of an object loaded before.
    """

    def get_bind(
        self, mapper: Any = None, clause: Any = None, bind: Engine | Connection | None = None, **kwargs: Any
    ) -> Engine | Connection:
        if bind is None and mapper is None and clause is not None:
            for element in visitors.iterate(clause):
                table = getattr(element, "table", element)  # of a column, or the element itself
                if isinstance(table, sa.Table) and "bind_key" in table.metadata.info:
                    return read_source.choose(self._db.engines[table.metadata.info["bind_key"]])
        return read_source.choose(super().get_bind(mapper=mapper, clause=clause, bind=bind, **kwargs))

    # These two ignore the session's execution options and would answer from the identity map.
    def get(self, entity: Any, ident: Any, **given: Any) -> Any:
        return super().get(entity, ident, **{"populate_existing": True, **given})

    def get_one(self, entity: Any, ident: Any, **given: Any) -> Any:
        return super().get_one(entity, ident, **{"populate_existing": True, **given})


@event.listens_for(RoutingSession, "do_orm_execute")
def _flush_before_reading(reading: ORMExecuteState) -> None:
    """Flush pending changes, which `populate_existing` would overwrite."""
    if reading.is_select and not reading.is_column_load and reading.session.dirty:
        reading.session.flush()


db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    session_options={
        "class_": RoutingSession,
        "expire_on_commit": False,
        "autoflush": False,
        # Decision 23: reads refresh loaded objects, so an UPDATE need not synchronize them.
        "execution_options": {"populate_existing": True, "synchronize_session": False},
    },
)

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def read_session() -> Session:
    """The session for reading; see `transaction` for writing."""
    return db.session()


def dialect_of(schema: str) -> str:
    """The database of a schema: `sqlite` or `mysql`, which includes MariaDB."""
    name = db.engines[schema].dialect.name
    return "mysql" if name == "mariadb" else name


@contextmanager
def transaction(schema: str) -> Iterator[Session]:
    """Open a transaction that writes to one schema; leaving the block commits, an exception rolls everything back.

    Earlier reads are ended first, so that reads inside see the present state. Transactions cannot be nested. Actions
    registered with `after_commit` run after the commit.

    :raise WriteOutsideTransaction: a statement inside writes to another schema, or a transaction is open already
    """
    if (still_open := _open.get()) is not None:
        raise WriteOutsideTransaction(f"{schema}: a transaction of {still_open.schema} is still open")
    session = db.session()
    session.rollback()
    read_source.use_primary()
    actions: dict[Callable[[], None], None] = {}
    session.info[_AFTER_COMMIT] = actions
    opened = _OpenTransaction(schema, set())
    token = _open.set(opened)
    try:
        yield session
        for hook in _before_commit.get(schema, ()):
            session.flush()
            hook(session, opened.tables)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        if opened.queue is not None:
            opened.queue.release()
        _open.reset(token)
        del session.info[_AFTER_COMMIT]
    for action in actions:
        action()


def before_commit(schema: str) -> Callable[[BeforeCommit], BeforeCommit]:
    """Decorate a function that ends every transaction of a schema, within it.

    It gets the session and the names of the tables written.
    """

    def register(hook: BeforeCommit) -> BeforeCommit:
        _before_commit.setdefault(schema, []).append(hook)
        return hook

    return register


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Register an action to run after the commit of the caller's transaction, once even if registered repeatedly.

    :param action: must not raise: the commit cannot be undone
    """
    session.info[_AFTER_COMMIT][action] = None  # a dict keeps the order and drops duplicates


def rows_changed(result: Any) -> int:
    """The number of rows an UPDATE or DELETE matched, on MySQL, too, even if their values did not change."""
    return cast("sa.CursorResult[Any]", result).rowcount


P = ParamSpec("P")
R = TypeVar("R")


def retry_on_deadlock(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a command so that it runs again when the database rolled it back to resolve a deadlock.

    The command must consist of one `transaction`, so that everything it did was rolled back.
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


def retry_on_conflict(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a command so that it runs again when another transaction was the first to write a unique value.

    It then finds this value, and can answer or refuse by it; a conflict that lasts is raised. The command must consist
    of one `transaction`, so that everything it did was rolled back.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(ATTEMPTS - 1):
            with contextlib.suppress(IntegrityError):
                return command(*args, **kwargs)
        return command(*args, **kwargs)

    return run


def init_app(app: Flask) -> None:
    """Bind every schema and set up each engine: write guard, circuit breaker, SQLite's journal and locking modes."""
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {})
    for schema, url in app.config["SQLALCHEMY_BINDS"].items():
        app.config["SQLALCHEMY_BINDS"][schema] = {"url": url, **engine_options(url, app.config["DATABASE_POOL_SIZE"])}
    db.init_app(app)
    with app.app_context():
        app.extensions["circuit_breakers"] = {str(key): CircuitBreaker(engine) for key, engine in db.engines.items()}
        for bind_key, engine in db.engines.items():
            guard_writes(engine, str(bind_key))
            engine_metrics.install(engine, str(bind_key))
            if engine.dialect.name == "sqlite":
                breaker = app.extensions["circuit_breakers"][bind_key]
                sqlite.prepare_engine(engine, str(bind_key), breaker, partial(_open_on, str(bind_key)))
            else:
                from storefront.db import mysql  # PyMySQL takes 10 MiB, which a shop on SQLite saves

                mysql.prepare_engine(engine, partial(_open_on, str(bind_key)))


def engine_options(url: str, pool_size: int) -> dict[str, Any]:
    """The engine options of a database.

    :param pool_size: connections that stay open in each process; more are opened when needed, and closed again
    """
    if url.startswith("sqlite"):
        return {"hide_parameters": True, "connect_args": {"timeout": sqlite.BUSY_SECONDS}}
    return {
        "hide_parameters": True,  # logged errors must not contain customer data
        "pool_size": pool_size,
        "max_overflow": MAX_CONNECTIONS - pool_size,
        "pool_recycle": 1800,
        "pool_timeout": UNAVAILABLE_AFTER_SECONDS,
        "connect_args": {
            "connect_timeout": UNAVAILABLE_AFTER_SECONDS,
            "read_timeout": ANSWER_SECONDS,
            "write_timeout": ANSWER_SECONDS,
        },
    }


BREAKER_IS_OPEN = "the circuit breaker is open"  # the message of what it refuses


class CircuitBreaker:
    """Remembers that a database timed out, so that the next requests fail at once instead of waiting, too."""

    def __init__(self, engine: Engine, command_seconds: int = COMMAND_SECONDS) -> None:
        self._until, self._command_seconds = 0.0, command_seconds
        event.listen(engine, "handle_error", self._on_error)
        if engine.dialect.name != "sqlite":
            event.listen(engine, "do_connect", self._connect)

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self._until

    def _on_error(self, context: ExceptionContext) -> None:
        self.note(context.original_exception)

    def note(self, error: BaseException) -> None:
        """Open the breaker if the error says that the database timed out."""
        message = str(error)
        if BREAKER_IS_OPEN in message:  # our own refusal: nothing was asked, so nothing timed out
            return
        if "timed out" in message or "database is locked" in message:
            self.trip()

    def trip(self) -> None:
        """Open the breaker: the database timed out just now."""
        self._until = time.monotonic() + BREAKER_OPEN_SECONDS

    def _connect(self, dialect: sa.Dialect, record: Any, arguments: Any, options: dict[str, Any]) -> DBAPIConnection:
        from storefront.db.mysql import MySQLConnection

        if self.is_open:
            raise dialect.loaded_dbapi.OperationalError(2003, BREAKER_IS_OPEN)
        if not has_request_context() and not _is_waited_for.get():
            options["read_timeout"] = self._command_seconds
        give_up_at = time.monotonic() + UNAVAILABLE_AFTER_SECONDS
        while True:
            try:
                return cast("DBAPIConnection", MySQLConnection(*arguments, **options))
            except dialect.loaded_dbapi.OperationalError as error:
                if error.args[0] not in MYSQL_IS_FULL or time.monotonic() > give_up_at:
                    raise
            time.sleep(FULL_PAUSE_SECONDS)  # other requests free their connections when they end


@contextmanager
def time_outs_of_a_request() -> Iterator[None]:
    """Give connections that the block opens the short time-outs of a request; for what happens before Flask has one."""
    token = _is_waited_for.set(True)
    try:
        yield
    finally:
        _is_waited_for.reset(token)


def is_unavailable(schema: str) -> bool:
    """Whether the database of a schema timed out a moment ago, so that callers can go without it."""
    breaker: CircuitBreaker = current_app.extensions["circuit_breakers"][schema]
    return breaker.is_open


def guard_writes(engine: Engine, schema: str) -> None:
    """Refuse statements that write by an engine, but within a transaction of its schema."""

    @event.listens_for(engine, "before_cursor_execute")
    def refuse_foreign_write(
        conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> None:
        if not _WRITES.match(statement):
            return
        opened = _open.get()
        if opened is None or opened.schema != schema:
            within = opened and opened.schema
            raise WriteOutsideTransaction(f"{schema} written within a transaction of {within}: {statement[:80]}")
        table = _WRITTEN_TABLE.match(statement)
        opened.tables.add(table[1] if table else "?")


def _open_on(schema: str) -> _OpenTransaction | None:
    """The open transaction if it writes to this schema, else None."""
    opened = _open.get()
    return opened if opened is not None and opened.schema == schema else None
