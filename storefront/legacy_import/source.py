"""Read-only access to the old databases: tables are found by name, rows read in batches by id."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from storefront.legacy_import.column_names import Names

BATCH = 500
ANSWER_SECONDS = 120  # time-out of a query; batches of images are slow

Row = Mapping[str, Any]


class UnreadableSource(Exception):
    """A database of the old system cannot be read.

    :ivar what: the reason, without passwords
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class OldTable:
    """A table of the old system. Values are those of the database driver; `values.py` converts them.

    :ivar columns: its columns, by our names
    """

    engine: Engine
    name: str
    columns: Mapping[str, sa.ColumnClause[Any]]

    def has(self, column: str) -> bool:
        """Whether the table has a column, given by our name."""
        return column in self.columns

    def count(self) -> int:
        """Count the rows."""
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.count()).select_from(self._from)) or 0)

    def batches(self, size: int = BATCH) -> Iterator[list[Row]]:
        """Yield all rows by id, one query per batch, so that no connection stays open while rows are imported."""
        key, last = self.columns["id"], None
        while True:
            statement = self._select().order_by(key).limit(size)
            rows = self._rows(statement if last is None else statement.where(key > last))
            if rows:
                yield rows
            if len(rows) < size:
                return
            last = rows[-1]["id"]

    def rows_of(self, column: str, owners: Collection[Any]) -> list[Row]:
        """The rows whose column has one of these values, ordered by id if there is one."""
        if column not in self.columns or not owners:
            return []
        statement = self._select().where(self.columns[column].in_(list(owners)))
        return self._rows(statement.order_by(self.columns["id"]) if self.has("id") else statement)

    def without(self, column: str) -> OldTable:
        """The same table without one column, which is then not read."""
        return replace(self, columns={ours: found for ours, found in self.columns.items() if ours != column})

    def is_text(self, column: str) -> bool:
        """Whether a column holds text, judged by the first value in it."""
        found = self.columns[column]
        statement = sa.select(found.label("first")).select_from(self._from).where(found.is_not(None)).limit(1)
        with self.engine.connect() as connection:
            return isinstance(connection.scalar(statement), str)

    def _select(self) -> sa.Select[Any]:
        return sa.select(*(column.label(f"c_{ours}") for ours, column in self.columns.items())).select_from(self._from)

    @property
    def _from(self) -> sa.TableClause:
        return sa.table(self.name)

    def _rows(self, statement: sa.Select[Any]) -> list[Row]:
        try:
            with self.engine.connect() as connection:
                found = connection.execute(statement).all()
        except SQLAlchemyError as error:
            raise UnreadableSource(f"table {self.name}: {message_of(error)}") from error
        return [dict(zip(self.columns, row, strict=True)) for row in found]


class OldSystem:
    """The databases of the old services.

    :param urls: databases to search, in this order
    :param schemas: the database of a single service, by group; searched first
    """

    def __init__(self, urls: Sequence[str], schemas: Mapping[str, str]) -> None:
        self._engines: dict[str, Engine] = {url: _engine(url) for url in [*urls, *schemas.values()]}
        self._tables = {url: _tables(engine) for url, engine in self._engines.items()}
        self._urls, self._schemas = tuple(urls), dict(schemas)

    def find(self, names: Names) -> OldTable | None:
        """Find a table; None if there is none.

        :raise UnreadableSource: the database cannot be reached
        """
        own = [self._schemas[names.group]] if names.group in self._schemas else []
        for url in [*own, *self._urls]:
            for name in names.tables:
                if name in self._tables[url]:
                    table = self._table(url, self._tables[url][name], names)
                    if all(table.has(column) for column in names.needed):
                        return table
        return None

    def _table(self, url: str, name: str, names: Names) -> OldTable:
        engine = self._engines[url]
        try:
            existing_names = [str(column["name"]) for column in sa.inspect(engine).get_columns(name)]
        except SQLAlchemyError as error:
            raise UnreadableSource(f"table {name}: {message_of(error)}") from error
        existing = {column.lower(): column for column in existing_names}
        columns: dict[str, sa.ColumnClause[Any]] = {}
        for ours, accepted in names.columns.items():
            found = next((existing[name] for name in accepted if name in existing), None)
            if found is not None:
                columns[ours] = sa.literal_column(engine.dialect.identifier_preparer.quote_identifier(found))
        return OldTable(engine, name, columns)

    def close(self) -> None:
        """Close all connections."""
        for engine in self._engines.values():
            engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = sa.make_url(url)
        is_mysql = parsed.get_backend_name() in {"mysql", "mariadb"}
        options = {"connect_timeout": 10, "read_timeout": ANSWER_SECONDS} if is_mysql else {}
        return sa.create_engine(parsed, hide_parameters=True, connect_args=options)
    except (ArgumentError, ImportError, SQLAlchemyError) as error:
        what = "not a database URL such as mysql+pymysql://user:password@host/db"
        raise UnreadableSource(what) from error


def _tables(engine: Engine) -> dict[str, str]:
    """The names of all tables, by their lower-case form."""
    try:
        return {name.lower(): name for name in sa.inspect(engine).get_table_names()}
    except SQLAlchemyError as error:
        raise UnreadableSource(f"{engine.url.render_as_string(hide_password=True)}: {message_of(error)}") from error


def message_of(error: SQLAlchemyError) -> str:
    """The error message of the database, on one line."""
    return " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())[:200]
