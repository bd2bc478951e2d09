"""Runs pytest on the real parts of the shop: MariaDB, Redis and Chromium.

MariaDB is a private instance on a free port, with data in a temporary folder: several shops with crowds in them are
open side by side, and a server with its usual settings refuses more than 151 connections. Where it is not installed,
the server that runs is used. A running Redis is used, else a private one is started. A package that is missing is
installed first where that is allowed (root, apt-get). What cannot be had is skipped with a printed reason, and under
CI=true it is an error.

`--changed` runs what the uncommitted changes touch, `--changed=main` what differs from that revision; other arguments
go to pytest. Read from the environment:
  TEST_MARIADB_URL, TEST_REDIS_URL, TEST_CHROMIUM  use these and nothing else
  TEST_MARIADB_PORT, TEST_REDIS_PORT               where to look for a running server (3306, 6379)
  TEST_INSTALL=no                                  install no packages
Handed to the tests: the first three for what was found, TEST_MISSING_<NAME>=<reason> for what was not.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import pymysql
import redis
import sqlalchemy as sa

from tests.changed import changed_since, touched_by

START_TIMEOUT = 60.0  # seconds for a private server to answer
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
MEMORY_NEEDED = 4 * 2**30  # bytes; the databases of a whole run take about 1 GiB at most
STOP_TIMEOUT = 20.0  # seconds before a private server is cut off
MAX_CONNECTIONS = 500  # two workers, each with a shop of two server processes: eight threads times six schemas each
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
POLICY = Path("/usr/sbin/policy-rc.d")  # asked by Debian packages before they start a service

Probe = Callable[[str], str]  # asks what answers at an address for its version, or raises MissingError


class MissingError(Exception):
    """This part cannot be had here; the message says why."""


def say(text: str) -> None:
    print(f"tests: {text}", flush=True)


def gist(output: str) -> str:
    """The line of a failed program's output that tells most: its first error, else its first words."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    return next((line for line in lines if line.startswith("E:") or "error" in line.lower()), lines[0])


# ------------------------------------------------------------------------------------------- packages


def find_command(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name, path=SEARCH_PATH))), None)


def need_command(package: str, *names: str) -> str:
    """:return: the path of the first command that exists, its package being installed if none does"""
    if find_command(*names) is None:
        install(package)
    if path := find_command(*names):
        return path
    raise MissingError(f"{package} is installed, but {names[0]} is not found")


def install(package: str) -> None:
    apt = find_command("apt-get")
    if os.environ.get("TEST_INSTALL", "").lower() in {"0", "no", "false"}:
        raise MissingError("not installed, and TEST_INSTALL forbids to install it")
    if apt is None or os.geteuid() != 0:
        raise MissingError(f"not installed; as root on Debian: apt-get install {package}")
    say(f"installing {package} …")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = [apt, "-qq", "install", "--yes", "--no-install-recommends", package]
    with no_service_started():
        # Not checked: an unreachable source may be one that is not needed.
        subprocess.run([apt, "-qq", "update"], env=environment, check=False)
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise MissingError(f"apt-get install {package} failed: {gist(done.stderr)}")


@contextmanager
def no_service_started() -> Iterator[None]:
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


# -------------------------------------------------------------------------------------------- servers


def find_server(name: str, running: str, probe: Probe, start: Callable[[], str]) -> str:
    """:return: the address: the one given, or of the server that runs here, or of a private one"""
    if given := os.environ.get(f"TEST_{name.upper()}_URL"):
        say(f"{name} {probe(given)}, as given")
        return given
    try:
        say(f"{name} {probe(running)}, already running")
        return running
    except MissingError:
        url = start()
        say(f"{name} {probe(url)}, private: {url}")
        return url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(stack: ExitStack, command: Sequence[str], folder: Path, probe: Probe, url: str) -> None:
    """Start a server that lives as long as the stack, and wait until it answers."""
    log = folder / "server.log"
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches pytest first, and the servers only after the tests.
        server = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    stack.callback(stop, server)
    give_up_at = time.monotonic() + START_TIMEOUT
    while True:
        try:
            probe(url)
            return
        except MissingError as problem:
            if server.poll() is not None:
                reason = gist(log.read_text(errors="replace"))
                raise MissingError(f"a private server did not start: {reason}") from problem
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)


def stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def find_mariadb(stack: ExitStack) -> str:
    running = f"mysql+pymysql://root@127.0.0.1:{os.environ.get('TEST_MARIADB_PORT') or 3306}"
    if not os.environ.get("TEST_MARIADB_URL") and find_command("mariadbd"):
        url = start_mariadb(stack)
        say(f"MariaDB {probe_mariadb(url)}, private: {url}")
        return url
    return find_server("MariaDB", running, probe_mariadb, lambda: start_mariadb(stack))


def probe_mariadb(address: str) -> str:
    url = sa.make_url(address)
    user, password = url.username, url.password or ""
    try:
        connection = pymysql.connect(host=url.host, port=url.port or 3306, user=user, password=password)
    except (OSError, RuntimeError, pymysql.Error) as problem:
        raise MissingError(f"no answer: {problem}") from problem
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        return "".join(cursor.fetchone() or ())


def quickest_folder() -> Path | None:
    """:return: memory, where there is plenty: a table is made there in a tenth of the time; None for the usual one"""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED else None


