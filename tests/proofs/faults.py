"""The database of one schema goes away, and comes back: a proxy before MariaDB, a spoilt file of SQLite."""

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
    """Stands before a server and passes everything on, until it is told otherwise."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self.port = free_port()
        self.delay = 0.0  # seconds each answer is late
        self._flows = threading.Event()
        self._pairs: list[socket.socket] = []
        self._door: socket.socket | None = None
        self.mend()

    def mend(self) -> None:
        self._flows.set()
        self.delay = 0.0
        if self._door is None:
            self._door = socket.create_server(("127.0.0.1", self.port), backlog=64)
            threading.Thread(target=self._welcome, args=[self._door], daemon=True).start()

    def refuse(self) -> None:
        """Nobody is let in any more, and whoever is in is thrown out."""
        self.close()

    def cut(self) -> None:
        """Whoever is in is thrown out; they may come again."""
        for end in self._pairs:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._pairs.clear()

    def hang(self) -> None:
        """Everybody is let in, and nobody gets an answer."""
        self._flows.clear()

    def slow(self) -> None:
        self.delay = 0.05

    def close(self) -> None:
        self._flows.set()
        door, self._door = self._door, None
        if door is not None:
            door.shutdown(socket.SHUT_RDWR)
            door.close()
        self.cut()

    def _welcome(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                inside, _ = door.accept()
                outside = socket.create_connection(self._server)
                self._pairs += [inside, outside]
                for pair in ((inside, outside), (outside, inside)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                if self.delay:
                    threading.Event().wait(self.delay / 2)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def locked(engine: sa.Engine, path: Path) -> Iterator[None]:
    """Another program holds the file for itself: neither reading nor writing goes on."""
    engine.dispose()  # who has a file of SQLite open keeps others from holding it alone
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def being_written(path: Path) -> Iterator[None]:
    """Another program writes and does not come to an end: reading goes on."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(engine: sa.Engine) -> Iterator[None]:
    """The file cannot grow any more, as on a full disk."""

    def forbid_growth(connection: Any) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # the present count, if that is more

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
    """The file is not there, and a folder of its name is."""
    engine.dispose()
    kept = {file: file.with_name(f"kept-{file.name}") for file in path.parent.glob(f"{path.name}*")}
    for file, aside in kept.items():
        file.rename(aside)
    path.mkdir()
    try:
        yield
    finally:
        engine.dispose()
        path.rmdir()
        for file, aside in kept.items():
            aside.rename(file)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own, in memory.

    :raise PermissionError: only root may mount one
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
    """Something else takes all the room there is left."""
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


class House:
    """A shop whose databases can be spoilt one by one."""

    def __init__(self, app: Flask, proxies: dict[str, Proxy]) -> None:
        self.app = app
        self._proxies = proxies

    @contextmanager
    def fault(self, kind: str, schema: str) -> Iterator[None]:
        """What is wrong with the database of a schema within the block."""
        with self._proxied(kind, schema) if self._proxies else self._spoilt(kind, schema):
            yield

    @contextmanager
    def _proxied(self, kind: str, schema: str) -> Iterator[None]:
        proxy = self._proxies[schema]
        {"refuses": proxy.refuse, "hangs": proxy.hang, "cuts": proxy.cut, "slow": proxy.slow}[kind]()
        try:
            yield
        finally:
            proxy.mend()

    def _spoilt(self, kind: str, schema: str) -> Any:
        with self.app.app_context():
            engine = db.engines[schema]
        path = Path(str(engine.url.database))
        if kind == "full":
            return full(engine)
        if kind == "being written":
            return being_written(path)
        return {"gone": gone, "locked": locked}[kind](engine, path)
