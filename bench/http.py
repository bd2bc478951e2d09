"""Benchmark over HTTP: `python -m bench.http [--seconds 3] [--rounds 3] [--connections 8]`; needs wrk.

The shop that the environment names (STOREFRONT_DATA, DATABASE_URL) and two yardsticks run in the same server with the
same settings (WEB_CONCURRENCY, WEB_THREADS), asked in turn, so that other load affects all alike: (a) a constant
page of 30 kB, (b) a page of 24 products by the ORM. Ratios are medians of the rounds; requests per second depend on
the machine. Every request of a row must be answered 200 or 303.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

HOST = "127.0.0.1"
PORTS = {"shop": 9391, "yardstick": 9392}
FORM = "application/x-www-form-urlencoded"
OWN = {"Sec-Fetch-Site": "same-origin"}
START_SECONDS = 60


@dataclass(frozen=True)
class Row:
    """Something that is measured.

    :ivar visitor: "new" has no cookie; "cart" has three lines in the cart
    :ivar base: the yardstick of its ratio
    :ivar form: fields to post; none: a GET
    """

    name: str
    path: str
    visitor: str = "new"
    base: str = "b"
    form: dict[str, str] | None = None


PRODUCT = "/product/1-apple-iphone-15-pro-max"
ROWS = [
    Row("home", "/", base="a"),
    Row("category", "/category/electronics", base="a"),
    Row("product", PRODUCT, base="a"),
    Row("category, with a cart", "/category/electronics", "cart"),
    Row("product, with a cart", PRODUCT, "cart"),
    Row("search, with a cart", "/products?q=monsoon", "cart"),
    Row("cart, three lines", "/cart", "cart"),
    Row("add to a new cart", "/cart/lines", form={"quantity": "1", "csrf_token": ""}),
    Row("JSON product", "/api/products/1"),
]


@dataclass(frozen=True)
class Figures:
    """What one run of wrk measured. Seconds are those of one request."""

    per_second: float
    p50: float
    p99: float
    processor: float


@contextmanager
def server(name: str, application: str) -> Iterator[int]:
    """Serve an application as bin/shop does, within the block.

    :return: the id of its first process
    """
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
            ask(port, "GET", "/health")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nothing answers at port {port}")


def ask(port: int, method: str, path: str, body: str = "", **headers: str) -> tuple[http.client.HTTPMessage, str]:
    """Send a request.

    :return: headers and body of the answer
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    body_text = response.read().decode(errors="replace")
    connection.close()
    return response.headers, body_text


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


def fill_cart() -> tuple[str, str]:
    """Put three products into a cart.

    :return: the visitor's cookie, and the SKU of the first product
    """
    _, listing = ask(PORTS["shop"], "GET", "/products")
    cookie, skus = "", list(dict.fromkeys(re.findall(r'name="sku" value="([^"]+)"', listing)))[:3]
    for sku in skus:
        form = urlencode({"sku": sku, "quantity": "1", "csrf_token": ""})
        headers = {**OWN, "Content-Type": FORM, "Cookie": cookie}
        answered, _ = ask(PORTS["shop"], "POST", "/cart/lines", form, **headers)
        cookie = (answered["Set-Cookie"] or cookie).partition(";")[0]
    return cookie, skus[0]


def run_wrk(port: int, path: str, headers: dict[str, str], form: str, pid: int, options: argparse.Namespace) -> Figures:
    """Ask for one address as often as possible."""
    command = ["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--latency"]
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
    count = int(re.search(r"(\d+) requests in", done.stdout)[1])  # type: ignore[index]
    latency = {
        part: float(value) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[unit]
        for part, value, unit in re.findall(r"(\d+)%\s+([\d.]+)(us|ms|s)", done.stdout)
    }
    per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])  # type: ignore[index]
    return Figures(per_second, latency["50"], latency["99"], spent / count)


def measure(options: argparse.Namespace) -> None:
    """Measure every row and print the table."""
    with server("yardstick", "bench.yardsticks:app") as yardstick, server("shop", "wsgi:app") as shop:
        cookie, sku = fill_cart()
        results: dict[str, list[Figures]] = {}
        ratios: dict[str, list[float]] = {}
        for _ in range(options.rounds):
            bases = {}
            for name, path in (("a", "/constant"), ("b", "/orm")):
                bases[name] = run_wrk(PORTS["yardstick"], path, {}, "", yardstick, options)
                results.setdefault(f"({name})", []).append(bases[name])
            for row in ROWS:
                headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
                headers |= {"Cookie": cookie} if row.visitor == "cart" else {}
                form = urlencode({**row.form, "sku": sku}) if row.form else ""
                headers |= {"Content-Type": FORM, "HX-Request": "true", **OWN} if form else {}
                found = run_wrk(PORTS["shop"], row.path, headers, form, shop, options)
                results.setdefault(row.name, []).append(found)
                ratios.setdefault(row.name, []).append(found.per_second / bases[row.base].per_second)
        print(f"{'row':24} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'cpu ms':>8} {'ratio':>14}")
        bases_of = {row.name: row.base for row in ROWS}
        for name, figures in results.items():
            middle = sorted(figures, key=lambda each: each.per_second)[len(figures) // 2]
            ratio = f"{statistics.median(ratios[name]):.0%} of ({bases_of[name]})" if name in ratios else ""
            print(
                f"{name:24} {middle.per_second:8.0f} {middle.p50 * 1000:8.2f} {middle.p99 * 1000:8.2f} "
                f"{middle.processor * 1000:8.2f} {ratio:>14}"
            )
        print(f"memory of a server process: {memory(shop):.0f} MiB; of the yardstick's: {memory(yardstick):.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing. On Debian: apt-get install wrk")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
