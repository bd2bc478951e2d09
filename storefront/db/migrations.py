"""Database migrations with Alembic: one branch per schema, each with a version table in its own database."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import sqlalchemy as sa
from flask import current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from config import SCHEMAS
from storefront.db.session import db

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig
    from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parents[2] / "migrations"
WAIT_INTERVAL = 1.0  # seconds between two looks of `db wait`

cli = AppGroup("db", help="Migrate the databases.")
_schema_option = click.option(
    "--schema",
    "schemas",
    type=click.Choice(SCHEMAS),
    multiple=True,
    default=SCHEMAS,
    help="Only this schema.",
)


def alembic_config(schema: str) -> AlembicConfig:
    """The Alembic configuration for one schema of the current application."""
    from alembic.config import Config as AlembicConfig  # 6 MB, which a server does not need

    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / schema))
    config.set_main_option("path_separator", "newline")
    config.attributes["schema"] = schema
    config.attributes["url"] = current_app.config["SQLALCHEMY_BINDS"][schema]["url"]
    return config


def upgrade(schemas: tuple[str, ...] = SCHEMAS, revision: str = "head") -> None:
    """Upgrade schemas; missing databases are created."""
    from alembic import command

    for schema in schemas:
        create_database(current_app.config["SQLALCHEMY_BINDS"][schema]["url"])
        command.upgrade(alembic_config(schema), revision)


def revision_of(schema: str) -> str | None:
    """The current revision of a database; None if it has no tables."""
    from alembic.migration import MigrationContext

    with db.engines[schema].connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_of(schema: str) -> str | None:
    """The newest revision of a schema."""
    return _scripts(schema).get_current_head()


def is_known(schema: str, revision: str) -> bool:
    """Whether this version of the shop knows a revision."""
    return revision in {script.revision for script in _scripts(schema).walk_revisions()}


def _scripts(schema: str) -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(alembic_config(schema))


def downgrade(schemas: tuple[str, ...] = SCHEMAS, revision: str = "base") -> None:
    """Downgrade schemas; data of the newer revisions is lost."""
    from alembic import command

    for schema in schemas:
        command.downgrade(alembic_config(schema), revision)


def create_database(url: str) -> None:
    """Create a database if it does not exist."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(parsed.database)) as connection:
                # Stored in the file. It needs an exclusive lock, for which the first requests would block each other.
                connection.execute("PRAGMA journal_mode = WAL")
        return
    server = sa.create_engine(parsed._replace(database=None), isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            exists = connection.scalar(
                sa.text("SELECT 1 FROM information_schema.schemata WHERE schema_name = :name"),
                {"name": parsed.database},
            )
            if not exists:
                quoted = connection.dialect.identifier_preparer.quote_identifier(parsed.database or "")
                connection.execute(sa.text(f"CREATE DATABASE {quoted} CHARACTER SET utf8mb4"))
    finally:
        server.dispose()


@cli.command("upgrade")
@_schema_option
@with_appcontext
def upgrade_command(schemas: tuple[str, ...]) -> None:
    """Upgrade every schema to the newest revision."""
    upgrade(schemas)
    click.echo(f"{', '.join(schemas)}: up to date")


@cli.command("wait")
@_schema_option
@click.option("--seconds", type=click.IntRange(1), default=600, show_default=True, help="Fail after this time.")
@with_appcontext
def wait_command(schemas: tuple[str, ...], seconds: int) -> None:
    """Wait until another process has upgraded every schema to the revisions of this version."""
    give_up_at, said = time.monotonic() + seconds, ""
    while reasons := [f"{schema}: {reason}" for schema in schemas if (reason := _reason_to_wait(schema))]:
        if time.monotonic() > give_up_at:
            raise click.ClickException(f"waited {seconds} seconds in vain: {reasons[0]}")
        if reasons[0] != said:
            click.echo(f"Waiting: {reasons[0]}", err=True)
        said = reasons[0]
        time.sleep(WAIT_INTERVAL)
    click.echo(f"{', '.join(schemas)}: up to date")


def _reason_to_wait(schema: str) -> str:
    """Why a schema cannot be used yet; empty if it can."""
    try:
        return "" if revision_of(schema) == head_of(schema) else "the tables are of another version"
    except SQLAlchemyError as error:  # the server or the database is not there yet
        return f"the database does not answer: {getattr(error, 'orig', None) or error}"


@cli.command("downgrade")
@_schema_option
@click.option("--revision", default="-1", show_default=True, help="Target: a revision, -1, or base.")
@click.confirmation_option(prompt="This deletes data. Continue?")
@with_appcontext
def downgrade_command(schemas: tuple[str, ...], revision: str) -> None:
    """Downgrade schemas."""
    downgrade(schemas, revision)


@cli.command("revision")
@click.option("--schema", type=click.Choice(SCHEMAS), required=True)
@click.argument("message")
@with_appcontext
def revision_command(schema: str, message: str) -> None:
    """Generate a migration from the difference between models and database."""
    from alembic import command

    command.revision(alembic_config(schema), message, autogenerate=True)
