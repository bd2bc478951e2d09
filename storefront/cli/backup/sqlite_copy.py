"""SQLite: files copied as they all were at one moment, while the shop is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

from storefront.cli.backup.values import BackupRefused

# Writers wait while the moment is chosen, six times this at the most; a request waits for five seconds.
GATE_SECONDS = 0.5
TRIES = 20


def copy(sources: Mapping[str, Path], folder: Path) -> None:
    """Copy each database into `<schema>.db`.

    :raise BackupRefused: one is missing, broken, or never free for a moment
    """
    with ExitStack() as stack:
        for schema, snapshot in _of_one_moment(sources, stack).items():
            with closing(sqlite3.connect(folder / f"{schema}.db")) as target:
                snapshot.backup(target)
                target.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
                if target.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                    raise BackupRefused(f"{sources[schema]} is broken: take an older backup")


def _of_one_moment(sources: Mapping[str, Path], stack: ExitStack) -> dict[str, sqlite3.Connection]:
    """Readers of all databases, none of which was written to while they began; what comes later they do not see."""
    for _ in range(TRIES):
        try:
            with ExitStack() as gates:
                for path in sources.values():
                    gates.enter_context(closing(_connect(path))).execute("BEGIN IMMEDIATE")
                return {
                    schema: _begin(stack.enter_context(closing(_connect(path)))) for schema, path in sources.items()
                }
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
    raise BackupRefused("the databases are written to without a pause: try again at a quieter time")


def _begin(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # with the first read it sees what it will see
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise BackupRefused(f"there is no database {path}")
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None, timeout=GATE_SECONDS)


def restore(folder: Path, targets: Mapping[str, Path]) -> None:
    """Fill databases that are empty, or not there yet. Nobody else can open them meanwhile.

    :raise BackupRefused: one is not empty, or somebody has it open; nothing was written
    """
    with ExitStack() as stack:
        held = {schema: stack.enter_context(closing(_hold(path))) for schema, path in targets.items()}
        for schema, target in held.items():
            with closing(sqlite3.connect(f"file:{quote(str(folder / f'{schema}.db'))}?mode=ro", uri=True)) as source:
                source.backup(target)
            target.execute("PRAGMA journal_mode = WAL")


def _hold(path: Path) -> sqlite3.Connection:
    """An empty database for ourselves alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, timeout=GATE_SECONDS)
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
        raise BackupRefused(f"{path} is not empty: move it away first, and the files beside it that begin like it")
    return connection
