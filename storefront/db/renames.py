"""Renaming of tables and columns in place. For migrations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def rename_column(table: str, old: str, new: str) -> None:
    """Rename a column in place; computed columns, checks and triggers that name it follow on both engines."""
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")


def rename_table(old: str, new: str) -> None:
    """Rename a table, and with it the indexes and unique constraints that are named after it."""
    connection = op.get_bind()
    op.rename_table(old, new)
    inspector = sa.inspect(connection)
    if connection.dialect.name == "sqlite":
        _rename_unique_constraints(inspector, old, new)
    for index in sa.inspect(connection).get_indexes(new):
        rename_index(new, str(index["name"]), str(index["name"]).replace(f"_{old}_", f"_{new}_", 1))


def rename_append_only_table(old: str, new: str, refusal: str) -> None:
    """Rename a table whose rows the database refuses to change; its triggers are recreated under the new name.

    :param refusal: the error message of a change; without quotation marks
    """
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER {old}_no_{verb}")
    rename_table(old, new)
    _refuse_changes(new, refusal)


def rename_index(table: str, old: str, new: str) -> None:
    """Rename an index; SQLite has no statement for that, so there it is recreated."""
    if old == new:
        return
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"ALTER TABLE {table} RENAME INDEX {old} TO {new}")
        return
    indexes = sa.inspect(op.get_bind()).get_indexes(table)
    known = next(index for index in indexes if index["name"] == old)
    op.drop_index(old, table)
    op.create_index(new, table, [str(name) for name in known["column_names"]], unique=bool(known["unique"]))


def _rename_unique_constraints(inspector: sa.Inspector, old: str, new: str) -> None:
    """Rename the unique constraints of a SQLite table, which recreates it and would drop triggers: there are none."""
    for constraint in inspector.get_unique_constraints(new):
        name = str(constraint["name"])
        if f"_{old}_" in name:
            with op.batch_alter_table(new) as batch:
                batch.drop_constraint(name, type_="unique")
                batch.create_unique_constraint(name.replace(f"_{old}_", f"_{new}_", 1), constraint["column_names"])


def _refuse_changes(table: str, message: str) -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for verb in ("UPDATE", "DELETE"):
        refusal = (
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            if is_sqlite
            else f"FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{message}'"
        )
        op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {refusal}")