def start_mariadb(stack: ExitStack) -> str:
    server = need_command("mariadb-server", "mariadbd")
    prepare = need_command("mariadb-server", "mariadb-install-db")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storefront-mariadb-", dir=quickest_folder())))
    options = ["--no-defaults", f"--datadir={folder / 'data'}"]
    if os.geteuid() == 0:  # as which the server refuses to run
        shutil.chown(folder, "mysql")
        options.append("--user=mysql")
    options.append("--skip-name-resolve")
    command = [prepare, *options, "--force"]  # even where the machine cannot look up its own name
    command += ["--auth-root-authentication-method=normal", "--skip-test-db"]
    prepare_data(command, folder)
    port = free_port()
    options += ["--bind-address=127.0.0.1", f"--port={port}"]
    options += ["--socket=server.sock", "--pid-file=server.pid"]  # in the data folder
    options += [f"--max-connections={MAX_CONNECTIONS}"]
    options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-fast-shutdown=2"]  # it is thrown away
    url = f"mysql+pymysql://root@127.0.0.1:{port}"
    launch(stack, [server, *options], folder, probe_mariadb, url)
    return url


def prepare_data(command: Sequence[str], folder: Path) -> None:
    pipe = subprocess.PIPE
    script = subprocess.Popen(
        command, cwd=folder, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        output, _ = script.communicate()
    finally:
        if script.poll() is None:  # interrupted: what the script started ends with it
            os.killpg(script.pid, signal.SIGKILL)
            script.wait()
    if script.returncode != 0:
        raise MissingError(f"{command[0]} failed: {gist(output)}")


def find_redis(stack: ExitStack) -> str:
    running = f"redis://127.0.0.1:{os.environ.get('TEST_REDIS_PORT') or 6379}/15"
    return find_server("Redis", running, probe_redis, lambda: start_redis(stack))


def probe_redis(url: str) -> str:
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as connection:
            return str(connection.info("server")["redis_version"])
    except (OSError, ValueError, redis.RedisError) as problem:
        raise MissingError(f"no answer: {problem}") from problem


def start_redis(stack: ExitStack) -> str:
    server = need_command("redis-server", "redis-server")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storefront-redis-")))
    port = free_port()
    url = f"redis://127.0.0.1:{port}/15"
    command = [server, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    launch(stack, command, folder, probe_redis, url)
    return url


def find_chromium(_stack: ExitStack) -> str:
    path = os.environ.get("TEST_CHROMIUM")
    path = path or need_command("chromium", "chromium", "chromium-browser", "google-chrome")
    try:  # on some systems the command only says how to get the browser
        done = subprocess.run([path, "--version"], check=True, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as problem:
        raise MissingError(f"{path} does not run: {problem}") from problem
    say(f"{done.stdout.strip()}, {path}")
    return path


# --------------------------------------------------------------------------------------------- pytest


# The long tests come first (tests/conftest.py); the worker that is done takes over half of what the other has left.
SIDE_BY_SIDE = ["-n", "2", "--dist", "worksteal"]
ALONE = ("-n", "-m", "-s", "--pdb", "--trace", "--collect-only")  # long proofs, and whoever wants to watch


def run_pytest(arguments: Sequence[str], environment: dict[str, str]) -> int:
    options = [] if any(argument.startswith(ALONE) for argument in arguments) else SIDE_BY_SIDE
    child = subprocess.Popen([sys.executable, "-m", "pytest", *options, *arguments], env=environment)

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        child.send_signal(signal.SIGINT)  # pytest then ends its fixtures; SIGTERM would cut them off

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to pytest as well
    code = child.wait()
    return code if code >= 0 else 128 - code


def resolved(arguments: Sequence[str]) -> list[str] | None:
    """:return: arguments for pytest, those of the tests that changes touch instead of `--changed`; None: no test"""
    found = next((argument for argument in arguments if argument.partition("=")[0] == "--changed"), None)
    if found is None:
        return list(arguments)
    tests = touched_by(changed_since(found.partition("=")[2] or "HEAD"))
    say(f"a change touches {' '.join(tests) or 'no test'}")
    return [*(argument for argument in arguments if argument != found), *tests] if tests else None


def run(arguments: Sequence[str]) -> int:
    environment = dict(os.environ)
    finders = {"MARIADB_URL": find_mariadb, "REDIS_URL": find_redis, "CHROMIUM": find_chromium}
    is_complete = True
    with ExitStack() as stack:
        for variable, find in finders.items():
            try:
                environment[f"TEST_{variable}"] = find(stack)
            except MissingError as reason:
                name = variable.removesuffix("_URL")
                environment.pop(f"TEST_{variable}", None)
                environment[f"TEST_MISSING_{name}"] = str(reason)
                say(f"{name} is missing and its tests are skipped: {reason}")
                is_complete = False
        if not is_complete and os.environ.get("CI", "").lower() not in {"", "0", "false"}:
            say("CI is set, where nothing may be missing: stopping here")
            return 1
        return run_pytest(arguments, environment)


def end_by_signal(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)  # unwinds, so that what was started is stopped


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(ending, end_by_signal)
    chosen = resolved(sys.argv[1:])
    sys.exit(0 if chosen is None else run(chosen))
