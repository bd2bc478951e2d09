"""MySQL and MariaDB: a dump of one transaction over all six databases, by the server's own client."""

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
# No lock is needed to make it or to read it, and nothing that is there already is dropped by it.
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

    :raise BackupRefused: they lie on several servers, the client is missing, or it fails
    """
    url, names = next(iter(urls.values())), [str(url.database) for url in urls.values()]
    if len({other._replace(database=None) for other in urls.values()}) > 1:
        raise BackupRefused(
            "the schemas lie on several servers, and copies of two servers are never of one moment: "
            "close the shop and its worker, and copy each server with its own tool"
        )
    client = _find("mariadb-dump", "mysqldump")
    if client is None:
        command = f"mariadb-dump --host={url.host} --user={url.username} --password {' '.join(OPTIONS)}"
        raise BackupRefused(
            f"mariadb-dump is not installed here (Debian: apt-get install mariadb-client). "
            f"Where it is, this copies the databases: {command} --databases {' '.join(names)} > {FILE}"
        )
    with _login(url) as login, (folder / FILE).open("wb") as file:
        command_line = [client, login, *OPTIONS, "--databases", *names]
        done = subprocess.run(command_line, stdout=file, stderr=subprocess.PIPE, check=False)  # noqa: S603
    if done.returncode:
        raise BackupRefused(f"mariadb-dump failed: {_gist(done.stderr)}")


def restore(folder: Path, urls: Mapping[str, sa.URL], names: Mapping[str, str]) -> None:
    """Fill databases that are empty, or not there yet.

    :param names: by schema, what the dump calls each database
    :raise BackupRefused: one is not empty or in use, or the client is missing: nothing was written; or it fails
    """
    client = _find("mariadb", "mysql")
    if client is None:
        raise BackupRefused("the client mariadb is not installed here (Debian: apt-get install mariadb-client)")
    servers: dict[sa.URL, dict[str, str]] = {}
    for schema, url in urls.items():
        migrations.create_database(url.render_as_string(hide_password=False))
        servers.setdefault(url._replace(database=None), {})[names[schema]] = str(url.database)
    for server, targets in servers.items():
        _need_empty(server, list(targets.values()))
    for server, targets in servers.items():
        with _login(server) as login, (folder / FILE).open("rb") as file:
            command = [client, login, "--binary-mode", "--default-character-set=utf8mb4"]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
            problem = _feed(process, _addressed(file, targets))
        if process.returncode:
            raise BackupRefused(f"mariadb failed half-way, drop the databases and try again: {_gist(problem)}")


def _feed(process: subprocess.Popen[bytes], lines: Iterator[bytes]) -> bytes:
    """:return: what it complained of"""
    assert process.stdin is not None  # noqa: S101 - for the types
    with process:
        try:
            for line in lines:
                process.stdin.write(line)
        except BrokenPipeError:
            pass  # it says why
        return process.communicate()[1]


def _addressed(lines: Iterator[bytes], targets: Mapping[str, str]) -> Iterator[bytes]:
    """The dump of the databases in `targets`, for those they are called now; a text never begins a line of it."""
    is_for_us = True
    for line in lines:
        if line.startswith(b"CREATE DATABASE "):
            continue
        if line.startswith(b"USE `"):
            old = line.split(b"`")[1].decode()
            is_for_us = old in targets
            yield f"USE `{targets[old]}`;\n".encode() if is_for_us else b""
        elif is_for_us:
            yield line


def _need_empty(server: sa.URL, names: list[str]) -> None:
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    with engine.connect() as connection:
        for name in names:
            asked = {"name": name}
            users = "SELECT count(*) FROM information_schema.processlist WHERE db = :name"
            if connection.scalar(sa.text(users), asked):
                raise BackupRefused(f"{name} is in use: close the shop and its worker first")
            tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = :name"
            if connection.scalar(sa.text(tables), asked):
                raise BackupRefused(f"{name} is not empty: drop it first, or name another in DATABASE_URL")


def _find(*clients: str) -> str | None:
    return next(filter(None, map(shutil.which, clients)), None)


def _gist(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it does not say why"


@contextmanager
def _login(url: sa.URL) -> Iterator[str]:
    """The option that logs a client in. A password is never among its arguments, where everybody could read it."""
    socket = url.query.get("unix_socket")
    values = {"host": url.host or "localhost", "port": url.port or 3306, "protocol": "socket" if socket else "tcp"}
    values |= {"user": url.username, "password": url.password, "socket": socket}
    values |= {option: url.query.get(name) for name, option in _TLS.items()}
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as file:  # for its owner's eyes alone
        told = (f"{name}={_quoted(str(value))}\n" for name, value in values.items() if value)
        file.writelines(["[client]\n", *told])
        file.flush()
        yield f"--defaults-file={file.name}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
