"""Changing the declared length of text columns without rewriting rows. For migrations."""

from __future__ import annotations

import re
from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op


def resize(table: str, lengths: Mapping[str, int]) -> None:
    """Change the declared length of columns.

    On SQLite only the declaration is changed, in place: SQLite does not enforce lengths, and recreating the table would
    drop its triggers (https://www.sqlite.org/lang_altertable.html, the last paragraph of section 7).

    :param lengths: characters, by column name
    """
    if op.get_bind().dialect.name == "sqlite":
        _declare(table, lengths)
        return
    known = {column["name"]: column for column in sa.inspect(op.get_bind()).get_columns(table)}
    for name, length in lengths.items():
        default = known[name]["default"]
        op.alter_column(
            table,
            name,
            existing_type=known[name]["type"],
            type_=sa.String(length),
            existing_nullable=known[name]["nullable"],
            existing_server_default=sa.text(default) if default is not None else None,
        )


def _declare(table: str, lengths: Mapping[str, int]) -> None:
    connection = op.get_bind()
    named = sa.text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = :table")
    declared = str(connection.scalar(named, {"table": table}))
    for name, length in lengths.items():
        column = re.compile(rf'(?<=[\s(,])("?){name}\1 VARCHAR\([0-9]+\)')
        declared, count = column.subn(f"{name} VARCHAR({length})", declared)
        if count != 1:
            raise LookupError(f"{table}.{name}")
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    rewrite = sa.text("UPDATE sqlite_schema SET sql = :sql WHERE type = 'table' AND name = :table")
    connection.execute(rewrite, {"sql": declared, "table": table})
    connection.execute(sa.text(f"PRAGMA schema_version = {int(version or 0) + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = RESET"))
