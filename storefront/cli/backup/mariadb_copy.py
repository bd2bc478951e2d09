"""Backup of MySQL and MariaDB: one consistent dump of all databases, by the server's own client."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from storefront.cli.backup.values import BackupRefused
from storefront.db import migrations

FILE = "databases.sql"
# Dump and restore need no locks, and the restore drops no existing tables.
OPTIONS = (
    "--single-transaction",
    "--quick",
    "--hex-blob",
    "--no-tablespaces",
    "--skip-add-drop-table",
    "--skip-add-locks",
    "--default-character-set=utf8mb4",
)
_TLS = {"ssl_ca": "ssl-ca", "ssl_cert": "ssl-cert", "ssl_key": "ssl-key"}


def copy(urls: Mapping[str, sa.URL], folder: Path) -> None:
    """Dump all databases into one file.

    :raise BackupRefused: they are on several servers, the client is missing, or it fails
    """
    url, names = next(iter(urls.values())), [str(url.database) for url in urls.values()]
    if len({other._replace(database=None) for other in urls.values()}) > 1:
        raise BackupRefused(
            "the schemas are on several servers, which cannot be copied at one moment: "
            "close the shop and its worker, and copy each server with its own tool"
        )
    client = _find("mariadb-dump", "mysqldump")
    if client is None:
        command = f"mariadb-dump --host={url.host} --user={url.username} --password {' '.join(OPTIONS)}"
        raise BackupRefused(
            f"mariadb-dump is not installed here (Debian: apt-get install mariadb-client). "
            f"Run this on a machine that has it: {command} --databases {' '.join(names)} > {FILE}"
        )
    with _login(url) as login, (folder / FILE).open("wb") as file:
        command_line = [client, login, *OPTIONS, "--databases", *names]
        done = subprocess.run(command_line, stdout=file, stderr=subprocess.PIPE, check=False)  # noqa: S603
    if done.returncode:
        raise BackupRefused(f"mariadb-dump failed: {_last_line(done.stderr)}")


def restore(folder: Path, urls: Mapping[str, sa.URL], names: Mapping[str, str]) -> None:
    """Load a dump into databases that are empty or do not exist yet.

    :param urls: all databases of the shop
    :param names: the names of the databases in the dump, by schema: one of an older version lacks what was added since
    :raise BackupRefused: a database is not empty or in use, or the client is missing: nothing was written; or it fails
    """
    client = _find("mariadb", "mysql")
    if client is None:
        raise BackupRefused("the client mariadb is not installed here (Debian: apt-get install mariadb-client)")
    servers: dict[sa.URL, dict[str, str]] = {}
    for schema, url in urls.items():
        migrations.create_database(url.render_as_string(hide_password=False))
        server = url._replace(database=None)
        _check_empty(server, str(url.database))
        if schema in names:
            servers.setdefault(server, {})[names[schema]] = str(url.database)
    for server, targets in servers.items():
        with _login(server) as login, (folder / FILE).open("rb") as file:
            command = [client, login, "--binary-mode", "--default-character-set=utf8mb4"]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
            problem = _feed(process, _rename_databases(file, targets))
        if process.returncode:
            raise BackupRefused(f"mariadb failed half-way, drop the databases and try again: {_last_line(problem)}")


def _feed(process: subprocess.Popen[bytes], lines: Iterator[bytes]) -> bytes:
    """Write a dump to the client.

    :return: its error output
    """
    assert process.stdin is not None  # noqa: S101 - for mypy
    with process:
        try:
            for line in lines:
                process.stdin.write(line)
        except BrokenPipeError:
            pass  # the error output says why
        return process.communicate()[1]


def _rename_databases(lines: Iterator[bytes], targets: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the part of a dump that concerns `targets`, with their present names. Values never begin a line of it."""
    is_target = True
    for line in lines:
        if line.startswith(b"CREATE DATABASE "):
            continue
        if line.startswith(b"USE `"):
            old = line.split(b"`")[1].decode()
            is_target = old in targets
            yield f"USE `{targets[old]}`;\n".encode() if is_target else b""
        elif is_target:
            yield line


def _check_empty(server: sa.URL, name: str) -> None:
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    with engine.connect() as connection:
        parameters = {"name": name}
        users = "SELECT count(*) FROM information_schema.processlist WHERE db = :name"
        if connection.scalar(sa.text(users), parameters):
            raise BackupRefused(f"{name} is in use: close the shop and its worker first")
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = :name"
        if connection.scalar(sa.text(tables), parameters):
            raise BackupRefused(f"{name} is not empty: drop it first, or name another in DATABASE_URL")


def _find(*clients: str) -> str | None:
    return next(filter(None, map(shutil.which, clients)), None)


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no error message"


@contextmanager
def _login(url: sa.URL) -> Iterator[str]:
    """A client option that names a file with the login: arguments of a process can be read by every user."""
    socket = url.query.get("unix_socket")
    values = {"host": url.host or "localhost", "port": url.port or 3306, "protocol": "socket" if socket else "tcp"}
    values |= {"user": url.username, "password": url.password, "socket": socket}
    values |= {option: url.query.get(name) for name, option in _TLS.items()}
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as file:  # mode 600
        lines = (f"{name}={_quoted(str(value))}\n" for name, value in values.items() if value)
        file.writelines(["[client]\n", *lines])
        file.flush()
        yield f"--defaults-file={file.name}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
