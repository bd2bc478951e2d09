"""One shop of many processes, as on several machines: nginx before three servers, two workers, MariaDB, Redis.

with many_processes(folder) as shop:
    shop.servers[0].kill()    # nginx sends its requests to the others
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import demo_shop
from tests.conftest import make_databases
from tests.isolated_shop import shop_at
from tests.live_server import ROOT, LiveShop, Program, inherited_environment, is_healthy
from tests.run import free_port, need_command
from tests.times import machine_time

SERVERS, WORKERS = 3, 2
THREADS = 8  # of each server
DEPLOY = ROOT / "deploy"


@dataclass(frozen=True)
class ManyProcesses:
    """A running shop of many processes.

    :ivar live: what is common to live shops; its server is nginx, its worker the first one
    :ivar servers: each with one process
    """

    live: LiveShop
    servers: tuple[Program, ...]
    workers: tuple[Program, ...]
    redis: Program


@contextmanager
def many_processes(folder: Path, **settings: str) -> Iterator[ManyProcesses]:
    """Run the demo shop within the block; its databases are dropped at the end.

    :param settings: environment variables of the shop
    :raise MissingError: nginx or Redis cannot be had
    """
    with ExitStack() as stack:
        database_url = stack.enter_context(contextmanager(make_databases)("mariadb", folder))
        port, redis_port = free_port(), free_port()
        environment = inherited_environment() | {
            "STOREFRONT_ENV": "development",
            "STOREFRONT_DATA": str(folder),
            "DATABASE_URL": database_url,
            "DATABASE_POOL_SIZE": "2",
            "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            "PUBLIC_ORIGIN": f"http://127.0.0.1:{port}",
            "PROXY_COUNT": "1",
            "RATELIMIT_ENABLED": "0",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        servers = {free_port(): number for number in range(SERVERS)}
        programs = [_server(number, at, environment, folder) for at, number in servers.items()]
        workers = [_worker(number, environment, folder) for number in range(WORKERS)]
        proxy, redis = _nginx(port, list(servers), folder), _redis(redis_port, folder)
        for program in (redis, *programs, *workers, proxy):
            stack.callback(program.stop)
        with machine_time(), shop_at(database_url, folder) as app, app.app_context():
            demo_shop.fill()
        for program in (redis, *workers, *programs, proxy):
            program.start()
        live = LiveShop(environment["PUBLIC_ORIGIN"], folder, database_url, environment, proxy, workers[0])
        yield ManyProcesses(live, tuple(programs), tuple(workers), redis)


def _server(number: int, port: int, environment: dict[str, str], folder: Path) -> Program:
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "1", "--threads", str(THREADS), "wsgi:app"]
    origin = f"http://127.0.0.1:{port}"
    return Program(f"server {number}", command, environment, folder / f"server{number}.log", lambda: is_healthy(origin))


def _worker(number: int, environment: dict[str, str], folder: Path) -> Program:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
    return Program(f"worker {number}", command, environment, folder / f"worker{number}.log")


def _nginx(port: int, servers: list[int], folder: Path) -> Program:
    command = [need_command("nginx-light", "nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    command += ["-e", str(folder / "nginx.log"), "-g", "daemon off;"]
    (folder / "nginx.conf").write_text(_configuration(port, servers, folder))
    origin = f"http://127.0.0.1:{port}"
    return Program("nginx", command, dict(os.environ), folder / "nginx.log", lambda: is_healthy(origin))


def _redis(port: int, folder: Path) -> Program:
    command = [need_command("redis-server", "redis-server"), "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--save", "", "--dir", str(folder)]
    return Program("redis", command, inherited_environment(), folder / "redis.log", lambda: _accepts(port))


def _accepts(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _configuration(port: int, servers: list[int], folder: Path) -> str:
    """The configuration of deploy/, without TLS and on other ports."""
    upstream = (DEPLOY / "nginx-upstream.conf").read_text()
    upstream = upstream.replace("server 127.0.0.1:9090;", "".join(f"server 127.0.0.1:{each};" for each in servers))
    site = (DEPLOY / "nginx.conf").read_text()
    redirect, site = site.partition("server {")[0], site.rpartition("server {")[2]
    site = re.sub(r"listen 443[^;]*;", f"listen 127.0.0.1:{port};", f"{redirect}server {{{site}")
    site = re.sub(r"\n *(listen \[::\]|ssl_)[^\n]*", "", site)
    site = site.replace("/var/log/nginx/storefront.log", str(folder / "requests.log")).replace("$host;", "$http_host;")
    kept = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{name}_temp_path {folder / name};\n" for name in kept)
    user = "user root;\n" if os.geteuid() == 0 else ""  # who may read the test's folder
    return f"{user}pid {folder / 'nginx.pid'};\nevents {{}}\nhttp {{\n{paths}{upstream}\n{site}\n}}\n"
