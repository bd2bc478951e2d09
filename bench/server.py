"""The servers that `bench.http` measures, their processes, and wrk, which asks them."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
PORTS = {"shop": 9391, "yardstick": 9392}
START_SECONDS = 60
UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Figures:
    """What one run of wrk measured.

    :ivar p50: seconds of a request
    :ivar processor: seconds that the server's processes took for a request
    :ivar bytes: of an answer, headers included
    """

    per_second: float
    p50: float
    p99: float
    processor: float
    bytes: float


@contextmanager
def server(name: str, application: str) -> Iterator[int]:
    """Serve an application as bin/shop does, within the block.

    :return: the id of its first process
    """
    with socket.socket() as client:
        if client.connect_ex((HOST, PORTS[name])) == 0:
            raise SystemExit(f"another server listens at port {PORTS[name]}")
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
    command += ["--bind", f"{HOST}:{PORTS[name]}", application]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "RATELIMIT_ENABLED": "0"})
        try:
            _wait_for(PORTS[name])
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(port: int) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at:
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=30)
            connection.request("GET", "/health")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            connection.close()
            return
    raise SystemExit(f"nothing answers at port {port}")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_seconds(pid: int) -> float:
    """Seconds of processor that the server's processes took so far."""
    stats = (Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in children(pid))
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Resident MiB of the largest process of the server."""
    sizes = (re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text()) for one in children(pid))
    return max(int(size[1]) for size in sizes if size) / 1024


def run_wrk(
    port: int, path: str, headers: Mapping[str, str], form: str, pid: int, *, seconds: int, connections: int
) -> Figures:
    """Ask for one address as often as possible.

    :param form: body to post; empty: a GET
    :param pid: of the server's first process
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if form:
            script.write(f'wrk.method = "POST"\nwrk.body = "{form}"\n')
            script.flush()
            command += ["-s", script.name]
        before = processor_seconds(pid)
        done = subprocess.run([*command, f"http://{HOST}:{port}{path}"], capture_output=True, text=True, check=True)
        spent = processor_seconds(pid) - before
    if "Non-2xx" in done.stdout:
        raise SystemExit(f"{path}: {done.stdout}")
    count = int(_find(r"(\d+) requests in", done.stdout)[0])
    size, unit = _find(r"requests in [\d.]+\w+, ([\d.]+)([KMG]?)B read", done.stdout)
    latency = {
        part: float(value) * SECONDS[unit]
        for part, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)", done.stdout)
    }
    return Figures(
        per_second=float(_find(r"Requests/sec:\s+([\d.]+)", done.stdout)[0]),
        p50=latency["50"],
        p99=latency["99"],
        processor=spent / count,
        bytes=float(size) * UNITS[unit] / count,
    )


def _find(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"wrk said:\n{text}")
    return found.groups()
