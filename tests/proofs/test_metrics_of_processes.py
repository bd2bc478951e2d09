"""Metrics and logs of a running shop: two server processes and a worker, scraped as Prometheus does it."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.live_server import LiveShop, eventually, live_shop
from tests.run import free_port

PAGE = "/product/6-the-seven-husbands-of-evelyn-hugo"
ROUTE = "/product/<id:product_id>-<slug>"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where deploy/gunicorn_metrics.py keeps the files


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    """Of server and worker."""
    return free_port(), free_port()


@pytest.fixture(scope="module")
def shop(ports: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    settings = {
        "METRICS_PORT": str(ports[0]),
        "WORKER_METRICS_PORT": str(ports[1]),
        "LOG_FORMAT": "json",
        "LOG_REQUESTS": "all",
    }
    with live_shop("sqlite", tmp_path_factory.mktemp("live"), workers=2, **settings) as shop:
        yield shop


def get(origin: str, path: str) -> tuple[str, str]:
    """Ask on a connection of its own.

    :return: body, and request id
    """
    with closing(HTTPConnection(urlsplit(origin).netloc, timeout=30)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read().decode(), answer.headers["X-Request-ID"]


def samples(port: int) -> dict[str, float]:
    """What is scraped, by name with labels."""
    body, _ = get(f"http://127.0.0.1:{port}", "/metrics")
    lines = [line for line in body.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def counted(port: int) -> float:
    return samples(port).get(f'storefront_http_requests_total{{method="GET",route="{ROUTE}",status="200"}}', 0)


def server_processes(shop: LiveShop) -> list[int]:
    assert shop.server.process is not None
    found = Path(f"/proc/{shop.server.process.pid}/task/{shop.server.process.pid}/children").read_text()
    return [int(pid) for pid in found.split()]


def test_requests_of_all_processes_are_counted_and_a_process_that_dies_takes_none_with_it(
    shop: LiveShop, ports: tuple[int, int]
) -> None:
    before = counted(ports[0])
    for _ in range(20):
        get(shop.origin, PAGE)
    assert counted(ports[0]) == before + 20
    folder = next(SHARED_MEMORY.glob(f"storefront-metrics-{shop.server.process.pid}-*"))  # type: ignore[union-attr]
    victim = server_processes(shop)[0]
    assert (folder / f"gauge_livesum_{victim}.db").exists()
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: not list(folder.glob(f"*_{victim}.db")), "the files of the dead process to go")
    eventually(lambda: len(server_processes(shop)) == 2, "another process to take its place")
    assert counted(ports[0]) == before + 20


def test_the_worker_has_a_port_of_its_own_and_is_seen_by_the_server(shop: LiveShop, ports: tuple[int, int]) -> None:
    eventually(lambda: samples(ports[0]).get("storefront_workers") == 1, "the worker's sign of life")
    assert samples(ports[1])["storefront_ready"] == 1
    assert not any(name.startswith("storefront_http_requests_total") and PAGE in name for name in samples(ports[1]))


def test_every_line_of_every_process_is_json_and_names_its_request(shop: LiveShop) -> None:
    _, request_id = get(shop.origin, "/products?q=secret-word")
    entries = [json.loads(line) for line in shop.server.log.read_text().splitlines()]
    (own,) = [entry for entry in entries if entry.get("request_id") == request_id]
    assert (own["route"], own["status"], own["client"]) == ("/products", 200, "unknown")
    assert Counter("secret-word" in json.dumps(entry) for entry in entries) == {False: len(entries)}
    for entry in entries + [json.loads(line) for line in shop.worker.log.read_text().splitlines()]:
        assert {"time", "level", "logger", "message"} <= entry.keys()
    assert [entry for entry in entries if entry["logger"] == "gunicorn.error"]  # of the process that was killed


def test_a_stopped_server_leaves_no_files_and_those_of_a_killed_one_are_removed(
    shop: LiveShop, ports: tuple[int, int]
) -> None:
    def folders() -> list[str]:
        own = {path.name for path in SHARED_MEMORY.glob("storefront-metrics-*")}
        return sorted(name for name in own if re.match(rf"storefront-metrics-({'|'.join(map(str, pids))})-", name))

    pids = [shop.server.process.pid]  # type: ignore[union-attr]
    shop.server.kill()
    assert len(folders()) == 1
    shop.server.start()
    pids.append(shop.server.process.pid)  # type: ignore[union-attr]
    (new,) = folders()
    assert new.startswith(f"storefront-metrics-{pids[1]}-")
    assert counted(ports[0]) == 0
    shop.server.stop()
    assert folders() == []
