"""Load the demo shop into empty databases: built by migrations once for each engine, then restored from a copy.

The copies are kept in memory, so nothing has to be cleaned up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.engine import Connection

from config import SCHEMAS
from storefront.cli.demo import catalogue
from storefront.db import migrations
from storefront.db.session import db, dialect_of
from tests.times import is_machine_time

Restore = Callable[[str], None]  # fills the empty database of a schema

_copies: dict[tuple[str, ...], dict[str, Restore]] = {}


def fill() -> None:
    """Load the demo shop into the empty databases of the current application, dated by its current clock."""
    _fill_as("demo, by the machine" if is_machine_time() else "demo", _load)


def make_tables() -> None:
    """Create the tables in the empty databases of the current application."""
    _fill_as("tables", migrations.upgrade)


def _load() -> None:
    make_tables()
    catalogue.load()


def _fill_as(content: str, make: Callable[[], Any]) -> None:
    """Restore a copy into the databases; the first time, build the content and copy it."""
    key = (content, *(dialect_of(schema) for schema in SCHEMAS))
    if key in _copies:
        for schema, restore in _copies[key].items():
            restore(schema)
        return
    make()
    db.session.remove()
    _copies[key] = {schema: _copy(schema) for schema in SCHEMAS}


def _copy(schema: str) -> Restore:
    if dialect_of(schema) == "sqlite":
        return partial(_write_file, content=_read_file(schema))
    with db.engines[schema].connect() as connection:
        names = sa.inspect(connection).get_table_names()
        tables = [_table_of(connection, name) for name in names]
        triggers = list(_triggers_of(connection))
    return partial(_recreate, tables=tables, triggers=triggers)


def _url_of(schema: str) -> str:
    return str(current_app.config["SQLALCHEMY_BINDS"][schema]["url"])


# --------------------------------------------------------------------------------------------- SQLite


def _file_of(schema: str) -> Path:
    return Path(str(sa.make_url(_url_of(schema)).database))


def _read_file(schema: str) -> bytes:
    # Closing a file drops all locks that this process has on it, those of other connections included, and the next
    # process would take the WAL away from under them (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    db.engines[schema].dispose()
    with closing(sqlite3.connect(_file_of(schema))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # moves everything into the main file
    return _file_of(schema).read_bytes()


def _write_file(schema: str, content: bytes) -> None:
    db.engines[schema].dispose()  # closes the empty file and removes its WAL files
    _file_of(schema).write_bytes(content)


# -------------------------------------------------------------------------------------------- MariaDB


@dataclass(frozen=True)
class Table:
    """A copied table.

    :ivar definition: its CREATE TABLE statement
    :ivar fill: INSERT statement for one row
    """

    definition: str
    fill: str
    rows: list[tuple[Any, ...]]


def _table_of(connection: Connection, name: str) -> Table:
    definition = connection.exec_driver_sql(f"SHOW CREATE TABLE `{name}`").one()[1]
    columns = [column["name"] for column in sa.inspect(connection).get_columns(name) if "computed" not in column]
    listed = ", ".join(f"`{column}`" for column in columns)
    rows = [tuple(row) for row in connection.exec_driver_sql(f"SELECT {listed} FROM `{name}`")]
    return Table(definition, f"INSERT INTO `{name}` ({listed}) VALUES ({', '.join(['%s'] * len(columns))})", rows)


def _triggers_of(connection: Connection) -> Iterator[str]:
    for row in connection.exec_driver_sql("SHOW TRIGGERS").mappings():
        when = f"{row['Timing']} {row['Event']} ON `{row['Table']}`"
        yield f"CREATE TRIGGER `{row['Trigger']}` {when} FOR EACH ROW {row['Statement']}"


def _recreate(schema: str, tables: list[Table], triggers: list[str]) -> None:
    migrations.create_database(_url_of(schema))
    engine = sa.create_engine(_url_of(schema), poolclass=sa.NullPool)  # without the shop's checks on statements
    with engine.begin() as connection:
        connection.exec_driver_sql("SET foreign_key_checks = 0")  # tables are created in alphabetical order
        for table in tables:
            connection.exec_driver_sql(table.definition)
            if table.rows:
                connection.exec_driver_sql(table.fill, table.rows)
        for trigger in triggers:
            connection.exec_driver_sql(trigger.replace("%", "%%"))
        connection.exec_driver_sql("SET foreign_key_checks = 1")
