"""Copies of the demo shop equal what the migrations and the demo data make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from config import SCHEMAS
from storefront.catalog.page_version import PageVersion
from storefront.cli.demo import catalogue
from storefront.db import migrations
from storefront.db.session import db
from tests import demo_shop
from tests.conftest import ENGINES
from tests.isolated_shop import own_shop


@pytest.mark.parametrize("engine", ENGINES)
def test_a_copy_equals_migrated_databases_with_demo_data(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path / "made", filled=False) as made, made.app_context():
        migrations.upgrade()
        catalogue.load()
        expected = contents()
    for number in range(2):  # the first one may be what is copied
        with own_shop(engine, tmp_path / f"copy-{number}") as copied, copied.app_context():
            assert contents() == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_a_copy_of_the_tables_alone_has_no_rows(engine: str, tmp_path: Path) -> None:
    for number in range(2):
        with own_shop(engine, tmp_path / str(number), filled=False) as app, app.app_context():
            demo_shop.make_tables()
            for schema in SCHEMAS:
                assert migrations.revision_of(schema) == migrations.head_of(schema)
            with db.engines["catalog"].connect() as connection:
                assert connection.scalar(sa.text("SELECT count(*) FROM products")) == 0


def contents() -> dict[str, list[str]]:
    """Every table definition and row of the current application's databases, as text."""
    return {schema: sorted([*_definitions_of(schema), *_rows_of(schema)]) for schema in SCHEMAS}


def _definitions_of(schema: str) -> Iterator[str]:
    with db.engines[schema].connect() as connection:
        if connection.dialect.name == "sqlite":
            made = [str(row.sql) for row in connection.exec_driver_sql("SELECT sql FROM sqlite_master")]
        else:
            tables = sa.inspect(connection).get_table_names()
            made = [connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()[1] for table in tables]
            made += [str(tuple(row)[:5]) for row in connection.exec_driver_sql("SHOW TRIGGERS")]
    for statement in made:
        # Alembic recreates a SQLite table with its constraints in arbitrary order.
        yield "\n".join(sorted(line.strip(" \t,") for line in statement.splitlines()))


def _rows_of(schema: str) -> Iterator[str]:
    with db.engines[schema].connect() as connection:
        for table in set(sa.inspect(connection).get_table_names()) - {PageVersion.__tablename__}:  # random tokens
            for row in connection.exec_driver_sql(f"SELECT * FROM `{table}`"):
                yield f"{table}: {tuple(row)}"
