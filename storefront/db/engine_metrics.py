"""Counts statements, time and connections of each schema's engine."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, ExceptionContext

from storefront.core import metrics

_IN_USE = "storefront.in_use"  # in a pool record's info: it was counted as in use


def install(engine: Engine, schema: str) -> None:
    """Count what an engine does; two microseconds a statement."""
    _count_statements(engine, schema)
    _count_connections(engine, schema)


def _count_statements(engine: Engine, schema: str) -> None:
    seconds = metrics.STATEMENT_SECONDS.labels(schema)
    statements = metrics.STATEMENTS.labels(schema)
    errors = metrics.DATABASE_ERRORS.labels(schema)

    @event.listens_for(engine, "before_cursor_execute")
    def begin(conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        context.storefront_began = perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def end(conn: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        seconds.inc(perf_counter() - context.storefront_began)
        statements.inc()

    @event.listens_for(engine, "handle_error")
    def note_error(context: ExceptionContext) -> None:
        errors.inc()


def _count_connections(engine: Engine, schema: str) -> None:
    """Count the connections of the pool. A checkout that fails ends with a checkin of its own, which must not count."""
    opened = metrics.CONNECTIONS.labels(schema, "open")
    in_use = metrics.CONNECTIONS.labels(schema, "in_use")

    @event.listens_for(engine, "connect")
    def connect(connection: Any, record: Any) -> None:
        opened.inc()

    @event.listens_for(engine, "close")
    def close(connection: Any, record: Any) -> None:
        opened.dec()

    @event.listens_for(engine, "checkout")
    def check_out(connection: Any, record: Any, proxy: Any) -> None:
        record.record_info[_IN_USE] = True
        in_use.inc()

    @event.listens_for(engine, "checkin")
    def check_in(connection: Any, record: Any) -> None:
        if record.record_info.pop(_IN_USE, None):
            in_use.dec()

    @event.listens_for(engine, "detach")
    def detach(connection: Any, record: Any) -> None:
        opened.dec()
        if record.record_info.pop(_IN_USE, None):
            in_use.dec()
