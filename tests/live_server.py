"""A complete shop in child processes: migrated, with demo data, gunicorn and the worker, on a port of its own.

    with live_shop("sqlite", folder) as shop:
        shop.server.kill()    # kill -9, child processes included
        shop.server.start()   # on the same port; waits until it answers

A test can read its databases with `create_app(make_config(shop.folder, shop.database_url))`.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from storefront.cli import consistency
from tests import demo_shop
from tests.conftest import make_databases
from tests.isolated_shop import shop_at
from tests.run import free_port
from tests.times import machine_time

ROOT = Path(__file__).parent.parent
MOVED_DATE = ("LD_PRELOAD", "MOVED_BY")  # see bin/test-on
# Environment variables passed on: none that configures a shop, but those of a moved date, so that clocks agree.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", *MOVED_DATE)
START_TIMEOUT = 60.0  # seconds; generous for a machine that is busy with other tests
STOP_TIMEOUT = 15.0
POLL = 0.05

Answer = TypeVar("Answer")


def inherited_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in INHERITED if name in os.environ}


def eventually(ask: Callable[[], Answer], what: str, *, within: float = START_TIMEOUT) -> Answer:
    """Poll until an answer is true and return it.

    :param what: description of the condition, for the error message
    :param within: seconds
    """
    give_up_at = time.monotonic() + within
    while not (answer := ask()):
        assert time.monotonic() < give_up_at, f"waited {within:.0f} s in vain: {what}"
        time.sleep(POLL)
    return answer


@dataclass
class Program:
    """A child process in a process group of its own, so that killing it leaves no orphans."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    is_ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        assert self.process is None, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._has_begun, f"{self.name} to start, see {self.log}")

    def _has_begun(self) -> bool:
        assert self.process is not None
        code = self.process.poll()
        assert code is None, f"{self.name} ended with {code}:\n{self.log.read_text(errors='replace')[-3000:]}"
        return self.is_ready()

    def kill(self) -> None:
        """Kill the process group with SIGKILL, without any clean-up."""
        self._end(signal.SIGKILL)

    def ask_to_stop(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def stop(self) -> None:
        """Terminate it and wait; kill it after a timeout."""
        if self.process is None:
            return
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_TIMEOUT)
        self._end(signal.SIGKILL)  # also for child processes left in its group

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        self.process.wait()
        self.process = None


@dataclass(frozen=True)
class LiveShop:
    """A running shop and its processes.

    :ivar folder: its data: databases, queue, mail
    :ivar database_url: template of its databases
    """

    origin: str
    folder: Path
    database_url: str
    environment: dict[str, str]
    server: Program
    worker: Program

    def flask(self, *arguments: str) -> str:
        """Run one of the shop's `flask` commands.

        :return: its standard output
        """
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"flask {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def faults(self) -> list[str]:
        """What its doctor has to say, asked in this process: a command would load the whole program anew."""
        with machine_time(), shop_at(self.database_url, self.folder) as app, app.app_context():
            return list(consistency.violations())


@contextmanager
def live_shop(engine: str, folder: Path, *, workers: int = 1, threads: int = 4, **settings: str) -> Iterator[LiveShop]:
    """Run the demo shop within the block; its databases are dropped at the end.

    :param workers: processes of the server
    :param threads: of each process
    :param settings: environment variables that add to or replace those of a development shop without rate limits
    """
    with ExitStack() as stack:
        database_url = stack.enter_context(contextmanager(make_databases)(engine, folder))
        shop = _configure(folder, database_url, settings, workers, threads)
        stack.callback(_close, shop)
        with machine_time(), shop_at(database_url, folder) as app, app.app_context():
            demo_shop.fill()
        shop.worker.start()
        shop.server.start()
        yield shop


def _configure(folder: Path, database_url: str, settings: dict[str, str], workers: int, threads: int) -> LiveShop:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    environment = inherited_environment() | {
        "STOREFRONT_ENV": "development",
        "STOREFRONT_DATA": str(folder),
        "DATABASE_URL": database_url,
        "DATABASE_POOL_SIZE": "2",
        "PUBLIC_ORIGIN": origin,
        "RATELIMIT_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    server_command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
    server_command += ["--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", str(threads)]
    server_command += ["--graceful-timeout", "5", "wsgi:app"]
    worker_command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
    server = Program("server", server_command, environment, folder / "server.log", lambda: is_healthy(origin))
    worker = Program("worker", worker_command, environment, folder / "worker.log")
    return LiveShop(origin, folder, database_url, environment, server, worker)


def is_healthy(origin: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(origin).netloc, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _close(shop: LiveShop) -> None:
    for program in (shop.server, shop.worker):
        program.ask_to_stop()
    for program in (shop.server, shop.worker):
        program.stop()
