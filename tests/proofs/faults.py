"""Faults of one schema's database: a proxy in front of MariaDB, or a SQLite file that is locked, missing or full."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event

from storefront.db.session import db
from tests.run import free_port


class Proxy:
    """A TCP proxy that forwards everything until a fault is set.

    :ivar delay: seconds by which each answer is late
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self.port = free_port()
        self.delay = 0.0
        self._is_forwarding = threading.Event()
        self._connections: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.restore()

    def restore(self) -> None:
        """End every fault."""
        self._is_forwarding.set()
        self.delay = 0.0
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
            threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def refuse(self) -> None:
        """Close all connections and refuse new ones."""
        self.close()

    def cut(self) -> None:
        """Close all connections; new ones are accepted."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._connections.clear()

    def hang(self) -> None:
        """Accept connections, but forward nothing."""
        self._is_forwarding.clear()

    def slow(self) -> None:
        """Delay every answer."""
        self.delay = 0.05

    def close(self) -> None:
        """Stop listening and close all connections."""
        self._is_forwarding.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self._server)
                self._connections += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=pair, daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._is_forwarding.wait()
                if self.delay:
                    threading.Event().wait(self.delay / 2)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def locked(engine: sa.Engine, path: Path) -> Iterator[None]:
    """Another program holds an exclusive lock: neither reading nor writing is possible."""
    engine.dispose()  # an open connection would prevent the exclusive lock
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def being_written(path: Path) -> Iterator[None]:
    """Another program holds the write lock: reading is possible."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(engine: sa.Engine) -> Iterator[None]:
    """The file cannot grow, as on a full disk."""

    def forbid_growth(connection: Any) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite raises it to the current count

    event.listen(engine, "begin", forbid_growth)
    try:
        yield
    finally:
        event.remove(engine, "begin", forbid_growth)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1073741823")
        engine.dispose()


@contextmanager
def gone(engine: sa.Engine, path: Path) -> Iterator[None]:
    """The file is missing, and a folder is in its place, so that it cannot be created."""
    engine.dispose()
    moved = {file: file.with_name(f"moved-{file.name}") for file in path.parent.glob(f"{path.name}*")}
    for file, aside in moved.items():
        file.rename(aside)
    path.mkdir()
    try:
        yield
    finally:
        engine.dispose()
        path.rmdir()
        for file, aside in moved.items():
            aside.rename(file)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system in memory.

    :raise PermissionError: not running as root
    """
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        raise PermissionError(mounted.stderr)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled_up(disk: Path) -> Iterator[None]:
    """Fill the rest of a disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            with suppress(OSError):
                while file.write(b"x" * size):
                    pass
    try:
        yield
    finally:
        ballast.unlink()


class FaultyShop:
    """A shop whose databases can be made to fail one by one."""

    def __init__(self, app: Flask, proxies: dict[str, Proxy]) -> None:
        self.app = app
        self._proxies = proxies

    @contextmanager
    def fault(self, kind: str, schema: str) -> Iterator[None]:
        """Let the database of a schema fail within the block.

        :param kind: "refuses", "hangs", "cuts" or "slow" for MariaDB; "full", "being written", "gone" or "locked" for
            SQLite
        """
        with self._proxy_fault(kind, schema) if self._proxies else self._file_fault(kind, schema):
            yield

    @contextmanager
    def _proxy_fault(self, kind: str, schema: str) -> Iterator[None]:
        proxy = self._proxies[schema]
        {"refuses": proxy.refuse, "hangs": proxy.hang, "cuts": proxy.cut, "slow": proxy.slow}[kind]()
        try:
            yield
        finally:
            proxy.restore()

    def _file_fault(self, kind: str, schema: str) -> Any:
        with self.app.app_context():
            engine = db.engines[schema]
        path = Path(str(engine.url.database))
        if kind == "full":
            return full(engine)
        if kind == "being written":
            return being_written(path)
        return {"gone": gone, "locked": locked}[kind](engine, path)
