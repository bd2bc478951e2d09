"""Run pytest with the real services of the shop: MariaDB, Redis and Chromium.

MariaDB is a private instance on a free port with a temporary data folder: several shops under load run side by side,
and a server with default settings refuses more than 151 connections. If it is not installed, a running server is used.
A running Redis is used; otherwise a private one is started. A missing package is installed first where that is allowed
(root, apt-get). Tests of a service that is unavailable are skipped with a printed reason; under CI=true it is an error.

`--changed` runs what the uncommitted changes touch, `--changed=main` what differs from that revision; other arguments
go to pytest. Environment variables read:
  TEST_MARIADB_URL, TEST_REDIS_URL, TEST_CHROMIUM  use exactly these
  TEST_MARIADB_PORT, TEST_REDIS_PORT               port of a running server (3306, 6379)
  TEST_INSTALL=no                                  install no packages
Passed to the tests: the first three for available services, TEST_MISSING_<NAME>=<reason> for missing ones.
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

# The headless shell comes first: pages take about 15 % less processor time in it.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
START_TIMEOUT = 60.0  # seconds for a private server to answer
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
MEMORY_NEEDED = 4 * 2**30  # bytes; the databases of a whole run take about 1 GiB at most
STOP_TIMEOUT = 20.0  # seconds before a private server is killed
MAX_CONNECTIONS = 500  # two workers, each with a shop of two server processes: eight threads times seven schemas each
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
POLICY = Path("/usr/sbin/policy-rc.d")  # Debian packages run it before they start a service

Probe = Callable[[str], str]  # returns the version of the server at a URL, or raises MissingError


class MissingError(Exception):
    """A service is not available; the message is the reason."""


def say(text: str) -> None:
    print(f"tests: {text}", flush=True)


def error_line(output: str) -> str:
    """The most useful line of a failed program's output: its first error, or else its first line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["it said nothing"]
    return next((line for line in lines if line.startswith("E:") or "error" in line.lower()), lines[0])


# ------------------------------------------------------------------------------------------- packages


def find_command(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name, path=SEARCH_PATH))), None)


def need_command(package: str, *names: str) -> str:
    """Find a command; install its package if none of the names exists.

    :return: its path
    """
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
        # The result is not checked: an unreachable source may not be needed.
        subprocess.run([apt, "-qq", "update"], env=environment, check=False)
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise MissingError(f"apt-get install {package} failed: {error_line(done.stderr)}")


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
    """Find a server: the configured one, one that is running, or a private one that is started.

    :return: its URL
    """
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
    """Start a server, wait until it answers, and stop it when the stack is closed."""
    log = folder / "server.log"
    with log.open("wb") as output:
        # In a session of its own, Ctrl-C does not reach the server, which is stopped after the tests.
        server = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    stack.callback(stop, server)
    give_up_at = time.monotonic() + START_TIMEOUT
    while True:
        try:
            probe(url)
            return
        except MissingError as problem:
            if server.poll() is not None:
                reason = error_line(log.read_text(errors="replace"))
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


def data_folder() -> Path | None:
    """Choose a folder for the database files: in memory, if there is enough, tables are created ten times faster.

    :return: None for the default temporary folder
    """
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED else None


def start_mariadb(stack: ExitStack, *more: str) -> str:
    """Start a private server, and stop it when the stack is closed.

    :param more: options of the server
    :return: its URL
    """
    server = need_command("mariadb-server", "mariadbd")
    prepare = need_command("mariadb-server", "mariadb-install-db")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storefront-mariadb-", dir=data_folder())))
    options = ["--no-defaults", f"--datadir={folder / 'data'}"]
    if os.geteuid() == 0:  # the server refuses to run as root
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
    options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-fast-shutdown=2"]  # durability is not needed
    url = f"mysql+pymysql://root@127.0.0.1:{port}"
    launch(stack, [server, *options, *more], folder, probe_mariadb, url)
    return url


def prepare_data(command: Sequence[str], folder: Path) -> None:
    pipe = subprocess.PIPE
    script = subprocess.Popen(
        command, cwd=folder, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        output, _ = script.communicate()
    finally:
        if script.poll() is None:  # interrupted: end the script's child processes, too
            os.killpg(script.pid, signal.SIGKILL)
            script.wait()
    if script.returncode != 0:
        raise MissingError(f"{command[0]} failed: {error_line(output)}")


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
    path = path or need_command(BROWSERS[0], *BROWSERS)
    try:  # on some systems the command is a stub that only prints how to install the browser
        done = subprocess.run([path, "--version"], check=True, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as problem:
        raise MissingError(f"{path} does not run: {problem}") from problem
    say(f"{done.stdout.strip()}, {path}")
    return path


# --------------------------------------------------------------------------------------------- pytest


# The long tests come first (tests/conftest.py); a worker that is done takes over half of what the other has left.
PARALLEL = ["-n", "2", "--dist", "worksteal"]
SINGLE_PROCESS = ("-n", "-m", "-s", "--pdb", "--trace", "--collect-only")  # long tests and debugging


def run_pytest(arguments: Sequence[str], environment: dict[str, str]) -> int:
    options = [] if any(argument.startswith(SINGLE_PROCESS) for argument in arguments) else PARALLEL
    child = subprocess.Popen([sys.executable, "-m", "pytest", *options, *arguments], env=environment)

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        child.send_signal(signal.SIGINT)  # lets pytest tear down its fixtures; SIGTERM would not

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to pytest itself
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
    sys.exit(128 + number)  # unwinds the stack, which stops the servers


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(ending, end_by_signal)
    chosen = resolved(sys.argv[1:])
    sys.exit(0 if chosen is None else run(chosen))
