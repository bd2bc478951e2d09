"""Backup of SQLite: a consistent copy of all files, while the shop is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

from storefront.cli.backup.values import BackupRefused

# Time-out for the write lock of each of the files, while writers of the shop wait; they give up after 5 seconds.
LOCK_SECONDS = 0.5
TRIES = 20


def copy(sources: Mapping[str, Path], folder: Path) -> None:
    """Copy each database into `<schema>.db`.

    :raise BackupRefused: one is missing or damaged, or all could not be locked at once
    """
    with ExitStack() as stack:
        for schema, snapshot in _open_snapshots(sources, stack).items():
            with closing(sqlite3.connect(folder / f"{schema}.db")) as target:
                snapshot.backup(target)
                target.execute("PRAGMA journal_mode = DELETE")  # a single file, without WAL
                if target.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                    raise BackupRefused(f"{sources[schema]} is damaged: use an older backup")


def _open_snapshots(sources: Mapping[str, Path], stack: ExitStack) -> dict[str, sqlite3.Connection]:
    """Open a read transaction on each database while all are locked against writing: together they see one moment."""
    for _ in range(TRIES):
        try:
            with ExitStack() as locks:
                for path in sources.values():
                    locks.enter_context(closing(_connect(path))).execute("BEGIN IMMEDIATE")
                return {
                    schema: _begin(stack.enter_context(closing(_connect(path)))) for schema, path in sources.items()
                }
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
    raise BackupRefused("the databases are too busy: try again at a quieter time")


def _begin(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot is taken at the first read
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise BackupRefused(f"there is no database {path}")
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None, timeout=LOCK_SECONDS)


def restore(folder: Path, targets: Mapping[str, Path], schemas: Collection[str]) -> None:
    """Restore databases that are empty or do not exist yet, locked against all others meanwhile.

    :param targets: all databases of the shop
    :param schemas: those that the backup holds: one of an older version lacks what was added since
    :raise BackupRefused: one is not empty or in use; nothing was written
    """
    with ExitStack() as stack:
        locked = {schema: stack.enter_context(closing(_lock_empty(path))) for schema, path in targets.items()}
        for schema in schemas:
            target = locked[schema]
            with closing(sqlite3.connect(f"file:{quote(str(folder / f'{schema}.db'))}?mode=ro", uri=True)) as source:
                source.backup(target)
            target.execute("PRAGMA journal_mode = WAL")


def _lock_empty(path: Path) -> sqlite3.Connection:
    """Open an empty database with an exclusive lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, timeout=LOCK_SECONDS)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        connection.close()
        raise BackupRefused(f"{path} is in use: close the shop and its worker first") from error
    if tables:
        connection.close()
        raise BackupRefused(f"{path} is not empty: move it away first, with its -wal and -shm files")
    return connection
